// The repository for dnf, yum and zypper, made by createrepo_c. Packages and metadata are signed.
import type { Key } from "./key.ts";
import type { Package } from "./packages.ts";
import { tool } from "./tool.ts";

/** Makes it in a folder. The packages there are signed copies. */
export async function makeRpm(
  packages: readonly Package[],
  folder: string,
  key: Key,
): Promise<void> {
  await Deno.mkdir(folder);
  for (const { name, path } of packages) await Deno.copyFile(path, `${folder}/${name}`);
  const copies = packages.map(({ name }) => `${folder}/${name}`);
  // Debian's rpm gives gpg without a path to exec(), which does not search.
  const gpg = (await tool(["sh", "-c", "command -v gpg"], { package: "gnupg" })).trim();
  const macros = [`_gpg_name ${key.fingerprint}`, `__gpg ${gpg}`];
  const defined = macros.flatMap((macro) => ["--define", macro]);
  await tool(["rpmsign", ...defined, "--addsign", ...copies], {
    package: "rpm (Debian, Ubuntu) or rpm-sign (Fedora, RHEL)",
    env: { GNUPGHOME: key.home },
  });
  await tool(["createrepo_c", "--quiet", "--no-database", folder], {
    package: "createrepo-c (Debian, Ubuntu) or createrepo_c (Fedora, RHEL)",
  });
  const metadata = `${folder}/repodata/repomd.xml`;
  await key.signBeside(metadata);
  // zypper looks for the key here.
  await Deno.writeTextFile(`${metadata}.key`, key.publicText);
}

/** What users put into /etc/yum.repos.d. */
export function repoFile(url: string): string {
  return `[exoip]
name=exoip
baseurl=${url}/rpm
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=${url}/exoip.asc
`;
}
