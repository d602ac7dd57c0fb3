// Is the port ours to have? If not, it is perhaps a watchdog of ours that has it, whose answer then serves.
import { nameOf } from "../config.ts";
import { hostText } from "../core/ip.ts";
import { messageOf } from "../core/message_of.ts";
import type { Snapshot } from "../core/snapshot.ts";
import type { Host } from "../host.ts";
import { Inquiry, localAddressOf } from "../status/inquiry.ts";
import { BUFFER_BYTES } from "../status/ask_status.ts";
import { NoIpv6 } from "../host/ears.ts";
import type { Link } from "../world.ts";
import type { Facts } from "./facts.ts";
import { fail, ok, type Said } from "./finding.ts";

/** What became of the attempt to have the port. */
export type PortState =
  | { readonly kind: "free"; readonly link: Link }
  | { readonly kind: "watchdog"; readonly snapshot: Snapshot }
  /** `cure` says what to do, unless the reason does. */
  | { readonly kind: "taken"; readonly reason: string; readonly cure: string };

/** Questions that are asked; one may get lost. */
const ATTEMPTS = 3;

/** Opens the socket that a watchdog would have, and keeps it. */
export async function takePort(
  { config, host }: Pick<Facts, "config" | "host">,
): Promise<PortState> {
  const { hostname, port } = config.listen;
  try {
    return { kind: "free", link: host.openLink(hostname, port) };
  } catch (cause) {
    const used = cause instanceof Deno.errors.AddrInUse;
    const snapshot = used ? await askRunning(config.listen, host) : null;
    if (snapshot !== null) return { kind: "watchdog", snapshot };
    const reason = messageOf(cause);
    return { kind: "taken", reason, cure: cureOf(cause, config.listen) };
  }
}

/** The check. */
export async function checkPort(facts: Facts): Promise<Said[]> {
  const { hostname, port } = facts.config.listen;
  const place = `UDP ${hostText(hostname)}:${port}`;
  const state = await facts.port();
  if (state.kind === "free") return [ok(`${place} is free`)];
  if (state.kind === "watchdog") return [ok(`${place}: a watchdog runs here already and answers`)];
  return [fail(`${place} cannot be had: ${state.reason}${state.cure}`)];
}

function cureOf(cause: unknown, { hostname, port }: Facts["config"]["listen"]): string {
  if (cause instanceof NoIpv6) return "";
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    return `: put ${hostname} on an interface, or give ${nameOf("l")} no address, only :${port}`;
  }
  return `: stop who has it (ss -lunp), or give another with ${nameOf("l")} on all nodes`;
}

/** What the watchdog there answers, null when none does. */
async function askRunning(
  { hostname, port }: { hostname: string; port: number },
  { openLink, clock }: Pick<Host, "openLink" | "clock">,
): Promise<Snapshot | null> {
  const to = localAddressOf(hostname);
  const inquiry = new Inquiry(openLink(to, 0, BUFFER_BYTES), { clock, hostname: to, port });
  try {
    return await inquiry.ask(ATTEMPTS);
  } finally {
    await inquiry.close();
  }
}
