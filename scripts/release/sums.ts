// dist/SHA256SUMS: the sum of every file of this version, in the format of sha256sum(1).
import { replaceFile, sha256 } from "./files.ts";
import { writeInstaller } from "./installer.ts";
import { VERSION } from "./targets.ts";
import { toolOptions } from "../dev/tool_options.ts";

const USAGE = `Writes dist/SHA256SUMS: the sums of all files of this version.

  deno task sums [--url URL]

  --url URL  where releases are: writes the installer for this one first`;

/** `exoip-0.5.0-linux-x64`, `exoip_0.5.0_amd64.deb`, `install.sh`; the chart is `exoip-0.5.0.tgz`. */
const RELEASED = new RegExp(
  `^(install\\.sh|exoip[-_]${VERSION.replaceAll(".", "\\.")}([-_~+].*(?<!\\.part)|\\.tgz))$`,
);

/** Whether a file in dist belongs to the release. */
export function isReleased(name: string): boolean {
  return RELEASED.test(name);
}

/** Writes the sums of the release's files in a folder; returns the lines, sorted by name. */
export async function writeSums(folder: string = "dist"): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && isReleased(name)) names.push(name);
  }
  const lines: string[] = [];
  for (const name of names.sort()) {
    lines.push(`${await sha256(await Deno.readFile(`${folder}/${name}`))}  ${name}`);
  }
  const text = lines.map((line) => `${line}\n`).join("");
  await replaceFile(`${folder}/SHA256SUMS`, new TextEncoder().encode(text));
  return lines;
}

if (import.meta.main) {
  const { url } = toolOptions("sums", { usage: USAGE, texts: ["url"] });
  if (url) await writeInstaller(url);
  console.log((await writeSums()).join("\n"));
}
