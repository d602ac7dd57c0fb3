// The part of the user data for a lease (docs/set-up/lease.md): variables, files, and how the service gets the files
// that only root may read.

/** A lease in etcd. Everything but the store may be empty. */
export interface Lease {
  /** As in `--lease`. */
  readonly store: string;
  readonly user: string;
  readonly password: string;
  /** The authority of etcd's certificates, and the certificate and key that this machine shows etcd: PEM texts. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** One file that cloud-init writes. */
export interface Written {
  readonly path: string;
  readonly permissions: string;
  readonly content: string;
}

/** The pattern of each value, and its description. */
const ENDPOINT = "https?://[A-Za-z0-9.:\\[\\]-]+/?";
const FORMS: Readonly<Record<keyof Lease, readonly [RegExp, string]>> = {
  store: [
    RegExp(`^etcd:${ENDPOINT}(?:,(?:etcd:)?${ENDPOINT}){0,19}$`),
    "etcd:https://HOST:2379[,https://...]",
  ],
  user: [/^$|^[A-Za-z0-9][\w.@-]{0,253}$/, "the name of a user of etcd"],
  password: [/^$|^[!-~](?:[ -~]{0,998}[!-~])?$/, "a password on one line, in ASCII"],
  ca: [pem("CERTIFICATE"), "a PEM file with certificates"],
  cert: [pem("CERTIFICATE"), "a PEM file with a certificate"],
  key: [pem("(?:EC |RSA )?PRIVATE KEY"), "a PEM file with a private key that has no password"],
};
const SHOWN: ReadonlyArray<keyof Lease> = ["store", "user"];

/** Where each file is, and the variable that names it. Only root may read those of the secrets. */
const FILES = [
  { of: "password", path: "/etc/exoip/etcd.password", option: "lease-password-file", secret: true },
  { of: "ca", path: "/etc/exoip/ca.pem", option: "ca-file", secret: false },
  { of: "cert", path: "/etc/exoip/etcd-cert.pem", option: "lease-cert-file", secret: false },
  { of: "key", path: "/etc/exoip/etcd-key.pem", option: "lease-key-file", secret: true },
] as const;

function pem(label: string): RegExp {
  return RegExp(
    `^$|(?:^|\\n)-----BEGIN ${label}-----\\n[\\n -~]+\\n-----END ${label}-----(?:\\n|$)`,
  );
}

/** The lease with clean texts. Throws for one that would be more than a value in the result, or that lacks another. */
export function checkedLease(lease: Lease): Lease {
  const clean = { ...lease };
  for (const name of ["ca", "cert", "key"] as const) {
    clean[name] = lease[name].replaceAll("\r\n", "\n").trim();
  }
  for (const [name, [form, wanted]] of Object.entries(FORMS)) {
    const value = clean[name as keyof Lease];
    const found = SHOWN.includes(name as keyof Lease) ? JSON.stringify(value) : "something else";
    const plain = form.test(value) && /^[\n -~]*$/.test(value);
    if (!plain) throw new Error(`lease, ${name}: found ${found}, wanted ${wanted}`);
  }
  for (const [one, other] of [["user", "password"], ["cert", "key"]] as const) {
    if ((clean[one] === "") !== (clean[other] === "")) {
      throw new Error(`lease: found only one of ${one} and ${other}, wanted both`);
    }
  }
  return clean;
}

/** The options of the lease, as in a stanza of ifupdown, in which every file is readable, because root runs exoip. */
export function leaseOptions(lease: Lease): Array<readonly [option: string, value: string]> {
  return [
    ["lease", lease.store],
    ...(lease.user ? [["lease-user", lease.user] as const] : []),
    ...filesOf(lease).map(({ option, path }) => [option, path] as const),
  ];
}

/** The variables of the lease for the service. The files of the secrets are not among them: see `dropIn`. */
export function leaseVariables(lease: Lease): string[] {
  const secrets: string[] = filesOf(lease).filter(({ secret }) => secret).map(({ option }) =>
    option
  );
  return leaseOptions(lease).filter(([option]) => !secrets.includes(option))
    .map(([option, value]) => `IF_${option.replaceAll("-", "_").toUpperCase()}=${value}`);
}

/** The files themselves. */
export function leaseFiles(lease: Lease): Written[] {
  return filesOf(lease).map(({ of, path, secret }) => ({
    path,
    permissions: secret ? "0600" : "0644",
    content: lease[of],
  }));
}

/** Lets systemd give the service a copy of the files that only root may read; nothing without such files. */
export function dropIn(lease: Lease): Written[] {
  const secrets = filesOf(lease).filter(({ secret }) => secret);
  if (secrets.length === 0) return [];
  const credential = (option: string) => option.replace(/-file$/, "");
  const copies = secrets.map(({ option, path }) => `LoadCredential=${credential(option)}:${path}`);
  const options = secrets.map(({ option }) =>
    ` --${option} \${CREDENTIALS_DIRECTORY}/${credential(option)}`
  );
  const start = "/usr/bin/exoip -W --api-secret-file ${CREDENTIALS_DIRECTORY}/secret";
  const lines = ["[Service]", ...copies, "ExecStart=", `ExecStart=${start}${options.join("")}`];
  return [{
    path: "/etc/systemd/system/exoip.service.d/lease.conf",
    permissions: "0644",
    content: lines.join("\n"),
  }];
}

function filesOf(lease: Lease): ReadonlyArray<typeof FILES[number]> {
  return FILES.filter(({ of }) => lease[of] !== "");
}
