// When a node that was asked to stop may go, and with which exit code, by tables.
import { assertEquals } from "@std/assert";
import { type Lease, startLease } from "../../../src/core/lease/state.ts";
import { shutdown } from "../../../src/core/node/shutdown.ts";
import { advert } from "../../../src/core/node/speak.ts";
import { startNode } from "../../../src/core/node/step.ts";
import { NODE_SETTINGS } from "../../support/node_settings.ts";
import type { Node } from "../../../src/core/node/state.ts";
import type { CallSlot } from "../../../src/core/ownership/state.ts";

const SELF = "00000001-0000-4000-8000-000000000005";
const STOPPED_MS = 60_000;
const DETACH_ATTEMPTS = 3, DETACH_GRACE_MS = 20_000;
const END_MS = STOPPED_MS + NODE_SETTINGS.handoverTimeoutMs + DETACH_GRACE_MS;

/** How a stopped node, which holds, differs. */
interface Different {
  readonly holding?: boolean | null;
  readonly prepared?: boolean;
  readonly stops?: number;
  readonly twin?: boolean;
  readonly changing?: boolean;
  readonly writeFailures?: number;
  readonly readFailures?: number;
}

function stopped(different: Different): Node {
  const { holding = true, prepared = true, stops = 1, twin = false, changing = false } = different;
  const node = startNode(NODE_SETTINGS, { atMs: 0, selfId: SELF, peers: [] });
  const slot = (failures = 0): CallSlot => ({ ...node.ownership.read, failures });
  const inFlight = { id: 1, call: { verb: "detach-self" }, startedAtMs: 0, stale: false } as const;
  const other = {
    address: "10.0.0.9",
    firstAtMs: 0,
    certain: true,
    mark: null,
    untilMs: Infinity,
  };
  return {
    ...node,
    stoppedAtMs: STOPPED_MS,
    election: { ...node.election, stops, twin: twin ? other : null },
    ownership: {
      ...node.ownership,
      holding,
      prepared,
      read: slot(different.readFailures),
      write: { ...slot(different.writeFailures), inFlight: changing ? inFlight : null },
    },
  };
}

const CODES: ReadonlyArray<readonly [when: string, Different, code: 0 | 1 | null, atMs?: number]> =
  [
    ["while it holds", {}, null],
    ["while nobody knows whether it holds", { holding: null }, null],
    ["once it holds nothing", { holding: false }, 0],
    ["while a change is under way", { holding: false, changing: true }, null],
    ["beside another machine with its id", { twin: true }, 1],
    [
      "beside another machine with its id, with a change under way",
      { twin: true, changing: true },
      null,
    ],
    ["before the cloud has answered", { holding: null, prepared: false }, null],
    ["when the cloud fails from the start", { holding: null, prepared: false, readFailures: 1 }, 1],
    ["when the cloud fails later", { readFailures: 1 }, null],
    ["after readings that failed, however many", { readFailures: DETACH_ATTEMPTS }, null],
    ["after two failed detaches", { writeFailures: DETACH_ATTEMPTS - 1 }, null],
    ["after three failed detaches", { writeFailures: DETACH_ATTEMPTS }, 1],
    ["after a failed detach and a failed look", { writeFailures: 1, readFailures: 1 }, null],
    ["after a failed detach and two failed looks", { writeFailures: 1, readFailures: 2 }, 1],
    ["when asked twice", { stops: 2 }, null],
    ["when asked three times", { stops: 3 }, 1],
    ["just before the end", {}, null, END_MS - 1],
    ["at the end", {}, 1, END_MS],
    ["at the end, holding nothing", { holding: false }, 0, END_MS],
  ];

for (const [when, different, code, atMs = STOPPED_MS] of CODES) {
  Deno.test(`a stopped node ${code === null ? "stays" : `goes with ${code}`} ${when}`, () => {
    assertEquals(shutdown.exitCode(stopped(different), atMs), code);
  });
}

Deno.test("a node that nobody stopped never goes", () => {
  const running = { ...stopped({ holding: false }), stoppedAtMs: null };
  assertEquals(shutdown.exitCode(running, END_MS), null);
  assertEquals(shutdown.wakeAtMs(null, running.election), Infinity);
  assertEquals(shutdown.wakeAtMs(STOPPED_MS, running.election), END_MS);
});

