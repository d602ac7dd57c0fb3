// A request on its way to the cloud.

/** What a request says in addition to `fetch`'s options. */
export interface TransportInit extends RequestInit {
  /** A request to that origin hangs: use a new connection. */
  readonly fresh?: boolean;
  /** Use a connection of its own, though nothing speaks against idle ones. */
  readonly alone?: boolean;
  /** Called when the request goes out on a reused connection. */
  readonly onKept?: () => void;
  /** Headers made when the request leaves, such as its signature. */
  readonly lateHeaders?: () => Promise<Readonly<Record<string, string>>>;
  /** Called when the connection is open. Resolves when the request may leave, rejects when it must not any more. */
  readonly mayLeave?: () => Promise<void>;
}

/** How an origin was last reached. */
export interface Route {
  /** The address that answered, null where the runtime chose it. */
  readonly address: string | null;
  readonly protocol: Protocol;
  readonly tls: boolean;
  /** `the proxy HOST:PORT (HTTPS_PROXY)`, null without one. */
  readonly proxy: string | null;
}

/** Each request offers only one of them, so the protocol in use is known. */
export type Protocol = "HTTP/1.1" | "HTTP/2";
