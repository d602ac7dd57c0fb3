// Draws the picture of the status page in README and docs: `deno task picture`. It needs Chromium.
//
// The page is the real one, in a real browser; the node behind it is the core, see played_minute.ts.
import { openPage, servePage, startBrowser } from "../../tests/support/browser.ts";
import { playedMinute } from "./played_minute.ts";

const FOLDER = new URL("../../.github/", import.meta.url);
/** Small desktop size, at double resolution. */
const VIEW = { width: 900, height: 800 };

/** Draws it in light and dark. */
async function draw(): Promise<void> {
  const played = playedMinute();
  const server = servePage(() => played.snapshot());
  const browser = await startBrowser();
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      const { page } = await openPage(browser, server, { viewport: VIEW, colorScheme });
      await page.locator("#timeline li").first().waitFor();
      const path = new URL(colorScheme === "light" ? "status.png" : "status-dark.png", FOLDER);
      await Deno.writeFile(path, await page.screenshot({ fullPage: true }));
      console.log(`${path.pathname}: ${Math.round(Deno.statSync(path).size / 1_024)} KiB`);
      await page.close();
    }
  } finally {
    await browser.close();
    await server.close();
  }
}

if (import.meta.main) await draw();
