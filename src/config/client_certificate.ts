// A client's certificate and its key, read from two files. The runtime must get only what it can use: given a key that
// does not match, or a certificate that it cannot read, Deno 2.7 does not throw but ends the process.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { encodeBase64 } from "@std/encoding/base64";
import { unusableIn } from "./x509.ts";

/** A certificate, perhaps followed by those of intermediate authorities, and its key, PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** What is wrong, in words that follow the file's name; for `both`, between the names of key and certificate. */
export interface FileProblem {
  readonly file: "cert" | "key" | "both";
  readonly text: string;
}

const CERTIFICATE = "CERTIFICATE", KEY = "(?:RSA |EC )?PRIVATE KEY";
const CURVES = ["prime256v1", "secp384r1", "secp521r1"], RSA_BITS_MIN = 2_048;
const WANTED_KEYS =
  `RSA of ${RSA_BITS_MIN} bits or more, EC with P-256, P-384 or P-521, or Ed25519`;

/** The pair in the texts of the two files, without any other text in them; or what is wrong with it. */
export function pairIn(
  { cert, key }: ClientCertificate,
): ClientCertificate | { readonly problems: readonly FileProblem[] } {
  const chain = certificatesIn(cert), privateKey = keyIn(key);
  const problems = [chain, privateKey].filter((each) => "file" in each);
  if ("file" in chain || "file" in privateKey) return { problems };
  const matches = chain.found.findIndex(({ x509 }) => x509.checkPrivateKey(privateKey.found));
  if (matches === 0) {
    return { cert: chain.found.map(({ pem }) => pem).join("\n"), key: privateKey.pem };
  }
  const text = matches < 0
    ? "is not the key of the certificate in"
    : `is the key of certificate ${matches + 1}, which must come first, in`;
  return { problems: [{ file: "both", text }] };
}

interface Read {
  readonly x509: X509Certificate;
  readonly pem: string;
}

/** All certificates, the client's own first. */
function certificatesIn(text: string): { found: readonly Read[] } | FileProblem {
  const bodies = bodiesIn(text, CERTIFICATE);
  const problem = (what: string): FileProblem => ({ file: "cert", text: what });
  if (bodies.length === 0) return problem("has no certificate in PEM form");
  const found: Read[] = [];
  for (const [index, { body }] of bodies.entries()) {
    const which = bodies.length === 1 ? "the certificate" : `certificate ${index + 1}`;
    try {
      const bytes = decoded(body);
      const pem = pemOf(CERTIFICATE, bytes), x509 = new X509Certificate(pem);
      const unusable = index === 0 ? unusableIn(bytes) : null;
      if (unusable !== null) return problem(`${which} ${unusable}`);
      found.push({ x509, pem });
    } catch {
      return problem(`${which} cannot be read: it is damaged`);
    }
  }
  return { found };
}

/** The first key in the text; other programs use the first one, too. */
function keyIn(text: string): { found: KeyObject; pem: string } | FileProblem {
  const problem = (what: string): FileProblem => ({ file: "key", text: what });
  if (/BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text)) {
    return problem("has an encrypted key, which exoip cannot decrypt");
  }
  const [first] = bodiesIn(text, KEY);
  if (!first) return problem("has no private key in PEM form");
  let found: KeyObject, pem: string;
  try {
    found = createPrivateKey(pemOf(first.label, decoded(first.body)));
    // The export computes all numbers of an RSA key again: the runtime refuses a key in which one of them is wrong.
    pem = found.export({ type: "pkcs8", format: "pem" }).toString();
  } catch {
    return problem(`has a key that cannot be read: it is damaged, or not ${WANTED_KEYS}`);
  }
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details = {} } = found;
  const { namedCurve = "", modulusLength = 0 } = details;
  const usable = kind === "ed25519" || (kind === "ec" && CURVES.includes(namedCurve)) ||
    (kind === "rsa" && modulusLength >= RSA_BITS_MIN);
  const is = [kind, namedCurve || (modulusLength && `of ${modulusLength} bits`) || ""].join(" ");
  return usable
    ? { found, pem }
    : problem(`has a key of another kind (${is.trim()}): wanted ${WANTED_KEYS}`);
}

/** The Base64 in each block with that label; for a block without an end, a text that cannot be decoded. */
function bodiesIn(text: string, label: string): { label: string; body: string }[] {
  const blocks = new RegExp(`-----BEGIN (${label})-----([^-]*)(-----END \\1-----)?`, "g");
  return [...text.matchAll(blocks)].map(([, found = "", body = "", end = ""]) => ({
    label: found,
    body: end === "" ? "cut off" : body.replace(/\s+/g, ""),
  }));
}

/** The bytes in a block. Throws if its text is not Base64. */
function decoded(body: string): Uint8Array {
  return Uint8Array.from(atob(body), (byte) => byte.charCodeAt(0));
}

function pemOf(label: string, bytes: Uint8Array): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
