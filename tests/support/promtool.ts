// Prometheus' own tool, if installed.

/** Why it is not usable here; null when it is. */
export function promtoolMissing(): string | null {
  return run(["--version"]) === null ? "promtool is not installed" : null;
}

function run(args: string[]): number | null {
  try {
    return new Deno.Command("promtool", { args, stdout: "null", stderr: "null" }).outputSync().code;
  } catch {
    return null;
  }
}

/** Runs it with that input; returns its output and exit state. */
export async function promtool(
  args: readonly string[],
  input = "",
): Promise<{ code: number; output: string }> {
  const child = new Deno.Command("promtool", {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}
