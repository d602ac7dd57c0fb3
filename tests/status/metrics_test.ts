// The metrics: Prometheus' own tool accepts them, and they match the snapshot.
import { sampleReport } from "../support/shadow_sample.ts";
import { assert, assertEquals } from "@std/assert";
import { metricFamilies, metricsText } from "../../src/status/metrics.ts";
import { METRICS } from "../../src/core/registry/metric_names.ts";
import { NOT_LOOKED } from "../../src/core/presence.ts";
import { EPOCH_MS, NodeFixture, PEERS } from "../support/node_fixture.ts";
import { promtool, promtoolMissing } from "../support/promtool.ts";
import { skippableTest } from "../support/skippable.ts";

/** A node with a value in every field. */
function busyNode(): NodeFixture {
  const played = new NodeFixture();
  played.checks = [
    { name: 'tcp "db"\\', state: "passing", ageMs: 200, reason: "" },
    { name: "http", state: "failing", ageMs: null, reason: "timeout" },
  ];
  for (let atMs = 1_000; atMs <= 10_000; atMs += 1_000) {
    played.until(atMs);
    played.hear(0, { hearsYou: false });
  }
  played.datagrams.refuse("192.0.2.1", "length", 9_000);
  played.counters.failed("look", "timeout", 9_500);
  played.until(10_500);
  return played;
}

/** Value of a sample, as written. */
function valueOf(text: string, sample: string): number | null {
  const line = text.split("\n").find((each) => each.startsWith(`${sample} `));
  return line === undefined ? null : Number(line.slice(sample.length + 1));
}

Deno.test("metricsText() tells whether this machine has the address, where that is known", () => {
  const played = busyNode();
  const name = 'exoip_address_on_interface{address="198.51.100.50"}';
  const looked = 'exoip_interface_looked_timestamp_seconds{address="198.51.100.50"}';
  const values = (present: boolean | null) => {
    played.presence = { ...NOT_LOOKED, sight: { present, on: null }, lookedAtMs: 10_000 };
    const text = metricsText(played.snapshot());
    return [valueOf(text, name), valueOf(text, looked)];
  };
  const atSeconds = (EPOCH_MS + 10_000) / 1_000;
  assertEquals([true, false, null].map(values), [
    [1, atSeconds],
    [0, atSeconds],
    [null, atSeconds],
  ]);
  played.presence = null;
  const text = metricsText(played.snapshot());
  assertEquals([valueOf(text, name), valueOf(text, looked)], [null, null]);
  assert(text.includes("# TYPE exoip_address_on_interface gauge"));
});

Deno.test("metricsText() counts a machine once, and each peer that the cloud does not know", () => {
  const snapshot = busyNode().snapshot();
  const count = (...instances: (string | null)[]) => {
    const [view] = snapshot.addresses;
    const peers = instances.map((instanceId, index) => ({
      ...view!.peers[0]!,
      instanceId,
      address: `10.0.0.${index}`,
    }));
    const text = metricsText({ ...snapshot, addresses: [{ ...view!, peers }] });
    return valueOf(text, 'exoip_peers{address="198.51.100.50"}');
  };
  assertEquals([count("a", "b"), count("a", "a"), count(null, null, "a")], [2, 1, 3]);
});

