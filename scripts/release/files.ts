// Files and programs, for the release scripts.

/** Standard output of a program that must succeed. Its standard error explains a failure. */
export async function output(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const env = { NO_COLOR: "1", ...options.env };
  const command = new Deno.Command(program, { ...options, env, args: [...args], stderr: "piped" });
  const { code, stdout, stderr } = await command.output();
  if (code === 0) return new TextDecoder().decode(stdout).trim();
  // Cut the stack of the runtime that follows: it has no symbols.
  const [said = ""] = new TextDecoder().decode(stderr).split("Stack backtrace:");
  throw new Error(`${program} ${args[0]} ended with ${code}: ${said.trim()}`);
}

/** Copies a file or a folder; ignores a missing one. */
export async function copy(from: string, to: string): Promise<void> {
  const info = await Deno.stat(from).catch(() => null);
  if (info?.isFile) return await Deno.copyFile(from, to);
  if (!info) return;
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

/** Paths of all files in a folder and below it, without following links. */
export async function* files(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* files(path);
    else if (isFile) yield path;
  }
}

/** SHA-256 as lower-case hexadecimal digits. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Replaces a file atomically: no reader sees it half written. */
export async function replaceFile(
  path: string,
  bytes: Uint8Array,
  mode: number = 0o644,
): Promise<void> {
  const temporary = `${path}.${Deno.pid}.part`;
  await Deno.writeFile(temporary, bytes, { mode });
  await Deno.rename(temporary, path);
}
