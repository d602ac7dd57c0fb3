// Signed CloudStack commands (API v1), their envelopes, pages and jobs. cloud_v1.ts says what they mean for an Elastic
// IP.
import type { ChangeLimits } from "../world.ts";
import type { ChangeOptions, ClientOptions } from "./client_v2.ts";
import { CloudClock } from "./cloud_clock.ts";
import { CloudError, refused } from "./cloud_error.ts";
import {
  type Allowance,
  exchange,
  type HttpAnswer,
  type HttpRequest,
  listingAllowance,
} from "./http.ts";
import { type Fields, fieldsOf, idOf, listOf, numberOf, requiredIdOf, shown } from "./json.ts";
import { finish, type Progress } from "./operation.ts";
import { Attempts } from "./attempts.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { explanationOf, refusal, refuseExpired } from "./error_response.ts";
import { expiresV1, LIFETIME_MS, type Parameters, signedQueryV1, Signer } from "./signature.ts";

const PAGE_SIZE = 50;
/** Most pages of machines that are read in one zone. */
const PAGES_MAX = 200;
/** A listing that has taken this long asks for no further page. */
const LISTING_MAX_MS = 60_000;
/** CloudStack's code for a bad parameter, also used for "nothing found". */
const PARAMETER_ERROR = 431;
/** CloudStack's exception classes for a missing right and for its rate limit. */
const PERMISSION_DENIED = 4365, RATE_LIMITED = 4545;

/** Signs, sends, unwraps, waits. */
export class ClientV1 {
  readonly #options: ClientOptions;
  readonly #attempts: Attempts;
  readonly #signer: Signer;
  readonly #cloudClock: CloudClock;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#attempts = new Attempts(options.clock, options.limiter ?? new RateLimiter(options.clock));
    this.#signer = options.signer ?? new Signer(options);
    this.#cloudClock = new CloudClock(options.clock);
  }

  /** All machines that match, page by page. */
  async machines(filter: Parameters, signal: AbortSignal): Promise<Fields[]> {
    const found: Fields[] = [];
    const { clock } = this.#options;
    const endAtMs = clock.nowMs() + LISTING_MAX_MS;
    const allowance = listingAllowance();
    for (let page = 1; page <= PAGES_MAX; page++) {
      const parameters = { ...filter, page: `${page}`, pagesize: `${PAGE_SIZE}` };
      const machines = await this.#page(parameters, { allowance, signal });
      const again = page > 1 && idOf(machines[0], "id") === idOf(found.at(-PAGE_SIZE), "id");
      if (again) throw endless(`page ${page} repeats the one before`);
      found.push(...machines);
      // A page longer than requested comes from a server without paging.
      if (machines.length !== PAGE_SIZE) break;
      if (clock.nowMs() > endAtMs) throw endless(`not at its end after ${page} pages`);
    }
    return found;
  }

  /** Runs a command that is answered at once. Resolves to the content of its envelope. */
  ask(command: string, parameters: Parameters, signal: AbortSignal): Promise<Fields> {
    return this.#call(command, parameters, { signal });
  }

  /** Starts a job and waits for its end. If `achieved` finds the change done, a refusal is not an error. */
  async job(
    command: string,
    parameters: Parameters,
    { achieved, ...options }: ChangeOptions,
  ): Promise<void> {
    try {
      await this.#finish(command, parameters, options);
    } catch (error) {
      if (!refused(error) || !await achieved().catch(() => false)) throw error;
    }
  }

  async #finish(
    command: string,
    parameters: Parameters,
    options: Omit<ChangeOptions, "achieved">,
  ): Promise<void> {
    const { signal, accepted } = options;
    const started = await this.#call(command, parameters, { writes: true, ...options });
    const jobid = requiredIdOf(started, "jobid", command);
    accepted?.();
    await finish({ done: false }, {
      title: command,
      clock: this.#options.clock,
      signal,
      poll: async () => progressOf(await this.#call("queryAsyncJobResult", { jobid }, { signal })),
    });
  }

  async #page(
    parameters: Parameters,
    options: { allowance: Allowance; signal: AbortSignal },
  ): Promise<Fields[]> {
    try {
      const list = await this.#call("listVirtualMachines", parameters, options);
      const machines = listOf(list, "virtualmachine", "id");
      // A page beyond the end is empty; the first page only if nothing is counted.
      if (machines.length > 0 || parameters.page !== "1" || !numberOf(list, "count")) {
        return machines;
      }
      const why = "listVirtualMachines: the answer counts machines and has none";
      throw new CloudError("unexpected-answer", why);
    } catch (error) {
      const nothing = error instanceof CloudError && error.status === PARAMETER_ERROR;
      if (nothing && parameters.page === "1") return [];
      throw error;
    }
  }

  async #call(
    command: string,
    parameters: Parameters,
    { writes = false, before, lease, allowance, signal }: {
      writes?: boolean;
      before?: (() => void) | undefined;
      lease?: ChangeLimits["lease"] | undefined;
      allowance?: Allowance;
      signal: AbortSignal;
    },
  ): Promise<Fields> {
    const { endpoint, fetch, clock, onProgress } = this.#options;
    const turn = { writes, before, signal };
    const { answer, tookMs } = await this.#attempts.send(turn, async ({ signal, ...how }) => {
      const { apiKey, secret } = this.#signer.now("SHA-1");
      const span = lease?.() ?? null;
      const lastMs = () => span === null ? Infinity : this.#cloudClock.lastSecondOf(span);
      const expiresAtMs = Math.min(clock.wallMs() + LIFETIME_MS, lastMs());
      const query = await signedQueryV1({
        ...parameters,
        command,
        apikey: apiKey,
        response: "json",
        signatureversion: "3",
        expires: expiresV1(expiresAtMs),
      }, await secret);
      const url = new URL(`${endpoint}?${query}`);
      // The URL has the signature, so it was made before the wait for a turn.
      const mayLeave = async () => {
        await how.mayLeave();
        lastMs();
      };
      const request: HttpRequest = { method: "GET", url, title: command, ...how, mayLeave };
      const answer = await exchange(fetch, { ...request, ...(allowance && { allowance }) }, signal);
      this.#cloudClock.note(answer);
      const limit = { expires: expiresAtMs / 1000, wallMs: clock.wallMs() };
      if (span !== null) refuseExpired(answer, command, limit);
      return answer;
    });
    const content = unwrap(answer, command);
    if (answer.status >= 300 || content.errorcode !== undefined) {
      throw refusedCommand({ ...answer, json: content }, command, clock.wallMs());
    }
    onProgress(tookMs);
    return content;
  }
}

