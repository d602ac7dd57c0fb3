// The status page in a real browser: it follows the watchdog without a reload, and shows when it cannot.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { NOT_LOOKED } from "../../src/core/presence.ts";
import type { AddressView, LeaseStatus, Snapshot } from "../../src/status/snapshot.ts";
import { NodeFixture, PEERS } from "../support/node_fixture.ts";
import { until } from "../support/until.ts";
import { sampleReport } from "../support/shadow_sample.ts";
import { skippableTest } from "../support/skippable.ts";
import { browserPath, openPage, servePage, startBrowser } from "../support/browser.ts";

const MISSING = browserPath() === null ? "no Chromium is installed" : null;

/** A test of the page with a simulated node, which the test can step. */
function pageTest(
  name: string,
  body: (parts: {
    played: NodeFixture;
    page: Page;
    browser: Browser;
    server: ReturnType<typeof servePage>;
    /** Changes the page's snapshot before it is sent. */
    tell: (change: (snapshot: Snapshot) => Snapshot) => void;
  }) => Promise<void>,
): void {
  skippableTest(name, MISSING, async () => {
    const played = new NodeFixture();
    played.until(1_000);
    let change = (snapshot: Snapshot) => snapshot;
    const server = servePage(() => change(played.snapshot()));
    const browser = await startBrowser();
    try {
      const { page, complaints } = await openPage(browser, server);
      const tell = (next: typeof change) => void (change = next);
      await body({ played, page, browser, server, tell });
      assertEquals(complaints, []);
    } finally {
      await browser.close();
      await server.close();
    }
  });
}

/** A computed style of an element. */
async function look(page: Page, selector: string, property: string): Promise<unknown> {
  return await page.evaluate(`getComputedStyle(document.querySelector("${selector}")).${property}`);
}

const own = (page: Page) => page.locator(".cluster > .node");
const peer = (page: Page, which: 0 | 1) =>
  page.locator(".peers > li", { hasText: PEERS[which]!.address });

pageTest(
  "the page shows a change of role, and who holds, without being loaded again",
  async ({ page, played }) => {
    await own(page).getByText("backup (settling)").waitFor();
    await page.getByText("Nobody is known to hold it.").waitFor();
    await page.evaluate(() => Object.assign(globalThis, { loadedOnce: true }));
    played.until(6_000);
    await own(page).getByText("master (alone)").waitFor();
    await own(page).getByText("holds", { exact: true }).waitFor();
    await page.getByText(/^Held by this node, as the cloud showed \d+\.\d s ago\.$/).waitFor();
    assertMatch(await page.title(), /^● master – exoip$/);
    // The holder changes: a better peer comes and says that it holds, and this node gives the address up.
    for (let atMs = 6_000; atMs <= 9_000; atMs += 500) {
      played.until(atMs);
      played.others = [{ instanceId: PEERS[0]!.instanceId, off: false }];
      played.hear(0, { priority: 5, holds: true });
    }
    await own(page).getByText("backup (outranked)").waitFor();
    await peer(page, 0).getByText("holds", { exact: true }).waitFor();
    assertEquals(await page.evaluate(() => "loadedOnce" in globalThis), true);
  },
);

/** Texts that the page shows in warning colours. */
async function warnings(page: Page): Promise<string[]> {
  return await page.locator(
    ".pill.bad, .pill.odd, .link.bad, .link.odd, p.old, .verdict:not(.good)",
  )
    .allInnerTexts();
}

pageTest("a healthy cluster shows no warning, and each fault shows its own", async (parts) => {
  const { page, played, tell } = parts;
  played.checks = [{ name: "tcp", state: "passing", ageMs: 100, reason: "" }];
  played.presence = { ...NOT_LOOKED, sight: { present: true, on: "lo" }, lookedAtMs: 9_000 };
  for (let atMs = 2_000; atMs <= 10_000; atMs += 1_000) {
    played.until(atMs);
    for (const which of [0, 1] as const) played.hear(which);
  }
  await page.locator(".verdict.good").waitFor();
  assertEquals(
    await page.locator("#verdict").innerText(),
    "OK: this node holds 198.51.100.50, 2 of 2 peers live, master for 6.9 s",
  );
  await peer(page, 1).getByText("heard both ways").waitFor();
  assertEquals(await warnings(page), []);
  const broken: readonly [Partial<AddressView>, string][] = [
    [{ cloudReachable: false }, "cannot reach the cloud"],
    [{ healthy: false }, "unhealthy"],
    [{ inPeerList: false }, "not on the list of peers"],
    [{ onInterface: false }, "address on no interface"],
    [{ leaving: true }, "leaving"],
    [{ settling: true }, "listening first"],
    [{ holding: null }, "not known to hold"],
  ];
  for (const [change, chip] of broken) {
    tell((snapshot) => ({ ...snapshot, addresses: [{ ...snapshot.addresses[0]!, ...change }] }));
    await own(page).getByText(chip, { exact: true }).waitFor();
    const chips = await own(page).locator(".pill.bad, .pill.odd").allInnerTexts();
    assertEquals(chips, [chip]);
  }
});

