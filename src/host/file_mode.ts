// Who may read a file.

/** Permissions as in chmod(1), null where they cannot be known: no such file, or Windows. */
export async function fileMode(path: string): Promise<number | null> {
  try {
    const { mode } = await Deno.stat(path);
    return mode === null || Deno.build.os === "windows" ? null : mode & 0o777;
  } catch {
    return null;
  }
}
