// Is the port ours to have? If not, it is perhaps a watchdog of ours that has it, whose answer then serves.
import { nameOf } from "../config.ts";
import { hostText } from "../core/ip.ts";
import type { Clock, Link } from "../world.ts";
import type { Facts } from "./facts.ts";
import { fail, ok, type Said } from "./finding.ts";

/** What became of the attempt to have the port. */
export type PortState =
  | { readonly kind: "free"; readonly link: Link }
  /** The lines that it answers to `info`. */
  | { readonly kind: "watchdog"; readonly lines: readonly string[] }
  | { readonly kind: "taken"; readonly reason: string };

/** Questions that are asked; one may get lost. */
const ATTEMPTS = 3, ATTEMPT_MS = 500;

/** Opens the socket that a watchdog would have, and keeps it. */
export async function takePort(
  { config, host }: Pick<Facts, "config" | "host">,
): Promise<PortState> {
  const { hostname, port } = config.listen;
  try {
    return { kind: "free", link: host.openLink(hostname, port) };
  } catch (cause) {
    const lines = cause instanceof Deno.errors.AddrInUse
      ? await askRunning(config.listen, host)
      : null;
    if (lines !== null) return { kind: "watchdog", lines };
    return { kind: "taken", reason: cause instanceof Error ? cause.message : `${cause}` };
  }
}

/** The check. */
export async function checkPort(facts: Facts): Promise<Said[]> {
  const { hostname, port } = facts.config.listen;
  const place = `UDP ${hostText(hostname)}:${port}`;
  const state = await facts.port();
  if (state.kind === "free") return [ok(`${place} is free`)];
  if (state.kind === "watchdog") return [ok(`${place}: a watchdog runs here already and answers`)];
  const cure = `stop who has it (ss -lunp), or give another with ${nameOf("l")} on all nodes`;
  return [fail(`${place} cannot be had: ${state.reason}: ${cure}`)];
}

/** What the watchdog there answers, null when none does. */
async function askRunning(
  { hostname, port }: { hostname: string; port: number },
  { openLink, clock }: { openLink: (hostname: string, port: number) => Link; clock: Clock },
): Promise<string[] | null> {
  const any: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
  const to = any[hostname] ?? hostname;
  const link = openLink(to, 0);
  const over = new AbortController();
  const answer = firstOf(link);
  let text: string | null = null;
  for (let attempt = 1; attempt <= ATTEMPTS && text === null; attempt++) {
    link.send(new TextEncoder().encode("info"), to, port);
    text = await Promise.race([answer, clock.sleep(ATTEMPT_MS, over.signal).then(() => null)]);
  }
  over.abort();
  await link.close();
  return text?.split("\n") ?? null;
}

async function firstOf(link: Link): Promise<string | null> {
  for await (const { bytes } of link) return new TextDecoder().decode(bytes);
  return null;
}
