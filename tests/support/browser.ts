// The system's Chromium, headless, with the status page.
import { type Browser, chromium, type Page, type Route } from "playwright-core";
import type { History } from "../../src/status/history/view.ts";
import type { Snapshot } from "../../src/status/snapshot.ts";
import { systemClock } from "../../src/host/clock.ts";
import { serveStatus, type StatusServer } from "../../src/host/status_server.ts";
import { loadStatusPage } from "../../src/status/html_page.ts";
import { statusRoutes } from "../../src/status/routes.ts";

/** Names under which it may be installed. */
const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Path of the browser, null without one. */
export function browserPath(): string | null {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const paths = folders.flatMap((folder) => PROGRAMS.map((program) => `${folder}/${program}`));
  const found = paths.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  return Deno.env.get("EXOIP_CHROMIUM") ?? found ?? null;
}

/** Longest wait for anything that the browser does: on a busy machine it needs seconds. */
const PATIENT_MS = 120_000;

/** Starts it. */
export async function startBrowser(): Promise<Browser> {
  // No sandbox: root and most containers cannot have one, and it only shows our own page.
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  return await chromium.launch({
    executablePath: browserPath() ?? "",
    args,
    timeout: PATIENT_MS,
  });
}

/** The history of a watchdog that has just begun. */
export function noHistory({ takenAtMs }: Snapshot): History {
  return { version: 1, takenAtMs, addresses: [], addressesLeftOut: 0 };
}

/** A server of the page; the functions return its watchdog's current state and history. */
export function servePage(
  snapshot: () => Snapshot,
  port = 0,
  history: () => History = () => noHistory(snapshot()),
): StatusServer {
  const handler = statusRoutes({
    clock: systemClock,
    snapshot,
    history,
    vitals: snapshot,
    page: loadStatusPage(),
    loopback: true,
  });
  return serveStatus({ hostname: "127.0.0.1", port }, handler);
}

async function forward(route: Route, port: number): Promise<void> {
  const { pathname } = new URL(route.request().url());
  const answer = await fetch(`http://127.0.0.1:${port}${pathname}`);
  await route.fulfill({
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: await answer.text(),
  });
}

/** Runs in the page: fails on a field that the page reads but the snapshot lacks, which was probably renamed. */
function complainOfUnknownFields(): void {
  const watched = (value: unknown, path: string): unknown => {
    if (typeof value !== "object" || value === null) return value;
    return new Proxy(value, {
      get(target, name) {
        const known = name in target || typeof name !== "string" || name === "then";
        if (!known) console.error(`the page reads ${path}.${name}, which no snapshot has`);
        return watched(Reflect.get(target, name), `${path}.${String(name)}`);
      },
    });
  };
  const { json } = Response.prototype;
  Response.prototype.json = async function () {
    return watched(await json.call(this), "snapshot");
  };
}

/** Opens the page and waits for its first answer; collects errors in the page. */
export async function openPage(
  browser: Browser,
  { port }: Pick<StatusServer, "port">,
  options: Parameters<Browser["newPage"]>[0] & {
    /** URL origin of the page; the server on loopback answers its requests. */
    origin?: string;
  } = {},
): Promise<{ page: Page; complaints: string[] }> {
  const { origin, ...pageOptions } = options;
  const page = await browser.newPage(pageOptions);
  page.setDefaultTimeout(PATIENT_MS);
  if (origin !== undefined) await page.route(`${origin}/**`, (route) => forward(route, port));
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // The browser itself reports failed requests, and the page shows them.
    const expected = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !expected) complaints.push(message.text());
  });
  await page.addInitScript(complainOfUnknownFields);
  await page.goto(`${origin ?? `http://127.0.0.1:${port}`}/`);
  await page.locator("#connection.good").waitFor();
  return { page, complaints };
}
