// Requests to etcd's JSON gateway, at one of its endpoints. A call to the store makes one attempt at one endpoint;
// after a failure the next call goes to the next endpoint. The runtime would reuse a dead connection, so a failure
// closes all.
import { VERSION } from "../../version.ts";
import { type Fields, fieldsOf, odd } from "./fields.ts";
import { readLines, readText, TooLong } from "./lines.ts";
import { OneCluster } from "./one_cluster.ts";
import { Refusal, refusalIn, storeError, textRefusal } from "./refusal.ts";
import { StoreError } from "../store_error.ts";
import { LinkedAbort } from "../../transport/linked_abort.ts";

/** How this client proves who it is; a reload may change it while the store is in use. */
export interface Credentials {
  readonly user: string | null;
  /** Null without a user. */
  readonly password: string | null;
  /** This client's certificate and its key, PEM; the key must match. Null without one. */
  readonly certificate: { readonly cert: string; readonly key: string } | null;
}

/** Where etcd is, and how to get in. */
export interface GatewayOptions extends Credentials {
  /** At least one, without a path. */
  readonly endpoints: readonly string[];
  /** More authorities to trust, PEM. */
  readonly caCerts: readonly string[];
  /** Monotonic time in ms. */
  readonly nowMs: () => number;
}

/** The requests of one attempt, all to the same endpoint. */
export interface Exchange {
  /** The answer to a request. Throws a `Refusal`, or what the connection throws. */
  ask(path: string, body: Fields): Promise<Fields>;
  /** The answers of a stream; leaving the loop ends the stream. */
  follow(path: string, body: Fields): AsyncGenerator<Fields>;
}

