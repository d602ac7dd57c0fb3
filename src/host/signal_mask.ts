// Signals that our parent has left blocked would never arrive. Deno cannot change the signal mask, so we use the C
// library. The kernel delivers a signal to any thread that accepts it, so this thread's mask is enough.

/** Numbers on Linux for x86-64 and arm64. */
const NUMBERS: Readonly<Partial<Record<Deno.Signal, number>>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
};
const SIG_UNBLOCK = 1;
/** Size of `sigset_t`. */
const SET_BYTES = 128;

/** Unblocks these signals in this thread's mask, on Linux, if one of them is blocked; does nothing where it cannot. */
export function unblockSignals(signals: readonly Deno.Signal[]): void {
  if (Deno.build.os !== "linux") return;
  const wanted = signals.reduce((bits, signal) => bits | bitOf(signal), 0n);
  try {
    const [, hex] = /^SigBlk:\s*([\da-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status")) ??
      [];
    if (!hex || (BigInt(`0x${hex}`) & wanted) === 0n) return;
    const { symbols } = Deno.dlopen("libc.so.6", {
      pthread_sigmask: { parameters: ["i32", "buffer", "pointer"], result: "i32" },
    });
    const set = new Uint8Array(SET_BYTES);
    new DataView(set.buffer).setBigUint64(0, wanted, true);
    symbols.pthread_sigmask(SIG_UNBLOCK, set, null);
  } catch {
    // Without /proc or the library the mask stays as it is.
  }
}

function bitOf(signal: Deno.Signal): bigint {
  const number = NUMBERS[signal];
  return number === undefined ? 0n : 1n << BigInt(number - 1);
}
