// One answer for all callers that ask while it is under way: with several Elastic IPs in one process, a death makes
// each of them read the same list at the same moment.
import { CloudError } from "./cloud_error.ts";

/** Shares an answer that is under way. No caller gets an answer that had ended before it asked. */
export class SingleFlight<Answer> {
  #pending: Promise<Answer> | null = null;

  /** The pending answer, else what `ask` gives. If the caller that asked gives up, the remaining ones ask again. */
  async get(ask: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    if (this.#pending === null) return await this.#begin(ask);
    try {
      return await this.#pending;
    } catch (error) {
      if (signal.aborted || !aborted(error)) throw error;
      return await this.get(ask, signal);
    }
  }

  #begin(ask: () => Promise<Answer>): Promise<Answer> {
    const pending = ask().finally(() => {
      if (this.#pending === pending) this.#pending = null;
    });
    this.#pending = pending;
    return pending;
  }
}

function aborted(error: unknown): boolean {
  return error instanceof CloudError && error.kind === "aborted";
}
