// Draws the pictures in README and docs: `deno task picture`. It needs Chromium, and `script` of util-linux.
//
// The page is the real one, in a real browser; the node behind it is the core, see played_minute.ts.
import { help, styleFor } from "../../src/commands/help.ts";
import { openPage, servePage, startBrowser } from "../../tests/support/browser.ts";
import { playedHistory } from "./played_history.ts";
import { playedMinute } from "./played_minute.ts";
import { terminalPage } from "./terminal.ts";

const FOLDER = new URL("../../.github/", import.meta.url);
/** Small desktop size. */
const VIEW = { width: 900, height: 800 };

type Browser = Awaited<ReturnType<typeof startBrowser>>;

/** Draws everything. */
async function draw(): Promise<void> {
  const screens = {
    "help.png": help(null, styleFor({ terminal: true, env: {} })),
    "demo.png": await demoScreen(),
  };
  const browser = await startBrowser();
  try {
    await drawPage(browser);
    await drawHistory(browser);
    for (const [name, text] of Object.entries(screens)) await drawScreen(browser, name, text);
  } finally {
    await browser.close();
  }
}

/** Draws the status page in light and dark. */
async function drawPage(browser: Browser): Promise<void> {
  const played = playedMinute();
  const server = servePage(() => played.snapshot());
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      const { page } = await openPage(browser, server, { viewport: VIEW, colorScheme });
      await page.locator("#timeline li").first().waitFor();
      const name = colorScheme === "light" ? "status.png" : "status-dark.png";
      await save(name, await page.screenshot({ fullPage: true }));
      await page.close();
    }
  } finally {
    await server.close();
  }
}

/** Draws the history on the page in light and dark, with the text of a fault. */
async function drawHistory(browser: Browser): Promise<void> {
  const played = playedHistory();
  const server = servePage(() => played.snapshot(), 0, () => played.history());
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      const options = { viewport: VIEW, colorScheme, timezoneId: "UTC" };
      const { page } = await openPage(browser, server, options);
      await page.getByRole("button", { name: "1 h", exact: true }).click();
      await page.locator(".mark.outage").last().focus();
      const name = colorScheme === "light" ? "history.png" : "history-dark.png";
      const section = page.locator("section", { has: page.locator("#history") });
      await save(name, await section.screenshot());
      await page.close();
    }
  } finally {
    await server.close();
  }
}

/** Draws what a terminal shows. */
async function drawScreen(browser: Browser, name: string, text: string): Promise<void> {
  const page = await browser.newPage();
  await page.setContent(terminalPage(text));
  await save(name, await page.locator("pre").screenshot());
  await page.close();
}

async function save(name: string, picture: Uint8Array): Promise<void> {
  const path = new URL(name, FOLDER);
  await Deno.writeFile(path, picture);
  console.log(`${path.pathname}: ${Math.round(Deno.statSync(path).size / 1_024)} KiB`);
}

/** The demo's last screen, and the table below it, in a terminal of 80 columns. */
async function demoScreen(): Promise<string> {
  const log = await Deno.makeTempFile();
  const command = `stty cols 80 rows 40 && '${Deno.execPath()}' task demo`;
  await new Deno.Command("script", { args: ["-qfec", command, log], stdout: "null" }).output();
  const written = await Deno.readTextFile(log);
  await Deno.remove(log);
  const last = written.slice(written.lastIndexOf("\x1b[H") + "\x1b[H".length);
  // Without the sequences that clear, which mean nothing on a sheet of paper, and without the words of `script`.
  const text = ["\x1b[J", "\x1b[K", "\r"].reduce((rest, each) => rest.replaceAll(each, ""), last);
  return text.replace(/\nScript done[^]*$/, "");
}

if (import.meta.main) await draw();
