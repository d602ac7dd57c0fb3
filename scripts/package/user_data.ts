// cloud-init user data for a machine that may hold an Elastic IP: with netplan and exoip.service, or with ifupdown.
//
//   deno task user-data netplan|ifupdown address=198.51.100.50 peer-group=edge api-key=EXO... api-secret=... \
//     url=https://.../exoip_0.5.0_amd64.deb sha256=... \
//     [lease=etcd:https://... lease-user=exoip lease-password=... lease-ca-file=ca.pem \
//     lease-cert-file=etcd-cert.pem lease-key-file=etcd-key.pem] [IF_LEASE_TTL=30 ...]
//
// The package is installed only if it has that checksum. User data is no place to keep a secret for long: any program
// on the machine can read it from the metadata service. Use a key with the least role (docs/reference/cloud.md).
import { messageOf } from "../../src/core/message_of.ts";
import {
  checkedLease,
  dropIn,
  type Lease,
  leaseFiles,
  leaseOptions,
  leaseVariables,
  type Written,
} from "./user_data_lease.ts";

/** What differs between set-ups. */
export interface Setup {
  /** What configures the machine's network. */
  readonly world: "netplan" | "ifupdown";
  readonly address: string;
  /** Empty when the cloud tells who the peers are. */
  readonly peerGroup: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly priority: string;
  /** "true" lets only one of equal nodes hold the address. */
  readonly exclusive?: string;
  /** Only its owner holds the address. */
  readonly lease?: Lease | null;
  /** More variables of exoip, such as IF_LEASE_TTL. */
  readonly options?: Readonly<Record<string, string>>;
  /** URL of the Debian package. */
  readonly url: string;
  /** Its checksum, 64 hexadecimal digits. */
  readonly sha256: string;
}

/** The pattern of each value, and its description: each value ends up in a file, or in a command, of root's. */
const FORMS: Readonly<
  Record<Exclude<keyof Setup, "lease" | "options">, readonly [RegExp, string]>
