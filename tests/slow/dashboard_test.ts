// The dashboard on real figures: Prometheus scrapes three real watchdogs through a failure and a return.
import { assert, assertEquals } from "@std/assert";
import { Cluster, ELASTIC_IP } from "../support/cluster.ts";
import { Etcd, etcdMissing } from "../support/etcd.ts";
import { freeTcpPort } from "../support/ports.ts";
import { Prometheus, prometheusMissing, type Series } from "../support/prometheus.ts";
import { skippableTest } from "../support/skippable.ts";
import { until } from "../support/until.ts";
import {
  chosen,
  interpolate,
  labelValues,
  queryVariables,
  readDashboard,
} from "../monitoring/dashboard.ts";

/** What Grafana computes from a scrape every second: four of them. */
const RATE_INTERVAL = { __rate_interval: "4s" };

/** What the story must show in a panel, beyond any data. */
const SHOWN: Readonly<Record<string, (series: readonly Series[]) => boolean>> = {
  "Holders now": (series) => levels(series).has(1),
  "Masters now": (series) => levels(series).has(1),
  "Watchdogs that answer": (series) => levels(series).has(2) && levels(series).has(3),
  "Take-overs in an hour": (series) => Math.max(...levels(series)) > 0,
  "Last change": (series) => Math.min(...levels(series)) > Date.now() - 600_000,
  "Who holds": (series) => series.filter((each) => levels([each]).has(1)).length >= 2,
  "Who is master": (series) => series.filter((each) => levels([each]).has(1)).length >= 2,
  "Peers that are heard": (series) => levels(series).has(1) && levels(series).has(2),
  "Longest silence of a peer": (series) => Math.max(...levels(series)) > 2,
  "Priority": (series) => [...levels(series)].sort().join() === "10,20,30",
  "Reaches the cloud, healthy, in the peer list": (series) => levels(series).has(1),
  "Checks": (series) => levels(series).has(1),
  "Heartbeats": (series) => Math.max(...levels(series)) > 1,
  "Refused datagrams": (series) => series.some(({ metric }) => metric.reason === "length"),
  "Calls to the cloud": (series) => series.some(({ metric }) => metric.verb === "attach"),
  "Who owns the lease": (series) => series.filter((each) => levels([each]).has(1)).length >= 2,
  "Errors of the cloud": (series) => series.every(({ metric }) => metric.kind && metric.verb),
};

/** All values of some series. */
function levels(series: readonly Series[]): Set<number> {
  return new Set(series.flatMap(({ values }) => values.map(([, value]) => Number(value))));
}

const missing = prometheusMissing() ?? etcdMissing();