pageTest("the page shows on the card of the node why it is unhealthy", async ({ page, played }) => {
  const reason = "connect: connection refused";
  played.checks = [{ name: "tcp:127.0.0.1:443", state: "failing", ageMs: 300, reason }];
  await own(page).getByText(`check tcp:127.0.0.1:443 is failing, 0.3 s ago: ${reason}`).waitFor();
  played.checks = [{ name: "tcp:127.0.0.1:443", state: "passing", ageMs: 300, reason: "" }];
  const passes = async () => await own(page).getByText("is failing").count() === 0;
  await until(passes, { title: "it passes", everyMs: 100 });
});

pageTest("the page shows peers by their names, with their own priorities", async (parts) => {
  const { page, played } = parts;
  played.names.set(PEERS[0]!.address, "node-b.test");
  played.hear(0, { priority: 255, ownPriority: 5, unhealthy: true, holds: true });
  const title = "node-b.test (203.0.113.11)";
  await page.getByRole("heading", { name: `${title}, priority 5` }).waitFor();
  await page.getByText(`Held by ${title}, as it said`).waitFor();
});

pageTest(
  "the page shows on the card of the node who owns the lease, and how old that is",
  async (parts) => {
    const { page, tell } = parts;
    assertEquals(await own(page).getByText("lease").count(), 0, "without a lease it shows none");
    const store = "etcd at https://10.0.0.5:2379";
    const lease: LeaseStatus = {
      ...{ store, ttlMs: 10_000, owned: true, owner: { instanceId: "i-1", name: null } },
      ...{
        ownerAgeMs: 60_000,
        releasedTo: null,
        readAgeMs: null,
        renewalAgeMs: 1_200,
        lost: false,
      },
      ...{ reachable: true, answeredAgeMs: 1_200, failsafe: false, fencing: false, acquired: 1 },
      ...{ acquiredAgeMs: 60_000, lostCount: 0, lostAgeMs: null, calls: [] },
    };
    const show = (change: Partial<LeaseStatus>, holding = true) =>
      tell((snapshot) => ({
        ...snapshot,
        addresses: [{ ...snapshot.addresses[0]!, holding, lease: { ...lease, ...change } }],
      }));
    const line = (text: string) => own(page).getByText(text, { exact: true });
    show({});
    await line("lease of 10.0 s, renewed 1.2 s ago").waitFor();
    await line(`${store} answered 1.2 s ago`).waitFor();
    assertEquals(await line("owns the lease").getAttribute("class"), "pill good");
    assertEquals(await own(page).locator("p.old", { hasText: "lease" }).count(), 0);
    show({ renewalAgeMs: 5_100, fencing: true });
    await own(page).locator("p.old", { hasText: "renewed 5.1 s ago" }).waitFor();
    await line("takes the address from others first").waitFor();
    const none = { owned: false, renewalAgeMs: null };
    show({ ...none, reachable: false, answeredAgeMs: 12_000, failsafe: true });
    await line("not known who owns the lease").waitFor();
    await own(page).locator("p.old", { hasText: `${store} answered 12.0 s ago` }).waitFor();
    for (const pill of ["cannot reach the store", "failsafe: holds while it hears every peer"]) {
      assertEquals(await line(pill).getAttribute("class"), "pill bad");
    }
    const other = { ...none, owner: { instanceId: "i-2", name: "edge-2" }, readAgeMs: 2_100 };
    show(other);
    await line("edge-2 (i-2) owns the lease, read 2.1 s ago").waitFor();
    await line("holds without the lease").waitFor();
    show({ ...other, releasedTo: "i-3" }, false);
    await line("edge-2 (i-2) gave the lease up to i-3, read 2.1 s ago").waitFor();
    assertEquals(await line("holds without the lease").count(), 0);
    show({ ...none, owner: null, lost: true, readAgeMs: 300 }, false);
    await line("nobody owns the lease, read 0.3 s ago").waitFor();
    await line("lost the lease").waitFor();
  },
);

