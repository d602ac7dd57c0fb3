// A request on its way to the cloud.

/** What a request says besides what `fetch` takes. */
export interface TransportInit extends RequestInit {
  /** Something hangs at that place: use no connection from before. */
  readonly fresh?: boolean;
  /** Use no connection from before, though nothing speaks against those. */
  readonly alone?: boolean;
  /** Called when the request goes out on a connection from before. */
  readonly onKept?: () => void;
  /** Headers that are made when the request leaves, as its signature. */
  readonly lateHeaders?: () => Promise<Readonly<Record<string, string>>>;
  /** Called when the connection is open: resolves when the request may leave, rejects when it must not any more. */
  readonly mayLeave?: () => Promise<void>;
}

/** How a place was reached last. */
export interface Route {
  /** The address that answered, null where the runtime chose it. */
  readonly address: string | null;
  readonly protocol: Protocol;
  readonly tls: boolean;
  /** `the proxy HOST:PORT (HTTPS_PROXY)`, null without one. */
  readonly proxy: string | null;
}

/** Either is spoken alone, so that it is known which. */
export type Protocol = "HTTP/1.1" | "HTTP/2";
