// Requests to a watchdog that runs: which request to stand aside is in force, and what is refused.
import { assertEquals, assertMatch } from "@std/assert";
import { Control } from "../../src/watch/control.ts";
import { NodeFixture } from "../support/node_fixture.ts";
import type { NodeEvent } from "../../src/core/node/state.ts";

/** Control of one node that is master and alone. */
function controlled() {
  const played = new NodeFixture();
  played.until(10_000);
  const lines: string[] = [];
  const watch = {
    get node() {
      return played.node;
    },
    exitCode: null,
    deliver: (event: NodeEvent) => played.step(event),
  };
  const watchdog = {
    watches: [watch],
    log: { write: (...line: unknown[]) => void lines.push(line.slice(0, 3).join(" ")) },
    snapshot: () => played.snapshot(),
  };
  const control = new Control(watchdog, { drain: null, drainFile: "/x" });
  const ask = (request: object) =>
    JSON.parse(control.answer(JSON.stringify({ by: "root", why: "", wallMs: 7, ...request })));
  const aside = () => {
    const { aside } = played.node.election;
    return aside && `${aside.kind} by ${aside.by}`;
  };
  return { ask, control, aside, lines, played };
}

Deno.test("Control keeps drain, cordon and demotion apart: each ends by its own word", () => {
  const { ask, control, aside } = controlled();
  const cordon = { kind: "drained", by: "cordon", why: "", wallMs: 8 } as const;
  ask({ verb: "demote" });
  assertEquals(aside(), "demoted by root");
  control.cordon(cordon);
  assertEquals(aside(), "drained by cordon");
  ask({ verb: "drain", by: "olga" });
  assertEquals(aside(), "drained by olga");
  assertMatch(ask({ verb: "promote" }).problem, /is drained by olga: run exoip --undrain first/);
  ask({ verb: "undrain" });
  assertEquals(aside(), "drained by cordon");
  control.cordon(null);
  assertEquals(aside(), null, "undrain has ended the demotion, too");
});

Deno.test("Control refuses to put a node first that could not serve, and changes nothing", () => {
  const { ask, aside, played } = controlled();
  ask({ verb: "demote" });
  const { election } = played.node;
  for (
    const [part, problem] of [
      [{ healthy: false, unhealthyReason: "tcp: refused" }, /it is unhealthy: tcp: refused/],
      [{ cloudReachable: false }, /it does not reach the cloud/],
      [{ inPeerList: false }, /the list of peers does not have it/],
      [{ stops: 1 }, /it is stopping/],
    ] as const
  ) {
    played.node = { ...played.node, election: { ...election, ...part } };
    assertMatch(ask({ verb: "promote" }).problem, problem);
    assertEquals(aside(), "demoted by root");
  }
});

Deno.test("Control answers what it does not understand, and for addresses that it does not watch", () => {
  const { ask, control, aside, lines } = controlled();
  assertEquals(JSON.parse(control.answer("x")), {
    ok: false,
    problem: "the request is no JSON object",
  });
  assertMatch(ask({ verb: "explode" }).problem, /unknown request "explode", wanted state, demote/);
  const elsewhere = ask({ verb: "demote", elasticIp: "198.51.100.99" });
  assertMatch(elsewhere.problem, /does not watch 198\.51\.100\.99, but 198\.51\.100\.50/);
  assertEquals([aside(), lines], [null, []]);
  const { ok, addresses: [stand], drainFile } = ask({ verb: "state" });
  assertEquals([ok, stand.role, stand.holding, stand.outranked, stand.aside, drainFile], [
    ...[true, "master", true, false, null, "/x"],
  ]);
});
