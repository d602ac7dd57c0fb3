// In a container without an init this process is process 1 and inherits the orphaned grandchildren. It must collect
// them: otherwise each run of a check that starts a process leaves a zombie, until the container's limit is reached.
// The runtime collects only its own children.
import { ownChildren } from "./command.ts";

/** Time between two looks. */
const LOOK_MS = 500;
/** Most zombies that one look collects. */
const BATCH_MAX = 1_000;

// From Linux's headers, the same on x86-64 and arm64.
const P_ALL = 0, WNOHANG = 1, WEXITED = 4, WNOWAIT = 0x01000000;
/** Size of `siginfo_t`, and where the process id is in it. */
const INFO_BYTES = 128, PID_AT = 16;

/** Collects orphans from now on, for the life of the process. False where that is not possible. */
export function adoptOrphans(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const { symbols } = Deno.dlopen("libc.so.6", {
      waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
      waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
    });
    const info = new Uint8Array(INFO_BYTES), view = new DataView(info.buffer);
    const status = new Uint8Array(4);
    const collect = () => {
      for (let count = 0; count < BATCH_MAX; count++) {
        view.setInt32(PID_AT, 0, true);
        // Only peek: the runtime must still collect its own children.
        if (symbols.waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) !== 0) return;
        const pid = view.getInt32(PID_AT, true);
        if (pid === 0 || ownChildren.has(pid)) return;
        symbols.waitpid(pid, status, WNOHANG);
      }
    };
    Deno.unrefTimer(setInterval(collect, LOOK_MS));
    return true;
  } catch {
    return false;
  }
}
