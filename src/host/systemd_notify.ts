// systemd's notification protocol: assignments such as READY=1 to the socket that NOTIFY_SOCKET names. Source:
// sd_notify(3), sd_watchdog_enabled(3).
import type { ServiceManager } from "../world.ts";
import { type LocalSocket, openLocalSocket } from "./local_socket.ts";
import { BoundedQueue } from "./bounded_queue.ts";

/** How often, and how long apart, a manager that is behind is told the same. */
const ATTEMPTS = 20, BETWEEN_MS = 100;
/** Longest wait at the end for what is still to be said. */
const FLUSH_MS = 500;

/** A service manager that hears the last word before the process ends. */
export interface HostServiceManager extends ServiceManager {
  /** Resolves when what was told has left, at the latest after half a second. */
  flush(): Promise<void>;
  /** Whether telling needs the right to write. */
  readonly needsRight: boolean;
}

/** The service manager that the environment names, null when there is none to talk to. */
export function openServiceManager(
  env: Readonly<Record<string, string | undefined>>,
  pid: number = Deno.pid,
): HostServiceManager | null {
  const address = env.NOTIFY_SOCKET ?? "";
  // Others, such as vsock:, are for the first process of a virtual machine.
  if (!/^[/@]./.test(address)) return null;
  let socket: LocalSocket;
  try {
    socket = openLocalSocket(address);
  } catch {
    return null;
  }
  const queue = new BoundedQueue<string>(async (messages) => {
    for (const message of messages) {
      await insist(socket, new TextEncoder().encode(message));
    }
  });
  const manager = serviceManager((message) => queue.push(message), {
    keepAliveMs: keepAliveMs(env, pid),
    monotonicUsec,
  });
  return { ...manager, needsRight: socket.needsRight, flush: () => queue.flush(FLUSH_MS) };
}

/** Speaks the protocol; each message is one datagram, of one assignment a line. */
export function serviceManager(
  send: (message: string) => void,
  { keepAliveMs, monotonicUsec = () => null }: {
    keepAliveMs: number;
    /** The kernel's monotonic clock in µs, null where it cannot be read. */
    monotonicUsec?: () => number | null;
  },
): ServiceManager {
  let phase: "starting" | "ready" | "reloading" | "stopping" = "starting";
  const say = (...assignments: string[]) => send(assignments.join("\n"));
  const extension = (ms: number) => `EXTEND_TIMEOUT_USEC=${Math.round(ms * 1_000)}`;
  return {
    keepAliveMs,
    ready() {
      if (phase !== "starting") return;
      phase = "ready";
      say("READY=1");
    },
    reloading() {
      if (phase !== "ready") return;
      phase = "reloading";
      // systemd waits for a READY that follows this instant.
      const usec = monotonicUsec();
      say("RELOADING=1", ...(usec === null ? [] : [`MONOTONIC_USEC=${usec}`]));
    },
    reloaded() {
      if (phase !== "reloading") return;
      phase = "ready";
      say("READY=1");
    },
    stopping(withinMs) {
      if (phase === "stopping") return;
      phase = "stopping";
      say("STOPPING=1", extension(withinMs));
    },
    status: (text) => say(`STATUS=${text}`),
    extend: (ms) => say(extension(ms)),
    alive: () => say("WATCHDOG=1"),
  };
}

/** A manager that is busy for a moment must not miss what comes once; one that hangs must not fill our memory. */
async function insist(socket: LocalSocket, message: Uint8Array): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (await socket.send(message) !== "busy") return;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
  }
}

/** Half of the time after which systemd takes the process for dead, as its manual advises. */
function keepAliveMs(
  { WATCHDOG_USEC, WATCHDOG_PID }: Readonly<Record<string, string | undefined>>,
  pid: number,
): number {
  if (WATCHDOG_PID && Number(WATCHDOG_PID) !== pid) return Infinity;
  const limitUsec = Number(WATCHDOG_USEC || NaN);
  return limitUsec > 0 ? limitUsec / 2_000 : Infinity;
}

/**
 * Deno has no name for this clock. The kernel's uptime is the same but for times of sleep, in steps of 10 ms; rounded
 * up so that it is never before what systemd has noted when it asked. A unit that hides /proc does without.
 */
function monotonicUsec(): number | null {
  try {
    const [seconds = ""] = Deno.readTextFileSync("/proc/uptime").split(" ");
    return Number.isFinite(Number(seconds)) ? Math.round(Number(seconds) * 1e6) + 10_000 : null;
  } catch {
    return null;
  }
}