pageTest("the page leads to a peer's own page where that may listen", async (parts) => {
  const { page, browser, server } = parts;
  // Through loopback, there is no link to the peers' own pages.
  assertEquals(await page.getByRole("link", { name: "its own page" }).count(), 0);
  const origin = "http://203.0.113.10:9311";
  const other = await openPage(browser, server, { origin });
  const [link, hint] = ["a", "p:has(a)"].map((part) =>
    other.page.locator(".peers > li", { hasText: PEERS[0]!.address }).locator(part)
  );
  assertEquals(await link!.getAttribute("href"), "http://203.0.113.11:9311/");
  assertEquals(await hint!.innerText(), "its own page, if it serves one on port 9311, too");
  assertEquals(other.complaints, []);
});

pageTest(
  "the page shows a link that works one way only, either way",
  async ({ page, played, tell }) => {
    played.hear(0, { hearsYou: true });
    await peer(page, 0).getByText("heard both ways").waitFor();
    played.until(1_900);
    played.hear(0, { hearsYou: false });
    await peer(page, 0).getByText("one way: it does not hear us").waitFor();
    tell((snapshot) => {
      const [address] = snapshot.addresses;
      const peers = address!.peers.map((each) => ({ ...each, alive: false, link: "not-heard" }));
      return { ...snapshot, addresses: [{ ...address!, peers }] } as Snapshot;
    });
    await peer(page, 1).getByText("one way: it lives, but is not heard").waitFor();
  },
);

pageTest(
  "the page tells the last changes with their reasons, newest first",
  async ({ page, played }) => {
    for (let atMs = 1_000; atMs <= 5_000; atMs += 1_000) {
      played.until(atMs);
      played.hear(0, { priority: 5 });
    }
    const first = page.locator("#timeline li").first();
    await page.locator("#timeline").getByText("backup (outranked by 203.0.113.11 with priority 5)")
      .waitFor();
    played.until(12_000);
    await page.locator("#timeline").getByText("peer 203.0.113.11 is dead").waitFor();
    await page.locator("#timeline").getByText("master (alone), was backup").waitFor();
    await first.getByText("attached", { exact: true }).waitFor();
    await page.getByLabel("only warnings").check();
    assertEquals(await page.locator("#timeline li").count(), 1);
    assertMatch(await first.innerText(), /peer-dead/);
  },
);

pageTest(
  "the page shows whether this machine has the address, and that a holder without it drops traffic",
  async ({ page, played }) => {
    await own(page).getByText("on an interface: not known").waitFor();
    const tell = (present: boolean, on: string | null, problem = "") => {
      played.presence = {
        ...NOT_LOOKED,
        sight: { present, on },
        lookedAtMs: played.nowMs,
        problem,
      };
    };
    tell(true, "lo");
    await own(page).getByText(/^on lo, looked 0\.\d s ago$/).waitFor();
    tell(false, null);
    const pill = own(page).getByText("address on no interface");
    await pill.waitFor();
    assertEquals(await pill.getAttribute("class"), "pill odd", "nobody sends a backup anything");
    played.until(6_000);
    tell(false, null, 'Device "lo" does not exist.');
    await own(page).getByText(/^on no interface, looked .* ago: Device "lo" does not exist\.$/)
      .waitFor();
    assertEquals(await pill.getAttribute("class"), "pill bad");
    tell(true, null);
    await own(page).getByText(/^this machine has it, looked 0\.\d s ago$/).waitFor();
    assertEquals(await pill.count(), 0);
  },
);

pageTest("the page says why the node is unhealthy", async ({ page, played }) => {
  played.until(6_000);
  played.step({ kind: "health", healthy: false, reason: "tcp://127.0.0.1:80: connection refused" });
  const why = "unhealthy: tcp://127.0.0.1:80: connection refused; no live node is healthy";
  await own(page).getByText(why).waitFor();
});

