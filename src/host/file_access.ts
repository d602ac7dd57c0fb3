// Who besides us may read or replace a file, judged by its mode and owner, and those of every folder and link on its
// path. ACLs are ignored.
import { within } from "./text_file.ts";

/** What others may do with a file, each in words for a message; null where no one may, or it is unknown. */
export interface FileAccess {
  /** Set if everybody may read it. A group does not count: a service may read its file through its group. */
  readonly readable: string | null;
  /** Set if a user other than us and root may change or replace it. */
  readonly writable: string | null;
}

/** One step on the path to a file. */
export interface PathStep {
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
  /** As in chmod(1), with the sticky bit. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The user and group of this process. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** Time limit for checking the whole path. */
const LOOK_MS = 5_000;
const ROOT = 0, STICKY = 0o1000;
const NOBODY: FileAccess = { readable: null, writable: null };

/** Read at the start, because the right to ask may be given up later. */
const SELF: Identity | null = identity();

/** The access of others to a file; null when it cannot be examined. On Windows it reports none. */
export async function fileAccess(path: string): Promise<FileAccess | null> {
  if (SELF === null) return NOBODY;
  try {
    return accessOf(await within(LOOK_MS, path, () => stepsTo(path)), SELF);
  } catch {
    return null;
  }
}

/** What these steps, including the file itself, let others do. */
export function accessOf(steps: readonly PathStep[], self: Identity): FileAccess {
  const folders = steps.filter(({ kind }) => kind === "folder");
  const file = steps.find(({ kind }) => kind === "file");
  const reachable = folders.every(({ mode }) => (mode & 0o001) !== 0);
  const readable = file && reachable && (file.mode & 0o004) !== 0
    ? `everybody on this machine may read it (mode ${shown(file.mode)})`
    : null;
  const trouble = steps.map((step) => troubleOf(step, self)).find((text) => text !== null);
  return { readable, writable: trouble ?? null };
}

function troubleOf(step: PathStep, self: Identity): string | null {
  const { kind, path, mode, uid } = step;
  const it = kind === "file" ? "it" : kind === "link" ? `the link ${path}` : `its folder ${path}`;
  if (uid !== ROOT && uid !== self.uid) return `${it} belongs to another user (${uid})`;
  // A link has no mode of its own. In a sticky folder users can replace only their own files.
  if (kind === "link" || (kind === "folder" && (mode & STICKY) !== 0)) return null;
  if (!othersWrite(step, self)) return null;
  return kind === "file"
    ? `others may write it (mode ${shown(mode)})`
    : `others may write to ${it} (mode ${shown(mode)})`;
}

/** Whether others may write. A private group, which many systems make for each user, does not count as others. */
function othersWrite({ mode, gid }: PathStep, self: Identity): boolean {
  const own = gid === ROOT || (gid === self.gid && self.gid === self.uid);
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && !own);
}

function shown(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

/** The steps of the path as written, with its links, and of the real path. */
async function stepsTo(path: string): Promise<PathStep[]> {
  const written = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  const real = await Deno.realPath(path);
  const steps = new Map<string, PathStep>();
  for (const each of new Set([...prefixesOf(written), ...prefixesOf(real)])) {
    const { isFile, isSymlink, mode, uid, gid } = await Deno.lstat(each);
    const kind = isSymlink ? "link" : isFile || each === real ? "file" : "folder";
    steps.set(each, { path: each, kind, mode: mode ?? 0, uid: uid ?? ROOT, gid: gid ?? ROOT });
  }
  return [...steps.values()];
}

function prefixesOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  return ["/", ...names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`)];
}

function identity(): Identity | null {
  if (Deno.build.os === "windows") return null;
  const [uid, gid] = [Deno.uid(), Deno.gid()];
  return uid === null || gid === null ? null : { uid, gid };
}
