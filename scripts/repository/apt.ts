// The repository for apt, made by reprepro.
import type { Key } from "./key.ts";
import type { Package } from "./packages.ts";
import { tool } from "./tool.ts";

const SUITE = "stable", COMPONENT = "main";
/** Where users put the public key; its name ends in asc, so apt takes it armoured. */
const KEYRING = "/etc/apt/keyrings/exoip.asc";

/** The architectures, each once. */
function architectures(packages: readonly Package[]): string {
  return [...new Set(packages.map(({ arch }) => arch))].sort().join(" ");
}

/** Makes it in a folder. Of several versions it offers the newest. */
export async function makeApt(
  packages: readonly Package[],
  folder: string,
  key: Key,
): Promise<void> {
  const base = await Deno.makeTempDir({ prefix: "exoip-reprepro-" });
  try {
    await Deno.mkdir(`${base}/conf`);
    await Deno.writeTextFile(
      `${base}/conf/distributions`,
      `Origin: exoip
Label: exoip
Suite: ${SUITE}
Codename: ${SUITE}
Architectures: ${architectures(packages)}
Components: ${COMPONENT}
Description: keep an Exoscale Elastic IP on a live machine
SignWith: ${key.fingerprint}
`,
    );
    const args = ["--silent", "--basedir", base, "--outdir", folder, "includedeb", SUITE];
    const paths = packages.map(({ path }) => path);
    const env = { GNUPGHOME: key.home };
    await tool(["reprepro", ...args, ...paths], { package: "reprepro", env });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

/** What users put into /etc/apt/sources.list.d. */
export function sourcesFile(url: string, packages: readonly Package[]): string {
  return `Types: deb
URIs: ${url}/apt
Suites: ${SUITE}
Components: ${COMPONENT}
Architectures: ${architectures(packages)}
Signed-By: ${KEYRING}
`;
}
