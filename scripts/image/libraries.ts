// Finds the system files that a Linux program needs to start, as its loader does: the loader that the program names,
// and every library that it or one of these requests.
import { readElf } from "./elf.ts";

/** A file for the image. */
export interface SystemFile {
  /** Absolute path in the image. */
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Folders that loaders search, depending on the distribution. Each loader has its own list compiled in. */
const FOLDERS = [
  "/lib/MULTIARCH",
  "/usr/lib/MULTIARCH",
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
];
const MULTIARCH: Readonly<Record<number, string>> = {
  62: "x86_64-linux-gnu",
  183: "aarch64-linux-gnu",
};
/**
 * From this version on, glibc loads no hidden modules to resolve host names (2.34), and uses /etc/hosts before the name
 * servers if there is no nsswitch.conf (2.35, its bug 28700).
 */
const GLIBC_MINIMUM = "2.35";

/** The loader and the libraries of a program, by path. `root` is the system that provides them. */
export async function systemFiles(
  program: Uint8Array<ArrayBuffer>,
  root: string,
): Promise<SystemFile[]> {
  const { interpreter, needed, machine } = readElf(program);
  if (!interpreter) throw new Error("the program names no loader");
  const loader = await read(root, interpreter, machine);
  if (!loader) {
    throw new Error(`the loader ${interpreter} is not in ${root}, or of another machine`);
  }
  const found = new Map<string, SystemFile>([[loaderName(loader), loader]]);
  const folders = searchedFolders(loader, machine);
  const wanted = [...needed];
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
    if (found.has(name)) continue;
    const library = await findLibrary(name, { root, folders, machine });
    found.set(name, library);
    wanted.push(...readElf(library.bytes).needed);
  }
  const libc = found.get("libc.so.6");
  if (libc && !contains(libc.bytes, `\0GLIBC_${GLIBC_MINIMUM}\0`)) {
    throw new Error(
      `glibc in ${root || "/"} is older than ${GLIBC_MINIMUM}: names would not be resolved`,
    );
  }
  return [...found.values()].sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Libraries request the loader by its own name, too. */
function loaderName({ path, bytes }: SystemFile): string {
  return readElf(bytes).soname ?? path;
}

/** The folders that this loader searches: their names are inside it. The image has no ld.so.cache. */
function searchedFolders(loader: SystemFile, machine: number): string[] {
  return FOLDERS.map((folder) => folder.replace("MULTIARCH", MULTIARCH[machine] ?? ""))
    .filter((folder) => contains(loader.bytes, `${folder}/\0`));
}

async function findLibrary(
  name: string,
  { root, folders, machine }: { root: string; folders: readonly string[]; machine: number },
): Promise<SystemFile> {
  for (const folder of folders) {
    const file = await read(root, `${folder}/${name}`, machine);
    if (file) return file;
  }
  throw new Error(`no library ${name} for machine ${machine} in ${folders.join(", ")} of ${root}`);
}

/** The file, or its link target, if it exists and is for that machine. */
async function read(root: string, path: string, machine: number): Promise<SystemFile | null> {
  const bytes = await readInside(root, path);
  if (!bytes) return null;
  return readElf(bytes).machine === machine ? { path, bytes } : null;
}

/** Reads a file below `root`; an absolute link is relative to `root`. */
async function readInside(root: string, path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  let resolved = "";
  const parts = path.split("/").filter(Boolean);
  for (let links = 0; parts.length > 0;) {
    const part = parts.shift() ?? "";
    if (part === ".") continue;
    if (part === "..") {
      resolved = resolved.slice(0, resolved.lastIndexOf("/"));
      continue;
    }
    const info = await Deno.lstat(`${root}${resolved}/${part}`).catch(() => null);
    if (!info || links > 40) return null;
    if (!info.isSymlink) {
      resolved += `/${part}`;
      continue;
    }
    links++;
    const target = await Deno.readLink(`${root}${resolved}/${part}`);
    if (target.startsWith("/")) resolved = "";
    parts.unshift(...target.split("/").filter(Boolean));
  }
  return await Deno.readFile(`${root}${resolved}`).catch(() => null);
}

function contains(bytes: Uint8Array, text: string): boolean {
  const wanted = new TextEncoder().encode(text), first = wanted[0] ?? 0;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}
