// Requirements of these tests; a test without them is skipped. Also runs programs to their end.
import { skippableTest } from "../support/skippable.ts";

/** The compiled binary under test, empty without one. */
export const BINARY = Deno.env.get("EXOIP_BIN") ?? "";

/** Requirements of a test. */
export interface Needs {
  readonly root?: boolean;
  readonly binary?: boolean;
  /** Programs, each with its Debian package: `ifup (ifupdown)`. */
  readonly tools?: readonly string[];
}

/** A test on a Linux machine with all requirements; else it is skipped, and its name says why. */
export function machineTest(name: string, needs: Needs, body: () => Promise<void> | void): void {
  skippableTest(name, whatIsMissing(needs), body);
}

function whatIsMissing({ root = false, binary = false, tools = [] }: Needs): string | null {
  if (Deno.build.os !== "linux") return `needs Linux, this is ${Deno.build.os}`;
  if (root && Deno.uid() !== 0) return `needs root, this is user ${Deno.uid()}`;
  if (binary && BINARY === "") return "needs EXOIP_BIN, the compiled binary";
  const wanted = tools.filter((tool) => !hasTool(tool.split(" ")[0] ?? ""));
  return wanted.length > 0 ? `needs ${wanted.join(", ")}` : null;
}

/** Whether that program is installed. */
export function hasTool(name: string): boolean {
  const folders = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`.split(":").filter(Boolean);
  return folders.some((folder) => exists(`${folder}/${name}`));
}

/** Whether that path exists. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The output of a program, and how it ended. */
export interface Outcome {
  readonly code: number;
  /** Standard output, then standard error. */
  readonly text: string;
}

/** Runs a program to its end. */
export async function runTool(
  [program = "", ...args]: readonly string[],
  { env = {}, cwd }: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Outcome> {
  const options: Deno.CommandOptions = { args, env: { LC_ALL: "C.UTF-8", ...env }, stdin: "null" };
  if (cwd !== undefined) options.cwd = cwd;
  const { code, stdout, stderr } = await new Deno.Command(program, options).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Runs a program that must succeed. */
export async function mustRun(...call: Parameters<typeof runTool>): Promise<string> {
  const { code, text } = await runTool(...call);
  if (code !== 0) throw new Error(`${call[0].join(" ")} ended with ${code}: ${text}`);
  return text;
}

/** A shipped file, by its path under scripts/package. */
export function shipped(path: string): string {
  return new URL(`../../scripts/package/${path}`, import.meta.url).pathname;
}

/** A folder that is removed after the test. */
export async function inFolder(body: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "exoip-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes a file, and creates its parent folders. */
export async function put(path: string, text: string, mode = 0o644): Promise<void> {
  await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(path, text, { mode });
}