pageTest("what comes from outside is shown as text and never as markup", async ({ page, tell }) => {
  const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  tell((snapshot) => {
    const [address] = snapshot.addresses;
    const others = [{ instanceId: evil, name: null, peer: null, off: false }];
    return {
      ...snapshot,
      instanceId: evil,
      zone: evil,
      checks: [{ name: evil, state: "failing", ageMs: 1, reason: evil }],
      changes: [{ atMs: 1, ageMs: 1, severity: "warning", event: evil, text: evil }],
      addresses: [{
        ...address!,
        elasticIp: evil,
        reason: evil,
        reasonDetail: evil,
        otherHolders: others,
        onInterface: false,
        interfaceProblem: evil,
      }],
    } as unknown as Snapshot;
  });
  await page.locator("#timeline").getByText(evil).first().waitFor();
  assertEquals(await page.locator("img, main script").count(), 0);
});

pageTest(
  "the page greys and gives the age when the watchdog does not answer, and comes back",
  async ({ page, played, server }) => {
    played.until(6_000);
    await own(page).getByText("master (alone)").waitFor();
    await server.close();
    const connection = page.locator("#connection");
    await page.locator("body.lost").waitFor();
    const age = async () => Number(/is (\d+\.\d) s old/.exec(await connection.innerText())?.[1]);
    const before = await age();
    assert(before > 0, await connection.innerText());
    await until(async () => await age() > before + 1, { title: "the age rises", everyMs: 100 });
    const opacity = await look(page, "main", "opacity");
    assertEquals(opacity, "0.4");
    assertMatch(await page.title(), /^no answer/);
    const again = servePage(() => played.snapshot(), server.port);
    try {
      await page.locator("#connection.good").waitFor();
      await page.locator("body:not(.lost)").waitFor();
    } finally {
      await again.close();
    }
  },
);

pageTest(
  "the page follows the system's dark mode, and the button overrules it",
  async ({ browser, server }) => {
    const { page } = await openPage(browser, server, { colorScheme: "dark" });
    const paper = () => look(page, "body", "backgroundColor");
    const dark = await paper();
    const toLight = page.getByRole("button", { name: "Use light colours" });
    const toDark = page.getByRole("button", { name: "Use dark colours" });
    // Its label names its action; until a user chooses, it follows the system.
    await toLight.waitFor();
    await page.emulateMedia({ colorScheme: "light" });
    await toDark.waitFor();
    await page.emulateMedia({ colorScheme: "dark" });
    await toLight.click();
    const light = await paper();
    assert(dark !== light, `${dark} and ${light}`);
    await page.reload();
    await toDark.waitFor();
    assertEquals(await paper(), light);
    await page.emulateMedia({ colorScheme: "light" });
    await toDark.click();
    assertEquals(await paper(), dark);
    await toLight.waitFor();
  },
);

pageTest("everything on the page can be reached and used with the keyboard", async ({ page }) => {
  const reached: string[] = [];
  for (let presses = 0; presses < 7; presses++) {
    await page.keyboard.press("Tab");
    reached.push(
      await page.evaluate("document.activeElement.id || document.activeElement.className"),
    );
  }
  const windows = ["window-1", "window-6", "window-24"];
  assertEquals(reached, ["skip", "theme", ...windows, "alarms", "timeline"]);
  const ring = await look(page, "#timeline", "outlineStyle");
  assertEquals(ring, "solid", "the focus can be seen");
  await page.locator("#theme").focus();
  await page.keyboard.press("Enter");
  assertEquals(await page.locator("#theme").innerText(), "Use light colours");
  // The focus stays while the page refreshes.
  await page.locator("#alarms").focus();
  await page.keyboard.press("Space");
  await page.waitForResponse((response) => response.url().endsWith("/status.json"));
  await page.waitForResponse((response) => response.url().endsWith("/status.json"));
  assertEquals(await page.evaluate("document.activeElement.id"), "alarms");
});

pageTest("the page fits on a phone", async ({ browser, server, played }) => {
  played.until(12_000);
  const { page } = await openPage(browser, server, { viewport: { width: 360, height: 740 } });
  await page.locator("#timeline li").first().waitFor();
  const width = Number(await page.evaluate("document.documentElement.scrollWidth"));
  assert(width <= 360, `${width} px wide`);
});

pageTest("the page of a shadow says that it changes nothing, and how it differs", async (parts) => {
  const { page, played } = parts;
  await own(page).getByText("backup (settling)").waitFor();
  assertEquals(await page.locator("#shadow").isVisible(), false);
  played.comparison = sampleReport();
  await page.getByText(/^Shadow: this watchdog changes nothing/).waitFor();
  await own(page).getByText(/shadow would have held from here/).waitFor();
  await own(page).getByText(/the two agreed for 88.57 % of the time; 1 difference/).waitFor();
  assertMatch(await page.title(), /^shadow: /);
});
