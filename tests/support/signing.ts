// Signatures are made by other threads, which no turn of the event loop waits for: time that a test makes up must
// stand still until they are done, or a busy machine is taken for a slow one.

let underWay = 0;
const done: (() => void)[] = [];

for (const name of ["sign", "verify", "importKey", "digest"] as const) {
  const real = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<unknown>;
  Object.defineProperty(crypto.subtle, name, {
    configurable: true,
    value: async (...args: unknown[]) => {
      underWay++;
      try {
        return await real(...args);
      } finally {
        underWay--;
        if (underWay === 0) { for (const wake of done.splice(0)) wake(); }
      }
    },
  });
}

/** Resolves when no signature is under way, with whether one was. */
export async function signed(): Promise<boolean> {
  if (underWay === 0) return false;
  while (underWay > 0) await new Promise<void>((resolve) => done.push(resolve));
  return true;
}
