// The system's Chromium, without a screen, and the status page in it.
import { type Browser, chromium, type Page } from "playwright-core";
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

/** Opens the page and waits until it has its first answer; what goes wrong in it is collected. */
export async function openPage(
  browser: Browser,
  { port }: Pick<StatusServer, "port">,
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // What cannot be reached is reported by the browser itself, and shown by the page.
    const expected = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !expected) complaints.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.locator("#connection.good").waitFor();
  return { page, complaints };
}