Deno.test("metricsText() gives the figures of the snapshot", () => {
  const snapshot = busyNode().snapshot();
  const text = metricsText(snapshot);
  const at = '{address="198.51.100.50"}';
  const peer = `{address="198.51.100.50",peer="${PEERS[0]!.address}"}`;
  const wanted: Record<string, number | null> = {
    [`exoip_master${at}`]: 1,
    [`exoip_holding${at}`]: 1,
    [`exoip_peers${at}`]: 2,
    [`exoip_peers_alive${at}`]: 1,
    [`exoip_takeovers_total${at}`]: 1,
    [`exoip_interval_seconds${at}`]: 1,
    [`exoip_dead_time_seconds${at}`]: 3,
    [`exoip_reconcile_interval_seconds${at}`]: 30,
    [`exoip_role_changed_timestamp_seconds${at}`]: (snapshot.takenAtMs - 7_400) / 1_000,
    [`exoip_peer_one_way${peer}`]: 1,
    [`exoip_peer_heard_timestamp_seconds${peer}`]: (snapshot.takenAtMs - 500) / 1_000,
    'exoip_datagrams_refused_total{reason="length"}': 1,
    'exoip_api_errors_total{address="198.51.100.50",verb="look",kind="timeout"}': 1,
    'exoip_api_last_call_duration_seconds{address="198.51.100.50",verb="look"}': 0.012,
    'exoip_check_passing{check="tcp \\"db\\"\\\\"}': 1,
    'exoip_check_passing{check="http"}': 0,
    "exoip_loop_lag_seconds": 0.001,
    "exoip_loop_lag_seconds_max": 0.004,
    "exoip_loop_overdue_seconds": 0,
    "exoip_stopping": 0,
    "exoip_start_time_seconds": (snapshot.takenAtMs - 10_500) / 1_000,
    "exoip_heartbeats_received_total": 10,
    "exoip_ready": 1,
    "exoip_last_change_timestamp_seconds": (snapshot.takenAtMs - snapshot.changes.at(-1)!.ageMs!) /
      1_000,
    [`exoip_peer_holds${peer}`]: 0,
    [`exoip_peer_holds${peer.replace(PEERS[0]!.address, PEERS[1]!.address)}`]: null,
    [`exoip_peer_alive${peer}`]: 1,
    [`exoip_peer_priority${peer}`]: 20,
    [`exoip_priority${at}`]: 10,
    [`exoip_other_holders${at}`]: 0,
    // An event that never happened has no time.
    'exoip_api_last_call_duration_seconds{address="198.51.100.50",verb="evict"}': null,
    'exoip_check_result_timestamp_seconds{check="http"}': null,
    [`exoip_peers_read_timestamp_seconds${at}`]: (snapshot.takenAtMs - 10_500) / 1_000,
  };
  for (const [sample, value] of Object.entries(wanted)) {
    assertEquals(valueOf(text, sample), value, `${sample}\n${text}`);
  }
});

Deno.test("a shadow's metrics say so, and how its decisions differed", () => {
  const played = busyNode();
  assertEquals(valueOf(metricsText(played.snapshot()), "exoip_shadow"), 0);
  played.comparison = sampleReport();
  const text = metricsText(played.snapshot());
  const of = (name: string) => valueOf(text, `exoip_shadow_${name}{address="198.51.100.50"}`);
  assertEquals(valueOf(text, "exoip_shadow"), 1);
  assertEquals(of("differences_total"), 1);
  assertEquals([of("differed_seconds_total"), of("agreed_seconds_total")], [4, 31]);
});

Deno.test("metricFamilies() has every registered metric once, with its labels", () => {
  const families = metricFamilies(busyNode().snapshot());
  // Those of the lease exist only with one.
  const usual = Object.keys(METRICS).filter((name) => !name.startsWith("exoip_lease_"));
  assertEquals(families.map(({ name }) => name), usual);
  for (const { name, samples } of families) {
    const { type, labels: wanted } = METRICS[name];
    assertEquals(name.endsWith("_total"), type === "counter", name);
    assert(samples.every(({ value }) => Number.isFinite(value)), name);
    // The order of labels does not matter.
    for (const { labels = {} } of samples) {
      assertEquals(Object.keys(labels).sort(), [...wanted].sort(), name);
    }
    // The interface was never checked for the address, this is no shadow, and nobody asked the node to stand aside.
    const unknown = /interface|shadow_|aside/.test(name);
    assertEquals(samples.length === 0, unknown, `${name} has ${samples.length} samples`);
  }
});

Deno.test("the metrics of the lease are there with a lease, each with its labels", () => {
  const played = new NodeFixture({ lease: { ttlMs: 10_000, failsafe: true, heartbeats: true } });
  played.until(20_000);
  const families = metricFamilies(played.snapshot());
  assertEquals(families.map(({ name }) => name).sort(), Object.keys(METRICS).sort());
  for (const { name, samples } of families.filter((each) => each.name.startsWith("exoip_lease_"))) {
    for (const { labels = {} } of samples) {
      assertEquals(Object.keys(labels).sort(), [...METRICS[name].labels].sort(), name);
    }
  }
  const text = metricsText(played.snapshot()), at = '{address="198.51.100.50"}';
  assertEquals(valueOf(text, `exoip_lease_owned${at}`), 1);
  assertEquals(valueOf(text, `exoip_lease_store_reachable${at}`), 1);
  assertEquals(valueOf(text, `exoip_lease_ttl_seconds${at}`), 10);
  assert(valueOf(text, `exoip_lease_renewal_age_seconds${at}`)! <= 10 / 3);
});

skippableTest("promtool has nothing to say against the metrics", promtoolMissing(), async () => {
  const played = busyNode();
  for (const snapshot of [played.snapshot(), new NodeFixture().snapshot()]) {
    assertEquals(await promtool(["check", "metrics"], metricsText(snapshot)), {
      code: 0,
      output: "",
    });
  }
  const wrong = "# HELP x_total wrong\n# TYPE x_total gauge\nx_total 1\n";
  assert((await promtool(["check", "metrics"], wrong)).code !== 0, "it would say so");
});
