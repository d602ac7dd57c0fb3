// Requirements of these tests; a test without them is skipped.
import { skippableTest } from "../support/skippable.ts";
import { compiledBinary, run } from "./archive.ts";

/** A test of the image built from a compiled binary. Without its requirements it is skipped, and its name says why. */
export function imageTest(
  name: string,
  body: (binary: string) => Promise<void>,
  { needs = [] }: { needs?: readonly Need[] } = {},
): void {
  const missing = BINARY === null ? NO_BINARY : needs.map((need) => MISSING[need]).find(Boolean);
  skippableTest(name, missing || null, () => body(BINARY ?? ""));
}

/** What a test may need beside the binary. */
export type Need = "runc" | "skopeo" | "namespaces";

const BINARY = await compiledBinary();
const NO_BINARY = "no compiled binary for Linux: deno task compile, or EXOIP_BIN";
const MISSING: Readonly<Record<Need, string | null>> = {
  runc: await whyNoContainers(),
  skopeo: await run("skopeo", ["--version"]).then(() => null, () => "needs the command skopeo"),
  namespaces: await run("ip", ["netns", "list"])
    .then(() => null, () => "needs the command ip of iproute2"),
};

/** Why no container runs here; null when one does. */
export async function whyNoContainers(): Promise<string | null> {
  if (Deno.build.os !== "linux") return `needs Linux, this is ${Deno.build.os}`;
  if (Deno.uid() !== 0) return `needs root, this is user ${Deno.uid()}`;
  return await run("runc", ["--version"]).then(() => null, () => "needs the command runc");
}
