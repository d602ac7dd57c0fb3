// When a node that was asked to stop may go, and with which exit code, by tables.
import { assertEquals } from "@std/assert";
import { shutdown } from "../../src/core/shutdown.ts";
import { startNode } from "../../src/core/node.ts";
import { NODE_SETTINGS } from "../support/node_settings.ts";
import type { Node } from "../../src/core/node_state.ts";
import type { CallSlot } from "../../src/core/ownership/call.ts";

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
