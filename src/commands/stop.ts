// --pid-file: one watchdog per file. --stop: ends exactly the watchdog that owns the file, and waits until it has
// ended.
import { parseDuration } from "../options/duration.ts";
import { isOn, type Values } from "../options/parse.ts";
import { type Config, fallbackOf, nameOf } from "../config/config.ts";
import { DETACH_GRACE_MS } from "../core/node/shutdown.ts";
import { messageOf } from "../core/message_of.ts";
import type { PidFiles } from "../host/pid_file.ts";
import type { Clock } from "../world.ts";

/** How often to check whether it has ended. */
const LOOK_MS = 50;
/** A watchdog that has just been started owns its file within this time. */
const START_MS = 1_000;
/** Added to the longest time that a watchdog takes to stop. */
const MARGIN_MS = 5_000;
/** Upper end of the range of --handover-timeout. */
const HANDOVER_MAX_MS = 600_000;

/** Runs while this process owns the configured PID file, if there is one; else resolves to the result of `refuse`. */
export async function withPidFile(
  { mode, checkOnly, pidFile }: Config,
  { pidFiles, run, refuse }: {
    pidFiles: PidFiles;
    run: () => Promise<number>;
    refuse: (problem: string) => Promise<number>;
  },
): Promise<number> {
  if (mode !== "watchdog" || checkOnly || pidFile === null) return await run();
  let giveUp: () => void;
  try {
    giveUp = await pidFiles.claim(pidFile);
  } catch (error) {
    const reason = messageOf(error);
    return await refuse(`${nameOf("pid-file")}: cannot have ${pidFile}: ${reason}`);
  }
  try {
    return await run();
  } finally {
    giveUp();
  }
}

/** What stopping needs of the machine. */
export interface Stopper {
  readonly os: typeof Deno.build.os;
  readonly clock: Clock;
  readonly pidFiles: PidFiles;
  readonly print: (stream: "out" | "err", line: string) => void;
}

/** Resolves to 0 once no watchdog owns the file, to 1 when one still runs or that is unknown. */
export async function stopWatchdog({ given }: Values, stopper: Stopper): Promise<0 | 1> {
  const { clock, pidFiles, print } = stopper;
  const path = given.get("pid-file")?.text;
  const other = ["W", "A", "D"].find((mode) => isOn(given.get(mode)));
  const problem = stopper.os === "windows"
    ? "is not available on Windows, where a process cannot be asked to stop"
    : other !== undefined
    ? `excludes -${other}: give one of them`
    : path === undefined
    ? `needs ${nameOf("pid-file")}, so that it stops the right watchdog`
    : null;
  if (problem !== null || path === undefined) return fail(`${nameOf("stop")} ${problem}`);
  try {
    const askedAtMs = clock.nowMs();
    let pid = pidFiles.owner(path);
    while (pid === null && clock.nowMs() < askedAtMs + START_MS) {
      await clock.sleep(LOOK_MS);
      pid = pidFiles.owner(path);
    }
    if (pid === null) {
      print("out", `exoip: no watchdog runs with ${path}`);
      return 0;
    }
    pidFiles.tellToStop(pid);
    const beganAtMs = clock.nowMs();
    const waitMs = longestLeaveMs(given);
    while (pidFiles.owner(path) === pid) {
      const sinceMs = clock.nowMs() - beganAtMs;
      if (sinceMs >= waitMs) {
        return fail(`the watchdog of ${path} (process ${pid}) still runs after ${waitMs / 1000} s`);
      }
      await clock.sleep(LOOK_MS);
    }
    print("out", `exoip: the watchdog of ${path} (process ${pid}) has ended`);
    return 0;
  } catch (error) {
    const reason = messageOf(error);
    return fail(`${nameOf("pid-file")}: cannot end the watchdog of ${path}: ${reason}`);
  }

  function fail(message: string): 1 {
    print("err", `exoip: ${message}`);
    return 1;
  }
}

function longestLeaveMs(given: Values["given"]): number {
  const spanMs = (name: string) =>
    Math.max(parseDuration(given.get(name)?.text ?? fallbackOf(name)) ?? 0, 0);
  // The --notify command also runs for the stop. If it is already running then, both runs take their time.
  const noticesMs = given.has("notify") ? 2 * spanMs("notify-timeout") : 0;
  const handoverMs = Math.min(spanMs("handover-timeout"), HANDOVER_MAX_MS);
  return handoverMs + DETACH_GRACE_MS + noticesMs + MARGIN_MS;
}
