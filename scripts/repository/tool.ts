// Runs the programs that make a repository.

/** Standard output of a program that must succeed. A missing one is named with its Debian package. */
export async function tool(
  [program = "", ...args]: readonly string[],
  { package: from, input = "", env = {} }: {
    package: string;
    input?: string;
    env?: Record<string, string>;
  },
): Promise<string> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      env: { LC_ALL: "C.UTF-8", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`there is no ${program} here: install ${from}`);
  }
  const writer = child.stdin.getWriter();
  // A program that fails early does not read its input; its exit code says so.
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  if (code === 0) return new TextDecoder().decode(stdout);
  throw new Error(`${program} ended with ${code}: ${new TextDecoder().decode(stderr).trim()}`);
}
