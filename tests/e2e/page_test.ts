// The status page of a real watchdog in a real browser, through a failover and the watchdog's own end.
import { assertMatch } from "@std/assert";
import { browserPath, openPage, startBrowser } from "../support/browser.ts";
import { skippableTest } from "../support/skippable.ts";
import { Cluster, PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { freeTcpPort } from "../support/ports.ts";

const MISSING = browserPath() === null ? "no Chromium is installed" : null;

skippableTest("the page of a real watchdog follows a fail-over, and its end", MISSING, async () => {
  const cluster = new Cluster({ ...PATIENT, count: 2 });
  const [master, backup] = [cluster.node(1), cluster.node(2)];
  const port = freeTcpPort();
  const browser = await startBrowser();
  try {
    cluster.start(master, { priority: 10 });
    await until(() => cluster.holders.join() === "node-1", { title: "node-1 holds" });
    cluster.start(backup, { priority: 20, args: ["--listen-status", `:${port}`] });
    await until(() => backup.lines.some(({ text }) => text.includes("backup (outranked")), {
      title: "node-2 has judged",
    });
    const { page, complaints } = await openPage(browser, { port });
    const own = page.locator(".cluster > .node");
    await own.getByText("backup (outranked)").waitFor();
    // No machine here has the address; the real snapshot shows no other problem.
    const warnings = page.locator(".cluster .pill.bad, .cluster .pill.odd, .cluster .link.bad");
    // A process that a busy machine has paused shows that for a moment.
    const only = async () => (await warnings.allInnerTexts()).join() === "address on no interface";
    await until(only, { title: "no other warning", everyMs: 200 });
    await page.getByText(
      /^OK: node-1 \(127\.0\.0\.1\) holds 198\.51\.100\.50, 1 of 1 peers live, backup for /,
    )
      .waitFor();
    await page.getByText(/^Held by node-1 \(127\.0\.0\.1\), as it said \d+\.\d s ago\.$/).waitFor();
    await cluster.heardToHold(master);
    master.process?.signal("SIGKILL");
    await own.getByText("master (alone)").waitFor();
    await page.getByText(/^Held by this node, as the cloud showed \d+\.\d s ago\.$/).waitFor();
    await page.locator("#timeline").getByText("peer node-1 (127.0.0.1) is dead").waitFor();
    await page.locator("#timeline").getByText(/^took the Elastic IP from node-/).waitFor();
    backup.process?.signal("SIGKILL");
    await page.locator("body.lost").waitFor();
    assertMatch(await page.locator("#connection").innerText(), /what you see is \d+\.\d s old$/);
    assertMatch(complaints.join("\n"), /^$/);
  } finally {
    await browser.close();
    await cluster.close();
  }
});