function endless(what: string): CloudError {
  return new CloudError("oversized-answer", `listVirtualMachines: ${what}`);
}

/** The one member whose name ends in `response`; an answer of another form is returned unchanged. */
function unwrap({ status, json }: HttpAnswer, command: string): Fields {
  const fields = fieldsOf(json, command);
  const envelope = Object.keys(fields).find((name) => name.toLowerCase().endsWith("response"));
  if (envelope) return fieldsOf(fields[envelope], command);
  if (status >= 300) return fields;
  throw new CloudError("unexpected-answer", `${command}: the answer has no "...response" envelope`);
}

function refusedCommand(answer: HttpAnswer, command: string, wallMs: number): CloudError {
  const code = numberOf(answer.json, "errorcode") ?? answer.status;
  const text = explanationOf(answer.json);
  if (code === 410 || (code === 403 && /deprecated/i.test(text))) {
    const message = `${command}: API v1 is switched off here ("${text}"): use API v2, that is an ` +
      "endpoint (-xe) that ends in /v2, or none, and a zone";
    return new CloudError("deprecated", message, { status: code });
  }
  const limited = (answer.json as Fields).cserrorcode === RATE_LIMITED;
  return refusal({ ...answer, status: limited ? 429 : code }, command, wallMs);
}

function progressOf(job: Fields): Progress {
  switch (job.jobstatus) {
    case 0:
      return { done: false };
    case 1:
      return { done: true };
    case 2: {
      const why = explanationOf(job.jobresult) || "no reason given";
      const denied = (job.jobresult as Fields | undefined)?.cserrorcode === PERMISSION_DENIED;
      return { failed: `the job failed: ${why}`, retryable: !denied };
    }
    default:
      throw new CloudError("unexpected-answer", `job status ${shown(job.jobstatus)}`);
  }
}