Deno.test("what a node leaves behind is claimed only where it can be", () => {
  const { elasticIp } = NODE_SETTINGS;
  const table: readonly (readonly [Different, string | null])[] = [
    [{}, `critical: ${elasticIp} is still attached to this instance`],
    [{ holding: null }, `critical: ${elasticIp} may still be attached to this instance`],
    [{ holding: false }, null],
    [
      { twin: true },
      `critical: ${elasticIp} is still attached to this instance, which another machine takes ` +
      "for its own",
    ],
    [
      { holding: null, prepared: false },
      `info: this node did not attach ${elasticIp}, and the cloud never said who has it`,
    ],
  ];
  for (const [different, wanted] of table) {
    const remains = shutdown.remains(stopped(different));
    assertEquals(remains && `${remains.severity}: ${remains.text}`, wanted);
  }
  assertEquals(shutdown.remains({ ...stopped({}), stoppedAtMs: null }), null, "it was not stopped");
});

/** A stopped node that has let go of the address; it owns the lease and must give it up, unless the rest differs. */
function lettingGo(different: Partial<Lease>, { stops = 1, tiedUntilMs = -Infinity } = {}): Node {
  const node = stopped({ holding: false, stops });
  const lease = startLease({ ttlMs: 9_000, failsafe: true, heartbeats: true }, 0);
  const ownership = { ...node.ownership, strayUntilMs: tiedUntilMs };
  return { ...node, ownership, lease: { ...lease, tenure: TENURE, ...different } };
}

const TENURE = {
  ...{ token: "t", sinceMs: 0, renewedAtMs: STOPPED_MS, clean: false, inherited: false },
};

Deno.test("a stopped node first gives its lease up, or lets it expire with what it sent under it", () => {
  const gone = { tenure: null };
  const release = { token: "t", to: null, untilMs: END_MS };
  const { write } = lettingGo({}).lease!;
  const tied = { tiedUntilMs: STOPPED_MS + 1 };
  const call = { verb: "release", token: "t", to: null } as const;
  const flight = { ...write, inFlight: { id: 1, call, startedAtMs: 0 } };
  const silent = { settings: { ttlMs: 9_000, failsafe: false, heartbeats: false } };
  const says = (leaving: boolean) => ({
    ...silent,
    announced: {
      ...{ session: "s", sentAtMs: 0, sinceMs: 0 },
      says: { ...advert(stopped({}).election), leaving },
    },
  });
  const rows: ReadonlyArray<readonly [when: string, Node, code: 0 | null, atMs?: number]> = [
    ["while it owns the lease", lettingGo({}), null],
    ["while it gives it up", lettingGo({ ...gone, release }), null],
    ["while a call for it is under way", lettingGo({ ...gone, write: flight }), null],
    ["once it is given up", lettingGo(gone), 0],
    ["after two failures", lettingGo({ ...gone, release, write: { ...write, failures: 2 } }), null],
    ["after three failures", lettingGo({ ...gone, release, write: { ...write, failures: 3 } }), 0],
    ["while it is tied", lettingGo({}, tied), null],
    ["while it is tied, when asked twice", lettingGo({}, { ...tied, stops: 2 }), null],
    ["while it is tied, when asked three times", lettingGo({}, { ...tied, stops: 3 }), 0],
    [
      "that is tied no more, when asked three times",
      lettingGo({}, { stops: 3, tiedUntilMs: STOPPED_MS }),
      null,
    ],
    ["just before the end", lettingGo({}), null, END_MS - 1],
    ["at the end", lettingGo({}), 0, END_MS],
    ["while the others do not know it yet", lettingGo({ ...gone, ...says(false) }), null],
    ["when the others know it", lettingGo({ ...gone, ...says(true) }), 0],
  ];
  for (const [when, node, code, atMs = STOPPED_MS] of rows) {
    assertEquals(shutdown.exitCode(node, atMs), code, when);
  }
  const unheard = lettingGo({ ...gone, ...says(false) }, { stops: 3 });
  assertEquals(shutdown.exitCode(unheard, STOPPED_MS), 0, "asked three times it does not wait");
});
