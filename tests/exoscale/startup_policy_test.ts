// Which errors of the cloud end a start, at once or when they last; all others are waited for.
import { assertEquals } from "@std/assert";
import { type CloudErrorKind, ERROR_KINDS } from "../../src/core/registry/error_kinds.ts";
import { StartupPolicy } from "../../src/exoscale/startup_policy.ts";

const KINDS = Object.keys(ERROR_KINDS) as CloudErrorKind[];

/** Errors that end a start after that time without any other answer. */
function ending(lastedMs: number): CloudErrorKind[] {
  return KINDS.filter((kind) => {
    const policy = new StartupPolicy();
    const first = policy.endsWith({ kind }, 1_000);
    return lastedMs === 0 ? first : policy.endsWith({ kind }, 1_000 + lastedMs);
  });
}

Deno.test("waiting cannot cure what the cloud says of the configuration: that ends a start at once", () => {
  const final = [
    "deprecated",
    "no-such-address",
    "ambiguous-address",
    "no-such-group",
    "no-such-network",
    "no-peers",
    "no-such-zone",
    "managed-address",
    "pool-address",
    "no-ipv6",
  ];
  assertEquals(ending(0), final);
  assertEquals(ending(29_999), final);
});

Deno.test("a refusal ends a start once it has lasted for 30 s with nothing else in between", () => {
  const lasting = ["unauthorized", "forbidden", "not-found", "refused", "no-such-instance"];
  const sooner = ending(0);
  assertEquals(ending(30_000).filter((kind) => !sooner.includes(kind)), lasting);
  for (const between of ["an answer", "timeout"] as const) {
    const policy = new StartupPolicy();
    policy.endsWith({ kind: "forbidden" }, 0);
    if (between === "an answer") policy.answered();
    else policy.endsWith({ kind: between }, 15_000);
    assertEquals(policy.endsWith({ kind: "unauthorized" }, 30_000), false, between);
    assertEquals(policy.endsWith({ kind: "forbidden" }, 60_000), true, between);
  }
});
