// The history on the page, in a real browser: bands, faults with their causes, the list, the keyboard.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { playedHistory } from "../../scripts/docs/played_history.ts";
import { browserPath, openPage, servePage, startBrowser } from "../support/browser.ts";
import { HistoryFixture } from "../support/history_fixture.ts";
import { PEERS } from "../support/node_fixture.ts";
import { skippableTest } from "../support/skippable.ts";
import { until } from "../support/until.ts";

const MISSING = browserPath() === null ? "no Chromium is installed" : null;

/** A test of the page with the history of a simulated node. */
function historyTest(
  name: string,
  played: () => HistoryFixture,
  body: (parts: { played: HistoryFixture; page: Page }) => Promise<void>,
  options: Parameters<typeof openPage>[2] = {},
): void {
  skippableTest(name, MISSING, async () => {
    const node = played();
    const server = servePage(() => node.snapshot(), 0, () => node.history());
    const browser = await startBrowser();
    try {
      const { page, complaints } = await openPage(browser, server, {
        timezoneId: "UTC",
        ...options,
      });
      await body({ played: node, page });
      assertEquals(complaints, []);
    } finally {
      await browser.close();
      await server.close();
    }
  });
}

const band = (page: Page, name: string) =>
  page.locator(".bands > li", { hasText: name }).locator("svg");

historyTest(
  "the page shows a band for each node, which says in words what it shows",
  playedHistory,
  async ({ page }) => {
    assertMatch(
      await band(page, "this node").getAttribute("aria-label") ?? "",
      /^this node: held for 23 min \d s of the last 6 h, now it holds$/,
    );
    assertMatch(
      await band(page, "edge-1").getAttribute("aria-label") ?? "",
      /^edge-1 \(203\.0\.113\.11\): held for 32 min 5\d s of the last 6 h, now it is silent$/,
    );
    assertEquals(await band(page, "edge-1").getAttribute("role"), "img");
    await page.getByText(
      /^198\.51\.100\.50, the last 6 h, known from 12:00:00 on: 2 times without a/,
    )
      .waitFor();
    const rectangles = band(page, "edge-1").locator("rect");
    const heights = async (look: string) =>
      await band(page, "edge-1").locator(`rect.${look}`).first().getAttribute("height");
    // Without its colours, a band that holds is higher than one that does not.
    assertEquals([await heights("holds"), await heights("silent")], ["100%", "8%"]);
    assert(await rectangles.count() >= 4);
  },
);

historyTest(
  "a fault tells its cause to a pointer, to the keyboard, and to a screen reader",
  playedHistory,
  async ({ page }) => {
    const marks = page.locator(".marks .mark");
    await marks.last().waitFor();
    assertEquals(await marks.count(), 2);
    const cause = "12:14:00 no holder for 3.0 s: peer edge-1 (203.0.113.11) silent";
    const detail = page.locator(".detail");
    await marks.first().hover();
    assertEquals(await detail.innerText(), cause);
    assertEquals(await marks.first().getAttribute("aria-label"), cause);
    assertEquals(await detail.getAttribute("role"), "status");
    await page.locator("#windows button").last().focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assertMatch(
      await detail.innerText(),
      /^12:41:00 no holder for 2 min 1 s: .*; the attach of this/,
    );
    const box = await marks.first().boundingBox();
    assert((box?.width ?? 0) >= 8, "three seconds can still be pointed at");
  },
);

historyTest(
  "what happened stands in a list, too, which needs no colour",
  playedHistory,
  async ({ page }) => {
    const rows = page.locator(".events li");
    await rows.first().waitFor();
    const texts = (await rows.allInnerTexts()).map((text) => text.replace(/\s+/g, " "));
    assertEquals(texts[0], "12:43:01 this node took over");
    assertMatch(texts[1] ?? "", /^12:41:00 outage no holder for 2 min 1 s: peer edge-1 .* silent;/);
    assert(texts.some((text) => /^12:22:05 two holders for 2\.0 s: hand-over: /.test(text)));
    assertEquals(await page.locator(".events").getAttribute("tabindex"), "0");
  },
);

historyTest(
  "the window can be chosen, and what lies outside is not shown",
  playedHistory,
  async ({ page, played }) => {
    for (let atMs = played.nowMs + 60_000; atMs <= 3 * 3_600_000; atMs += 60_000) {
      played.until(atMs);
    }
    await page.locator(".mark").first().waitFor();
    const pressed = () => page.locator('#windows [aria-pressed="true"]').innerText();
    assertEquals(await pressed(), "6 h");
    await until(async () => (await page.locator(".axis span").last().innerText()) === "15:00:00", {
      title: "it is asked again",
    });
    await page.getByRole("button", { name: "1 h", exact: true }).click();
    assertEquals(await pressed(), "1 h");
    assertEquals(await page.locator(".mark").count(), 0);
    assertEquals(await page.locator(".events li").count(), 0);
    await page.getByRole("button", { name: "24 h", exact: true }).click();
    assertEquals(await page.locator(".mark").count(), 2);
  },
);

historyTest(
  "a fault that has the focus keeps it when the history is asked again",
  playedHistory,
  async ({ page, played }) => {
    await page.locator(".mark").first().focus();
    const end = await page.locator(".axis span").last().innerText();
    played.until(played.nowMs + 60_000);
    await until(async () => (await page.locator(".axis span").last().innerText()) !== end, {
      title: "it is asked again",
    });
    const focused = await page.evaluate("document.activeElement.getAttribute('aria-label')");
    assertMatch(String(focused), /^12:14:00 no holder/);
  },
);

historyTest(
  "names from outside are text on the bands, never markup",
  () => {
    const played = new HistoryFixture();
    played.names.set(PEERS[0]!.address, "<img src=x onerror=alert(1)>");
    played.until(1_000);
    played.hear(0, { holds: true });
    played.until(2_000);
    return played;
  },
  async ({ page }) => {
    await page.locator(".band-name", { hasText: "<img src=x" }).waitFor();
    assertEquals(await page.locator("#history img").count(), 0);
  },
);

historyTest(
  "the history fits on a phone",
  playedHistory,
  async ({ page }) => {
    await page.locator(".mark").first().waitFor();
    const width = Number(await page.evaluate("document.documentElement.scrollWidth"));
    assert(width <= 360, `${width} px wide`);
  },
  { viewport: { width: 360, height: 740 } },
);

for (const colorScheme of ["light", "dark"] as const) {
  historyTest(
    `bands and faults stand out from their ground in ${colorScheme} colours`,
    playedHistory,
    async ({ page }) => {
      await page.locator(".mark").first().waitFor();
      const colour = (selector: string, property: string) =>
        page.evaluate(`getComputedStyle(document.querySelector("${selector}")).${property}`);
      const ground = String(await colour(".band", "backgroundColor"));
      for (const [selector, property] of [["rect.holds", "fill"], [".mark", "backgroundColor"]]) {
        const found = String(await colour(selector!, property!));
        assert(contrast(found, ground) >= 3, `${selector}: ${found} on ${ground}`);
      }
    },
    { colorScheme },
  );
}

/** The contrast of two colours as WCAG 2 has it, 1 to 21. */
function contrast(one: string, other: string): number {
  const light = (colour: string) => {
    const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number).map((value) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low = 0, high = 0] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
