// What to do about an error of the store, as exactly as its words allow.
import { STORE_ERROR_KINDS } from "../../core/registry/store_error_kinds.ts";
import type { StoreError } from "../../leases/store_error.ts";

/** Words of an error, and what to do; `PREFIX` is that of the keys. The first that fits counts. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/http:.* broke off/, "if it speaks TLS, give https:// in --lease"],
  [/does not speak TLS|https:.* broke off/, "if it speaks no TLS, give http:// in --lease"],
  [/UnknownIssuer/, "name the authority of its certificate in --ca-file"],
  [/NotValidForName/, "name it in --lease by a name or an address that its certificate has"],
  [/certificate not accepted \(Expired/, "its certificate has expired: renew it"],
  [
    /handshake refused/,
    "it wants a certificate of this node that it trusts: check --lease-cert-file and --lease-key-file",
  ],
  [
    /: connection closed$/,
    "if etcd runs with --client-cert-auth, its own server certificate must allow client authentication, too " +
    "(extended key usage clientAuth)",
  ],
  [/user name is empty/, "its clients log in: give --lease-user and --lease-password-file"],
  [/common name/, "give --lease-cert-file a certificate without one"],
  [
    /permission denied/,
    "let a role of the user read and write all keys below PREFIX/ (--lease-prefix): " +
    "etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX/",
  ],
  [
    /request timed out|no leader|no answer in time/,
    "more than half of its members must be up and reach each other: look at them with " +
    "etcdctl endpoint status --cluster",
  ],
];

/** The error with its kind, the word by which the runbook explains it. */
export function told({ message, kind }: StoreError): string {
  return `${message} [${kind}]`;
}

/** The error with its kind, and what to do. */
export function advised(error: StoreError, prefix: string): string {
  const [, exact] = ADVICE.find(([words]) => words.test(error.message)) ?? [];
  const general = STORE_ERROR_KINDS[error.kind].cure.replace(/\.$/, "");
  const advice = exact?.replaceAll("PREFIX", prefix) ??
    `${general[0]?.toLowerCase()}${general.slice(1)}`;
  return `${told(error)}: ${advice}`;
}
