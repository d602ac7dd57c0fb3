// The Helm chart as an archive for `helm install`, dist/exoip-VERSION.tgz: `deno task chart [FOLDER]`. It needs no
// helm, whose own `helm package` puts the present time into the archive: the same commit is to give the same bytes.
import { messageOf } from "../../src/core/message_of.ts";
import { VERSION } from "../../src/version.ts";
import { type Entry, gzip, tar } from "../image/tar.ts";
import { commitTime } from "./main.ts";

const CHART = new URL("helm/exoip/", import.meta.url);

/** Writes the archive into the folder; returns its path. */
export async function packChart(folder: string = "dist"): Promise<string> {
  const entries: Entry[] = [];
  for (const path of filesOf("")) {
    // A link becomes a copy: an archive has no neighbours.
    entries.push({ path: `exoip/${path}`, bytes: await Deno.readFile(new URL(path, CHART)) });
  }
  await Deno.mkdir(folder, { recursive: true });
  const target = `${folder}/exoip-${VERSION}.tgz`;
  await Deno.writeFile(target, await gzip(tar(entries, await commitTime())));
  return target;
}

function* filesOf(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder || ".", CHART))) {
    if (isDirectory) yield* filesOf(`${folder}${name}/`);
    else if (name !== ".helmignore") yield folder + name;
  }
}

if (import.meta.main) {
  try {
    console.log(await packChart(Deno.args[0]));
  } catch (error) {
    console.error(`chart: ${messageOf(error)}`);
    Deno.exit(1);
  }
}