/** One etcd. */
export class Gateway {
  #options: GatewayOptions;
  #turn = 0;
  #client: Deno.HttpClient | null = null;
  /** Clients with an earlier certificate, kept until the calls that they carry have ended. */
  #retired: Deno.HttpClient[] = [];
  /** The user's password before the last change, until etcd has accepted the new one. */
  #formerPassword: string | null = null;
  /** Null with a single endpoint, whose cluster may be replaced at any time. */
  readonly #cluster: OneCluster | null;
  /** The token of the login: empty if etcd has no users, null before the first login. */
  #login: string | null = null;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#cluster = options.endpoints.length > 1 ? new OneCluster(options.nowMs) : null;
    // The runtime reads the certificates here, and throws if it cannot.
    this.#client = this.#newClient();
  }

  get endpoints(): readonly string[] {
    return this.#options.endpoints;
  }

  /** For messages: `etcd at https://...`. */
  get name(): string {
    const { length } = this.#options.endpoints;
    const more = length > 1 ? ` and ${length - 1} more` : "";
    return `${this.#where(this.#options.endpoints[0] ?? "")}${more}`;
  }

  /**
   * Uses these for the next connection and the next login. The present login stays until etcd ends it. Until etcd knows
   * the new password, logins try the old one as well, so it does not matter whether node or etcd learns it first.
   */
  use({ user, password, certificate }: Credentials): void {
    const { user: formerUser, password: former } = this.#options;
    if (user !== formerUser) this.#login = this.#formerPassword = null;
    else if (password !== former) this.#formerPassword = former;
    this.#options = { ...this.#options, user, password, certificate };
    if (this.#client) this.#retired.push(this.#client);
    this.#client = null;
  }

  /** Ends all connections. */
  close(): void {
    for (const client of this.#retired.splice(0)) client.close();
    this.#client?.close();
    this.#client = null;
  }

  /** Makes one attempt. Throws only `StoreError`, which names the endpoint. */
  async attempt<Result>(
    signal: AbortSignal,
    work: (exchange: Exchange) => Promise<Result>,
  ): Promise<Result> {
    const { endpoints, user } = this.#options;
    const turn = this.#turn, endpoint = endpoints[turn % endpoints.length] ?? "";
    const where = this.#where(endpoint);
    using ending = new LinkedAbort(signal);
    try {
      signal.throwIfAborted();
      return await work({
        ask: (path, body) =>
          this.#loggedIn(
            endpoint,
            ending.signal,
            () => this.#ask(endpoint, { path, body, signal: ending.signal }),
          ),
        follow: (path, body) => this.#follow(endpoint, { path, body, signal: ending.signal }),
      });
    } catch (error) {
      // Another call that failed at this endpoint may already have moved on to the next one.
      if (this.#turn === turn) this.#turn += 1;
      this.close();
      const told = error instanceof TooLong ? odd(error.message) : error;
      const placed = told instanceof StoreError && !told.message.startsWith(where)
        ? new StoreError(told.kind, `${where}: ${told.message}`, { cause: told.cause })
        : told;
      throw storeError(placed, { where, user, signal });
    } finally {
      ending.abort();
    }
  }

  #where(endpoint: string): string {
    return `etcd at ${endpoint}`;
  }

  #newClient(): Deno.HttpClient {
    const { caCerts, certificate } = this.#options;
    return Deno.createHttpClient({
      caCerts: [...caCerts],
      ...certificate,
      http1: true,
      http2: false,
    });
  }

  /** Logs in first if needed, and once more if the login is no longer valid. */
  async #loggedIn<Result>(
    endpoint: string,
    signal: AbortSignal,
    request: () => Promise<Result>,
  ): Promise<Result> {
    if (this.#options.user === null) return await request();
    const fresh = this.#login === null;
    if (fresh) await this.#logIn(endpoint, signal);
    try {
      return await request();
    } catch (error) {
      if (fresh || !(error instanceof Refusal) || !error.loginGone) throw error;
      await this.#logIn(endpoint, signal);
      return await request();
    }
  }

  async #logIn(endpoint: string, signal: AbortSignal): Promise<void> {
    const { user: name, password } = this.#options, former = this.#formerPassword;
    this.#login = null;
    try {
      const login = await this.#authenticate(endpoint, { name, password }, signal);
      if (login !== "" && this.#formerPassword === former) this.#formerPassword = null;
      this.#login = login;
    } catch (error) {
      const wrong = error instanceof Refusal && error.kind === "denied";
      if (!wrong || former === null) throw error;
      // If the old password fails, too, report the error for the one that is in the file.
      const again = this.#authenticate(endpoint, { name, password: former }, signal);
      this.#login = await again.catch(() => Promise.reject(error));
    }
  }

  /** The token of a new login; empty if etcd has no users. */
  async #authenticate(endpoint: string, body: Fields, signal: AbortSignal): Promise<string> {
    const path = "/v3/auth/authenticate";
    try {
      const { token } = await this.#ask(endpoint, { path, body, signal });
      if (typeof token !== "string" || !/^[!-~]{1,8192}$/.test(token)) throw odd("no login in it");
      return token;
    } catch (error) {
      // etcd's own clients also go on without a login. If users are added later, etcd refuses a request, and we log in.
      if (!(error instanceof Refusal) || !error.withoutLogin) throw error;
      return "";
    }
  }

  async #send(endpoint: string, { path, body, signal }: GatewayRequest): Promise<Response> {
    this.#client ??= this.#newClient();
    return await fetch(endpoint + path, {
      client: this.#client,
      method: "POST",
      redirect: "manual",
      headers: {
        "content-type": "application/json",
        "user-agent": `exoip/${VERSION}`,
        ...(this.#login && { authorization: this.#login }),
      },
      body: JSON.stringify(body),
      signal,
    });
  }

  async #ask(endpoint: string, request: GatewayRequest): Promise<Fields> {
    const response = await this.#send(endpoint, request);
    const text = await readText(response);
    const answer = parse(text);
    if (answer === null) {
      if (!response.ok) throw textRefusal(text, response.status);
      throw odd("it is not JSON");
    }
    const refusal = refusalIn(answer, response.status);
    if (refusal) throw refusal;
    // A streaming method (keep-alive) wraps its single answer in `result`.
    const content = fieldsOf(answer.result) ?? answer;
    this.#cluster?.check(content, endpoint);
    return content;
  }

  async *#follow(endpoint: string, request: GatewayRequest): AsyncGenerator<Fields> {
    const response = await this.#send(endpoint, request);
    if (!response.ok) {
      const text = await readText(response);
      const answer = parse(text);
      throw (answer && refusalIn(answer, response.status)) ?? textRefusal(text, response.status);
    }
    for await (const line of readLines(response)) {
      const answer = parse(line);
      if (answer === null) throw odd("a line is not JSON");
      const refusal = refusalIn(answer, response.status);
      if (refusal) throw refusal;
      const result = fieldsOf(answer.result);
      if (result === null) throw odd("a line has no result");
      this.#cluster?.check(result, endpoint);
      yield result;
    }
  }
}

/** One request to the gateway. */
interface GatewayRequest {
  readonly path: string;
  readonly body: Fields;
  readonly signal: AbortSignal;
}

function parse(text: string): Fields | null {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return null;
  }
}
