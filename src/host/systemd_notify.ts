// systemd's notification protocol: assignments such as READY=1 to the socket that NOTIFY_SOCKET names. Source:
// sd_notify(3), sd_watchdog_enabled(3).
import type { ServiceManager } from "../world.ts";
import { type LocalSocket, openLocalSocket } from "./local_socket.ts";
import { BoundedQueue } from "./bounded_queue.ts";

/** Attempts, and the time between them, to send a message to a busy service manager. */
const ATTEMPTS = 20, BETWEEN_MS = 100;
/** Longest wait at the end for unsent messages. */
const FLUSH_MS = 500;

/** A service manager that gets the last message before the process ends. */
export interface HostServiceManager extends ServiceManager {
  /** Resolves when all messages were sent, at the latest after half a second. */
  flush(): Promise<void>;
  /** Whether sending needs the right to write. */
  readonly needsRight: boolean;
}

/** The service manager that the environment names, null when there is none. */
export function openServiceManager(
  env: Readonly<Record<string, string | undefined>>,
  pid: number = Deno.pid,
): HostServiceManager | null {
  const address = env.NOTIFY_SOCKET ?? "";
  // Other addresses, such as vsock:, are for the first process of a virtual machine.
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

/** Speaks the protocol; each message is one datagram, with one assignment per line. */
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
      // systemd waits for a READY that follows this time.
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

/** Sends until taken: a busy manager must not miss a message, but a hanging one must not fill our memory. */
async function insist(socket: LocalSocket, message: Uint8Array): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (await socket.send(message) !== "busy") return;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
  }
}

/** Half of systemd's watchdog time-out, as its manual advises. */
function keepAliveMs(
  { WATCHDOG_USEC, WATCHDOG_PID }: Readonly<Record<string, string | undefined>>,
  pid: number,
): number {
  if (WATCHDOG_PID && Number(WATCHDOG_PID) !== pid) return Infinity;
  const limitUsec = Number(WATCHDOG_USEC || NaN);
  return limitUsec > 0 ? limitUsec / 2_000 : Infinity;
}

/**
 * Deno cannot read this clock. The kernel's uptime differs from it only by time asleep, in steps of 10 ms; it is
 * rounded up, so that it is never before the time that systemd noted when it asked. Null if the unit hides /proc.
 */
function monotonicUsec(): number | null {
  try {
    const [seconds = ""] = Deno.readTextFileSync("/proc/uptime").split(" ");
    return Number.isFinite(Number(seconds)) ? Math.round(Number(seconds) * 1e6) + 10_000 : null;
  } catch {
    return null;
  }
}
