// Defines a fuzz target, and runs one: fast-check generates the input, shrinks a failing one, and tells how to replay
// it.
import { encodeHex } from "@std/encoding/hex";
import fc from "fast-check";
import { MESSAGE_MAX_CHARS, plain } from "../../../src/core/plain.ts";

/** A part of the program that takes input from outside. */
export interface Target {
  readonly name: string;
  /** The promise that the check tests. */
  readonly promise: string;
  readonly property: fc.IAsyncProperty<[unknown]>;
  /** Resolves when no check is under way: a check may still run when the time is over. */
  readonly idle: () => Promise<void>;
}

/** Duration and seed; `path` selects one input. */
export interface Effort {
  readonly seed: number;
  readonly runs?: number;
  readonly withinMs?: number;
  readonly path?: string;
}

/** The result of a target. */
export interface Outcome {
  readonly runs: number;
  /** Null when the promise was kept. */
  readonly find: Find | null;
}

/** A broken promise. */
export interface Find {
  readonly error: string;
  /** The smallest failing input, bytes in hex. */
  readonly input: string;
  readonly path: string;
}

/** A target from its input and its check, which throws when the promise is broken. */
export function target<Input>(
  name: string,
  promise: string,
  [input, check]: [fc.Arbitrary<Input>, (input: Input) => void | Promise<void>],
): Target {
  let current: Promise<void> = Promise.resolve();
  const property = fc.asyncProperty(input, (value) => current = Promise.try(check, value));
  return {
    name,
    promise,
    property: property as unknown as fc.IAsyncProperty<[unknown]>,
    idle: () => current.catch(() => {}),
  };
}

/** Runs one target; never throws. */
export async function run(
  { property, idle }: Target,
  { seed, runs = Number.MAX_SAFE_INTEGER, withinMs, path }: Effort,
): Promise<Outcome> {
  const details = await fc.check(property, {
    seed,
    numRuns: runs,
    ...(withinMs !== undefined && { interruptAfterTimeLimit: withinMs }),
    ...(path !== undefined && { path }),
  });
  await idle();
  if (!details.failed) return { runs: details.numRuns, find: null };
  const { errorInstance, counterexample, counterexamplePath } = details;
  const error = errorInstance instanceof Error ? errorInstance.stack ?? "" : `${errorInstance}`;
  return {
    runs: details.numRuns,
    find: {
      error: error.split("\n").map((line) => plain(line, MESSAGE_MAX_CHARS)).join("\n"),
      input: inputText(counterexample?.[0]),
      path: counterexamplePath ?? "",
    },
  };
}

function inputText(input: unknown): string {
  const text = JSON.stringify(
    input,
    (_, value) => value instanceof Uint8Array ? `hex:${encodeHex(value)}` : value,
  );
  // In ASCII, so that it survives a terminal and a clipboard.
  return (text ?? "undefined").replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
