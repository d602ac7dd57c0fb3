// Draws the picture of the status page in README and docs: `deno task picture`. It needs Chromium.
//
// The page is the real one, in a real browser; the node behind it is the core, played through a minute in which a
// better node dies and the link to another one works one way only.
import { NOT_LOOKED } from "../../src/core/presence.ts";
import { openPage, servePage, startBrowser } from "../../tests/support/browser.ts";
import { NodeFixture } from "../../tests/support/node_fixture.ts";

const FOLDER = new URL("../../.github/", import.meta.url);
/** Small desktop size, at double resolution. */
const VIEW = { width: 900, height: 800 };

/** The node that the page shows. */
function playedMinute(): NodeFixture {
  const played = new NodeFixture();
  played.checks = [{
    name: "tcp://127.0.0.1:443",
    state: "passing",
    ageMs: 700,
    reason: "",
  }];
  for (let atMs = 1_000; atMs <= 58_000; atMs += 1_000) {
    played.until(atMs);
    if (atMs <= 38_000) played.hear(0, { priority: 5, holds: true });
    played.hear(1, { priority: 20, hearsYou: atMs < 50_000 });
  }
  played.until(58_400);
  played.presence = { ...NOT_LOOKED, sight: { present: true, on: "lo" }, lookedAtMs: 58_000 };
  return played;
}

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
