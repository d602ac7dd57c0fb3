// The system's Chromium, without a screen, and the status page in it.
import { type Browser, chromium, type Page, type Route } from "playwright-core";
import type { Snapshot } from "../../src/status/snapshot.ts";
import { systemClock } from "../../src/host/clock.ts";
import { serveStatus, type StatusServer } from "../../src/host/status_server.ts";
import { loadStatusPage } from "../../src/status/html_page.ts";
import { statusRoutes } from "../../src/status/routes.ts";

/** Names under which it is installed. */
const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Path of the browser, null where there is none. */
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

/** Starts it. */
export async function startBrowser(): Promise<Browser> {
  // Without a sandbox, which root and most containers cannot have; it sees our own page only.
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  return await chromium.launch({ executablePath: browserPath() ?? "", args });
}

/** A server of the page whose watchdog is whatever the function says at that moment. */
export function servePage(snapshot: () => Snapshot, port = 0): StatusServer {
  const handler = statusRoutes({
    clock: systemClock,
    snapshot,
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

/** Runs in the page: a field that the page reads and that the snapshot does not have was renamed, most likely. */
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

/** Opens the page and waits until it has its first answer; what goes wrong in it is collected. */
export async function openPage(
  browser: Browser,
  { port }: Pick<StatusServer, "port">,
  options: Parameters<Browser["newPage"]>[0] & {
    /** Under which the page is opened; what is asked of it is answered by the server on loopback. */
    origin?: string;
  } = {},
): Promise<{ page: Page; complaints: string[] }> {
  const { origin, ...pageOptions } = options;
  const page = await browser.newPage(pageOptions);
  if (origin !== undefined) await page.route(`${origin}/**`, (route) => forward(route, port));
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // What cannot be reached is reported by the browser itself, and shown by the page.
    const expected = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !expected) complaints.push(message.text());
  });
  await page.addInitScript(complainOfUnknownFields);
  await page.goto(`${origin ?? `http://127.0.0.1:${port}`}/`);
  await page.locator("#connection.good").waitFor();
  return { page, complaints };
}
