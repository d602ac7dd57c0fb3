// A call that must fail: its error, its duration, and a check that the error reveals no secret.
import { assert, assertRejects } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { STARTUP_REFUSAL_MS, StartupPolicy } from "../../src/exoscale/startup_policy.ts";
import type { Fetch } from "../../src/exoscale/http.ts";
import { systemClock } from "../../src/host/clock.ts";
import type { Clock } from "../../src/world.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { cloudFetch } from "../support/cloud/cloud_fixture.ts";

/** A `fetch` that records what no message may repeat: URLs and signatures. */
export class Witness {
  readonly #secrets = new Set([SIM_KEY, SIM_SECRET]);
  readonly fetch: Fetch;

  readonly #clock: Clock;

  constructor(inner: Fetch = cloudFetch, clock: Clock = systemClock) {
    this.#clock = clock;
    this.fetch = (url, init) => {
      this.#remember(url, new Headers(init.headers).get("authorization") ?? "");
      return inner(url, init);
    };
  }

  /** The error of the call, which must be a `CloudError` with a clean text. */
  async complaintOf(call: () => Promise<unknown>): Promise<{ error: CloudError; tookMs: number }> {
    const startedAtMs = this.#clock.nowMs();
    const error = await assertRejects(call, CloudError);
    const tookMs = this.#clock.nowMs() - startedAtMs;
    for (const secret of this.#secrets) {
      assert(!error.message.includes(secret), `"${secret}" is in "${error.message}"`);
    }
    return { error, tookMs };
  }

  #remember(url: URL, authorization: string): void {
    const signature = url.searchParams.get("signature") ?? authorization.split("signature=")[1];
    assert(signature, "sent without a signature");
    for (const text of [url.href, signature, encodeURIComponent(signature)]) {
      this.#secrets.add(text);
    }
    if (url.search) this.#secrets.add(url.search);
  }
}

/** Whether a start gives up at once on this error. */
export function endsStart(error: CloudError): boolean {
  return new StartupPolicy().endsWith(error, 0);
}

/** Whether it gives up once the error has lasted, but not before. */
export function endsStartInTime(error: CloudError): boolean {
  const patience = new StartupPolicy();
  return !patience.endsWith(error, 0) && !patience.endsWith(error, STARTUP_REFUSAL_MS - 1) &&
    patience.endsWith(error, STARTUP_REFUSAL_MS);
}
