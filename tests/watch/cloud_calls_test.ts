// What a call to the cloud says of its requests without an answer: they may still be carried out.
import { assertEquals } from "@std/assert";
import type { NodeEvent } from "../../src/core/node/state.ts";
import type { Call } from "../../src/core/ownership/call.ts";
import { CloudError, type CloudErrorKind } from "../../src/exoscale/cloud_error.ts";
import type { ChangeLimits, Cloud } from "../../src/world.ts";
import { callsTo } from "../support/cloud_calls.ts";

const EVICT: Call = { verb: "evict", instanceId: "peer", onlyIfStopped: false };

/** Whether the result of the call says so, after that many requests of which none was refused. */
async function isOpen(
  call: Call,
  { requests, accepted = false, error, wanted = true }: {
    requests: number;
    accepted?: boolean;
    error?: CloudErrorKind;
    wanted?: boolean;
  },
): Promise<boolean> {
  const events: NodeEvent[] = [];
  const send = (limits: ChangeLimits = {}) => {
    for (let sent = 0; sent < requests; sent++) limits.wanted?.();
    if (accepted) limits.accepted?.();
    return error ? Promise.reject(new CloudError(error, "failed")) : Promise.resolve();
  };
  const cloud = {
    name: "a cloud",
    attach: (_signal: AbortSignal, limits?: ChangeLimits) => send(limits),
    evict: (_id: string, limits: ChangeLimits) => send(limits).then(() => "taken"),
    detachSelf: () => send(),
  } as unknown as Cloud;
  const deliver = (event: NodeEvent) => void events.push(event);
  const calls = callsTo(cloud, { deliver, wanted: () => wanted });
  calls.begin(1, call);
  await calls.ended();
  const event = events.at(-1);
  return event !== undefined && "open" in event && event.open === true;
}

const ROWS: readonly (readonly [
  title: string,
  open: boolean,
  ...Parameters<typeof isOpen>,
])[] = [
  ["one request was answered", false, { verb: "attach" }, { requests: 1 }],
  ["a repeat was answered", true, { verb: "attach" }, { requests: 2 }],
  ["no answer came", true, { verb: "attach" }, { requests: 1, error: "timeout" }],
  ["the connection broke", true, { verb: "attach" }, { requests: 1, error: "unreachable" }],
  ["a server was in trouble", true, { verb: "attach" }, { requests: 1, error: "server-error" }],
  ["the cloud refused it", false, { verb: "attach" }, { requests: 1, error: "forbidden" }],
  ["the cloud refused a repeat", true, { verb: "attach" }, { requests: 2, error: "forbidden" }],
  ["its operation failed", false, { verb: "attach" }, { requests: 1, error: "operation-failed" }],
  ["its operation, while pending, could not be asked about: too many requests", true, {
    verb: "attach",
  }, { requests: 1, accepted: true, error: "rate-limited" }],
  ["its operation, while pending, could not be asked about: a refused key", true, {
    verb: "attach",
  }, { requests: 1, accepted: true, error: "unauthorized" }],
  ["its operation was pending, and failed", false, { verb: "attach" }, {
    requests: 1,
    accepted: true,
    error: "operation-failed",
  }],
  ["none left", false, { verb: "attach" }, { requests: 1, error: "late", wanted: false }],
  ["it could not leave", false, { verb: "attach" }, { requests: 0, error: "name-resolution" }],
  ["an eviction got no answer", true, EVICT, { requests: 1, error: "timeout" }],
  ["an eviction was answered", false, EVICT, { requests: 1 }],
  ["one's own hold is given up", false, { verb: "detach-self" }, { requests: 0, error: "timeout" }],
];
for (const [title, open, call, course] of ROWS) {
  Deno.test(`a change ${open ? "may still" : "can no longer"} be carried out: ${title}`, async () => {
    assertEquals(await isOpen(call, course), open);
  });
}

for (const accepted of [false, true]) {
  const title = accepted ? "follows an attach that the cloud has accepted" : "ends an attach";
  Deno.test(`the loss of the lease ${title}`, async () => {
    const events: NodeEvent[] = [], carriedOut = Promise.withResolvers<void>();
    const cloud = {
      name: "a cloud",
      attach: async (signal: AbortSignal, limits: ChangeLimits = {}) => {
        if (accepted) limits.accepted?.();
        const ended = Promise.withResolvers<never>();
        signal.addEventListener("abort", () => ended.reject(new CloudError("aborted", "ended")));
        await Promise.race([carriedOut.promise, ended.promise]);
      },
    } as unknown as Cloud;
    const calls = callsTo(cloud, { deliver: (event) => void events.push(event) });
    calls.begin(1, { verb: "attach" });
    calls.endAttach();
    carriedOut.resolve();
    await calls.ended();
    const wanted = accepted ? ["accepted", "answered"] : ["failed"];
    assertEquals(events.map(({ kind }) => kind), wanted);
  });
}