> = {
  world: [/^(netplan|ifupdown)$/, "netplan or ifupdown"],
  address: [/^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/, "an IPv4 address"],
  peerGroup: [/^$|^[A-Za-z0-9](?:[\w .+=@-]{0,253}[\w.+=@-])?$/, "the name of a security group"],
  apiKey: [/^EXO[A-Za-z0-9]{1,100}$/, "an API key, EXO..."],
  apiSecret: [/^[A-Za-z0-9][\w+/=~.-]{0,199}$/, "an API secret, one word"],
  priority: [/^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/, "a number from 0 to 255"],
  exclusive: [/^(true)?$/, "true, or nothing"],
  url: [
    /^(?:https?:\/\/[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?|file:\/\/)\/[\w.\/+=~:@%-]{0,1000}$/,
    "the address of a package, https://... or file:///...",
  ],
  sha256: [/^[0-9a-f]{64}$/, "64 hexadecimal digits"],
};

/** Variables that have a value of their own here, or that name files, which this data does not write. */
const OWN = RegExp(
  "^IF_(?:ADDRESS|EXOSCALE_API_KEY|EXOSCALE_API_SECRET|EXOSCALE_PEER_GROUP|HOST_PRIORITY|EXCLUSIVE" +
    "|LEASE|LEASE_USER|.*_FILE)$",
);

/** The user data. Throws for values that would be more than a value in the result. */
export function userData(given: Setup): string {
  for (const [name, [form, wanted]] of Object.entries(FORMS)) {
    const value = given[name as keyof typeof FORMS] ?? "";
    const found = name === "apiSecret" ? "something else" : JSON.stringify(value);
    if (!form.test(value)) throw new Error(`${name}: found ${found}, wanted ${wanted}`);
  }
  const setup = { ...given, lease: given.lease ? checkedLease(given.lease) : null };
  checkOptions(setup);
  const files = setup.world === "netplan" ? netplanFiles(setup) : ifupdownFiles(setup);
  const start = setup.world === "netplan"
    ? ["netplan apply", "systemctl enable --now exoip.service"]
    : ["ifup lo:1"];
  return [
    "#cloud-config",
    "write_files:",
    ...files.flatMap(({ path, permissions, content }) => [
      `- path: ${path}`,
      `  permissions: "${permissions}"`,
      "  content: |",
      ...content.trimEnd().split("\n").map((line) => line && `    ${line}`),
    ]),
    "- path: /run/exoip-install.sh",
    '  permissions: "0755"',
    "  content: |",
    ...installer(setup).trimEnd().split("\n").map((line) => line && `    ${line}`),
    "runcmd:",
    `- "/run/exoip-install.sh && ${start.join(" && ")}"`,
    "",
  ].join("\n");
}

function checkOptions({ options = {}, lease = null }: Setup): void {
  for (const [name, value] of Object.entries(options)) {
    const known = /^IF_[A-Z_]+$/.test(name) && !OWN.test(name);
    if (!known) throw new Error(`${name}: wanted a variable that has no value of its own here`);
    const stray = lease === null && name.startsWith("IF_LEASE_");
    if (stray) throw new Error(`${name}: found no lease, wanted lease=etcd:https://...`);
    if (!/^[\w./+=~:@%,-]{1,500}$/.test(value)) {
      throw new Error(`${name}: found ${JSON.stringify(value)}, wanted one word`);
    }
  }
}

/** Installs and starts nothing if the checksum differs. */
function installer({ url, sha256 }: Setup): string {
  return `#!/bin/sh
set -eu
package=$(mktemp --suffix=.deb)
trap 'rm -f "$package"' EXIT
curl -fsSLo "$package" '${url}' || wget -qO "$package" '${url}'
echo '${sha256}' "$package" | sha256sum --check --quiet -
dpkg -i --force-confold "$package"
`;
}

function netplanFiles(
  { address, peerGroup, apiKey, apiSecret, priority, exclusive, lease = null, options = {} }: Setup,
): Written[] {
  const template = Deno.readTextFileSync(new URL("network/51-exoip.yaml", import.meta.url));
  const variables = [
    `IF_ADDRESS=${address}`,
    `IF_EXOSCALE_API_KEY=${apiKey}`,
    ...(peerGroup ? [`IF_EXOSCALE_PEER_GROUP="${peerGroup}"`] : []),
    `IF_HOST_PRIORITY=${priority}`,
    ...(exclusive ? ["IF_EXCLUSIVE=true"] : []),
    ...(lease ? leaseVariables(lease) : []),
    ...Object.entries(options).map(([name, value]) => `${name}=${value}`),
  ];
  return [
    {
      path: "/etc/netplan/51-exoip.yaml",
      permissions: "0600",
      content: template.replace(/^#.*\n/, "").replace("198.51.100.50", address),
    },
    { path: "/etc/exoip/exoip.env", permissions: "0644", content: variables.join("\n") },
    { path: "/etc/exoip/secret", permissions: "0600", content: apiSecret },
    ...(lease ? [...leaseFiles(lease), ...dropIn(lease)] : []),
  ];
}

function ifupdownFiles(
  { address, peerGroup, apiKey, apiSecret, priority, exclusive, lease = null, options = {} }: Setup,
): Written[] {
  const more = Object.entries(options).map(([name, value]) =>
    [name.slice("IF_".length).toLowerCase().replaceAll("_", "-"), value] as const
  );
  const stanza = [
    "auto lo:1",
    "iface lo:1 inet static",
    `  address ${address}/32`,
    ...(peerGroup ? [`  exoscale-peer-group ${peerGroup}`] : []),
    `  exoscale-api-key ${apiKey}`,
    "  exoscale-api-secret-file /etc/exoip/secret",
    `  host-priority ${priority}`,
    ...(exclusive ? ["  exclusive true"] : []),
    ...[...(lease ? leaseOptions(lease) : []), ...more].map(([name, value]) =>
      `  ${name} ${value}`
    ),
  ];
  return [
    {
      path: "/etc/network/interfaces.d/51-exoip.cfg",
      permissions: "0600",
      content: stanza.join("\n"),
    },
    { path: "/etc/exoip/secret", permissions: "0600", content: apiSecret },
    ...(lease ? leaseFiles(lease) : []),
  ];
}

/** The set-up from the command line's arguments. */
function setupOf([world, ...words]: readonly string[]): Setup {
  const given = new Map(words.map((word) => {
    const at = word.indexOf("=");
    return [word.slice(0, at), word.slice(at + 1)] as const;
  }));
  const of = (name: string, fallback?: string) => {
    const value = given.get(name) || fallback;
    if (value === undefined) throw new Error(`${name}=... is missing`);
    return value;
  };
  if (world !== "netplan" && world !== "ifupdown") {
    throw new Error("begin with netplan or ifupdown");
  }
  return {
    world,
    address: of("address"),
    peerGroup: given.get("peer-group") ?? "",
    apiKey: of("api-key"),
    apiSecret: of("api-secret"),
    priority: of("priority", "10"),
    exclusive: given.get("exclusive") ?? "",
    url: of("url"),
    sha256: of("sha256"),
    lease: leaseIn(given),
    options: Object.fromEntries([...given].filter(([name]) => name.startsWith("IF_"))),
  };
}

/** The lease in the arguments; null without one. */
function leaseIn(given: ReadonlyMap<string, string>): Lease | null {
  const names = [...given.keys()].filter((name) => /^lease-/.test(name));
  const store = given.get("lease") ?? "";
  if (store === "" && names.length > 0) throw new Error(`lease=... is missing beside ${names[0]}`);
  if (store === "") return null;
  const file = (name: string) => {
    const path = given.get(name);
    return path ? Deno.readTextFileSync(path) : "";
  };
  return {
    store,
    user: given.get("lease-user") ?? "",
    password: given.get("lease-password") ?? "",
    ca: file("lease-ca-file"),
    cert: file("lease-cert-file"),
    key: file("lease-key-file"),
  };
}

if (import.meta.main) {
  try {
    console.log(userData(setupOf(Deno.args)).trimEnd());
  } catch (error) {
    console.error(`user-data: ${messageOf(error)}`);
    Deno.exit(1);
  }
}
