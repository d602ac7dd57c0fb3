// dist/SHA256SUMS: the sum of every file of this version, in the format of sha256sum(1).
import { replaceFile, sha256 } from "./files.ts";
import { VERSION } from "./targets.ts";

/** Names of this version's files: `exoip-0.5.0-linux-x64`, `exoip_0.5.0_amd64.deb`, `install.sh`. */
const RELEASED = new RegExp(
  `^(install\\.sh|exoip[-_]${VERSION.replaceAll(".", "\\.")}[-_~+].*(?<!\\.part))$`,
);

/** Whether a file in dist belongs to the release. */
export function isReleased(name: string): boolean {
  return RELEASED.test(name);
}

/** Writes the sums of what a folder has of the release; returns their lines, sorted by name. */
export async function writeSums(folder: string = "dist"): Promise<string[]> {
  const lines: string[] = [];
  const names = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) =>
    name
  );
  for (const name of names.filter(isReleased).sort()) {
    lines.push(`${await sha256(await Deno.readFile(`${folder}/${name}`))}  ${name}`);
  }
  const text = lines.map((line) => `${line}\n`).join("");
  await replaceFile(`${folder}/SHA256SUMS`, new TextEncoder().encode(text));
  return lines;
}

if (import.meta.main) console.log((await writeSums()).join("\n"));
