// The installer of a release: scripts/install.sh with its version and the URL of the release's files.
import { replaceFile } from "./files.ts";
import { VERSION } from "./targets.ts";

const SOURCE = new URL("../install.sh", import.meta.url);

/** The installer for releases below `url`, which has a folder `vVERSION` for each. */
export async function stampedInstaller(url: string, version: string = VERSION): Promise<string> {
  // Both must be plain text to a shell.
  for (const value of [url, version]) {
    if (!/^[\w.:/~+-]+$/.test(value)) {
      throw new Error(`${value} cannot be written into the installer`);
    }
  }
  const source = await Deno.readTextFile(SOURCE);
  return source.replace("=@VERSION@\n", `=${version}\n`).replace("=@URL@\n", `=${url}\n`);
}

/** Writes it beside the release's files. */
export async function writeInstaller(url: string, folder: string = "dist"): Promise<void> {
  const text = await stampedInstaller(url);
  await replaceFile(`${folder}/install.sh`, new TextEncoder().encode(text), 0o755);
}