skippableTest("every query of the dashboard has data", missing, async () => {
  await using etcd = await Etcd.start();
  const cluster = new Cluster();
  const [one, two, three] = [cluster.node(1), cluster.node(2), cluster.node(3)];
  const pages = new Map([one, two, three].map((node) => [node, `127.0.0.1:${freeTcpPort()}`]));
  const start = (node: typeof one, priority: number) =>
    cluster.start(node, {
      priority,
      args: [
        ...["--listen-status", pages.get(node) ?? "", "--check", "exec:true"],
        ...["--lease", `etcd:${etcd.endpoints[0]}`],
      ],
    });
  const stranger = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.9", port: 0 });
  let prometheus: Prometheus | null = null;
  try {
    prometheus = await Prometheus.start("exoip", [...pages.values()]);
    const seen = async (query: string, wanted: number, title: string) => {
      const shows = async () => await prometheus?.value(query) === wanted;
      await until(shows, { title, everyMs: 200, withinMs: 60_000 });
    };
    const holds = (node: typeof one) => `sum(exoip_holding{instance="${pages.get(node)}"})`;
    const beganMs = Date.now();
    start(one, 10);
    start(two, 20);
    start(three, 30);
    await seen(holds(one), 1, "Prometheus sees node-1 hold");
    await seen("sum(up)", 3, "Prometheus scrapes all three");
    await seen("sum(exoip_check_passing)", 3, "all checks pass");

    // The failure: the holder dies while the cloud answers with nonsense, and a stranger sends nonsense.
    cluster.server.fault = () => "html";
    cluster.stop(one, "SIGKILL");
    const { port } = cluster;
    const to = { transport: "udp", hostname: two.instance.address, port } as const;
    await stranger.send(new Uint8Array(1_000), to);
    await seen("count(count_over_time(exoip_api_errors_total[1h]) > 2) > bool 0", 1, "errors");
    await seen("max(count_over_time(exoip_datagrams_refused_total[1h])) > bool 3", 1, "a refusal");
    cluster.server.fault = () => null;
    await seen(holds(two), 1, "Prometheus sees node-2 hold");
    await seen("sum(up)", 2, "Prometheus misses node-1");

    // The store of the lease does not answer for a moment.
    const [store] = etcd.members;
    store?.signal("SIGSTOP");
    await seen("sum(exoip_lease_errors_total) > bool 0", 1, "an error of the store");
    store?.signal("SIGCONT");

    // The return.
    start(one, 10);
    await seen(holds(one), 1, "Prometheus sees node-1 hold again");
    await seen(holds(two), 0, "Prometheus sees node-2 without it");
    await seen("min(exoip_peers_alive)", 2, "all nodes hear each other");

    const values = await variables(prometheus, [...pages.values()]);
    await everyQueryHasData(prometheus, values, beganMs);
  } finally {
    stranger.close();
    await prometheus?.close();
    await cluster.close();
  }
});

/** Fills the dashboard's variables as Grafana does; returns the text for each. */
async function variables(
  prometheus: Prometheus,
  instances: readonly string[],
): Promise<Record<string, string>> {
  const found: Record<string, string[]> = {}, values: Record<string, string> = {};
  for (const variable of queryVariables(readDashboard())) {
    const [selector, label] = labelValues(variable);
    const all = await prometheus.labelValues(interpolate(selector, values), label);
    found[variable.name] = all;
    values[variable.name] = chosen(variable, all);
  }
  assertEquals(found, {
    job: ["exoip"],
    instance: instances.toSorted(),
    address: [ELASTIC_IP],
  });
  return { ...values, ...RATE_INTERVAL };
}

/** Each target by itself, so that one that is always empty cannot hide behind another of its panel. */
async function everyQueryHasData(
  prometheus: Prometheus,
  values: Readonly<Record<string, string>>,
  fromMs: number,
): Promise<void> {
  const { panels, annotations } = readDashboard();
  const toMs = Date.now(), empty: string[] = [], wrong: string[] = [];
  for (const { title, targets } of panels) {
    for (const { refId, expr, legendFormat } of targets) {
      const series = await prometheus.range(interpolate(expr, values), fromMs, toMs);
      if (series.length === 0) empty.push(`${title} ${refId}`);
      else if (SHOWN[title]?.(series) === false) wrong.push(`${title}: ${JSON.stringify(series)}`);
      const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
      const without = labels.filter((label) => series.some(({ metric }) => !metric[label]));
      assertEquals(without, [], `${title}: its legend names labels that a series lacks`);
    }
  }
  for (const { name, expr } of annotations.list) {
    const series = await prometheus.range(interpolate(expr, values), fromMs, toMs);
    if (series.length === 0) empty.push(`annotation ${name}`);
  }
  assertEquals(empty, []);
  assertEquals(wrong, []);
  const titles = new Set(panels.map(({ title }) => title));
  assert(
    Object.keys(SHOWN).every((title) => titles.has(title)),
    "SHOWN names a panel that is gone",
  );
  // A metric that is not there has no data, so an empty answer would be noticed.
  assertEquals(await prometheus.range("exoip_no_such_metric", fromMs, toMs), []);
}
