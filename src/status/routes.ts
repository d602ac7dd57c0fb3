// The answers of --listen-status. Each one is made from the watchdog's current state and must not be cached.
// http_gate.ts limits how many are made.
import { metricsText } from "./metrics.ts";
import { stuckBecause, unreadyBecause, type Vitals } from "./liveness.ts";
import type { History } from "./history/view.ts";
import type { Snapshot } from "./snapshot.ts";
import type { StatusHandler } from "../host/status_server.ts";
import { jsonText } from "../core/plain.ts";
import type { StatusGate } from "./http_gate.ts";
import type { StatusPage } from "./html_page.ts";
import type { Clock } from "../world.ts";

/** What the answers are made from. */
export interface StatusSource {
  readonly clock: Clock;
  readonly snapshot: () => Snapshot;
  readonly history: () => History;
  readonly vitals: () => Vitals;
  readonly page: StatusPage;
  /** Receives each verdict on the watchdog. */
  readonly gate?: Pick<StatusGate, "remember">;
  /** Whether to answer only requests that name this machine: see `strange`. */
  readonly loopback: boolean;
}

const TEXT = "text/plain; charset=utf-8";
const METRICS = "text/plain; version=0.0.4; charset=utf-8";
const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // An idle connection costs memory until its other end closes it.
  "connection": "close",
};

/** Answers by path. */
export function statusRoutes(source: StatusSource): StatusHandler {
  const { page, clock, snapshot, history, vitals, gate } = source;
  const json = (value: unknown) =>
    say(jsonText(value) + "\n", { type: "application/json; charset=utf-8" });
  const dear: Readonly<Record<string, () => Response>> = {
    "/": () => say(page.html, { type: "text/html; charset=utf-8", csp: page.csp }),
    "/status.json": () => json(snapshot()),
    "/history.json": () => json(history()),
    "/metrics": () => say(metricsText(snapshot()), { type: METRICS }),
  };
  const judged = (probe: "/healthz" | "/readyz", problem: string | null) => {
    gate?.remember(probe, problem);
    return verdict(problem);
  };
  const cheap: Readonly<Record<string, () => Response>> = {
    "/healthz": () => judged("/healthz", stuckBecause(vitals())),
    "/readyz": () => judged("/readyz", unreadyBecause(vitals())),
  };
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (source.loopback && strange(request)) {
      return say("this answers to names of this machine only\n", { status: 421 });
    }
    const answer = dear[pathname] ?? cheap[pathname];
    if (!answer) return say(`nothing is at ${pathname}\n`, { status: 404 });
    if (!["GET", "HEAD"].includes(request.method)) {
      return say("GET and HEAD only\n", { status: 405, allow: "GET, HEAD" });
    }
    // After a pause of the process, let the loop run before judging it.
    if (cheap[pathname]) await clock.sleep(0);
    return answer();
  };
}

/**
 * DNS rebinding: a page of another site whose name resolves to this machine. Its host is a name, and not this
 * machine's.
 */
function strange(request: Request): boolean {
  const { hostname } = new URL(request.url);
  return hostname !== "localhost" && !/^[\d.]+$/.test(hostname) && !hostname.startsWith("[");
}

function verdict(problem: string | null): Response {
  return problem === null ? say("ok\n", {}) : say(`${problem}\n`, { status: 503 });
}

function say(
  body: string,
  { status = 200, type = TEXT, csp = "default-src 'none'", allow }: {
    status?: number;
    type?: string;
    csp?: string;
    allow?: string;
  },
): Response {
  const headers = new Headers({ ...HEADERS, "content-type": type, "content-security-policy": csp });
  if (allow) headers.set("allow", allow);
  return new Response(body, { status, headers });
}
