// -A and -D against the simulated cloud, through both APIs.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { associate } from "../../src/commands/associate.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import type { Clock, Log } from "../../src/world.ts";
import type { Fault } from "../support/cloud/server.ts";
import {
  type Api,
  APIS,
  CloudFixture,
  ELASTIC_IP,
  isChange,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";
import { VirtualClock } from "../support/clock.ts";

/** The result of a run: exit code, lines as `severity text`, lengths of its waits between attempts. */
interface Outcome {
  readonly code: 0 | 1;
  readonly lines: string[];
  readonly waitsMs: number[];
}

async function run(
  fixture: CloudFixture,
  api: Api,
  mode: "associate" | "dissociate",
  signal: AbortSignal = PATIENT,
): Promise<Outcome> {
  const lines: string[] = [];
  const log: Log = { write: (severity, _event, text) => void lines.push(`${severity} ${text}`) };
  const waitsMs: number[] = [], { nowMs, wallMs } = fixture.clock;
  const sleep: Clock["sleep"] = (ms, signal) => {
    waitsMs.push(ms);
    return fixture.clock.sleep(ms, signal);
  };
  const clock = { nowMs, wallMs, sleep };
  const cloud = fixture.cloud(api);
  const code = await associate(mode, { cloud, clock, log, signal, elasticIp: ELASTIC_IP });
  return { code, lines, waitsMs };
}

/** Sets the fault for each of the first calls. */
function atFirst(fixture: CloudFixture, faults: readonly Fault[]): void {
  let call = 0;
  fixture.server.fault = () => faults[call++] ?? null;
}

/** Sets the fault for the first call that changes something. */
function atFirstChange(fixture: CloudFixture, fault: Fault): void {
  let changes = 0;
  fixture.server.fault = (call) => isChange(call) && changes++ === 0 ? fault : null;
}

const MODES = [
  { mode: "associate", held: false, state: "attached to", done: "is now" },
  { mode: "associate", held: true, state: "attached to", done: "was already" },
  { mode: "dissociate", held: true, state: "detached from", done: "is now" },
  { mode: "dissociate", held: false, state: "detached from", done: "was already" },
] as const;

for (const api of APIS) {
  for (const { mode, held, state, done } of MODES) {
    Deno.test(`associate() on API ${api}: ${mode}, ${held ? "held" : "not held"}`, async () => {
      await using fixture = new CloudFixture();
      const { self, peer } = fixture;
      fixture.hold(peer, ...held ? [self] : []);
      const { code, lines } = await run(fixture, api, mode);
      assertEquals(code, 0);
      assertEquals(lines, [`info ${ELASTIC_IP} ${done} ${state} ${self.name} (${self.id})`]);
      assertEquals(fixture.holders, mode === "associate" ? [peer.id, self.id] : [peer.id]);
      assertEquals(fixture.changes.length, done === "is now" ? 1 : 0);
    });
  }

  Deno.test(`associate() on API ${api} tries again until the cloud has recovered`, async () => {
    await using fixture = new CloudFixture();
    atFirst(fixture, ["html-502", "html", "empty"]);
    const { code, lines, waitsMs } = await run(fixture, api, "associate");
    assertEquals([code, fixture.holders], [0, [fixture.self.id]]);
    assertEquals(
      lines.at(-1),
      `info ${ELASTIC_IP} is now attached to ${fixture.self.name} (${fixture.self.id})`,
    );
    assert(lines.length > 1 && lines.length === waitsMs.length + 1, lines.join("\n"));
    for (const line of lines.slice(0, -1)) {
      assertMatch(line, /^warning .*; trying again in \d\S* m?s/);
    }
    assert(waitsMs.every((waitMs, index) => waitMs > (waitsMs[index - 1] ?? 0)), `${waitsMs}`);
  });

  Deno.test(`associate() on API ${api} waits as long as the cloud asks for`, async () => {
    await using fixture = new CloudFixture();
    atFirstChange(fixture, "429-retry-after");
    const { code, waitsMs } = await run(fixture, api, "associate");
    assertEquals([code, waitsMs, fixture.holders], [0, [2_000], [fixture.self.id]]);
  });

  Deno.test(`associate() on API ${api} gives up after a minute`, async () => {
    await using fixture = new CloudFixture();
    fixture.server.fault = () => "500";
    const { code, lines, waitsMs } = await run(fixture, api, "dissociate");
    assertEquals([code, waitsMs.slice(0, 4)], [1, [1_000, 2_000, 4_000, 5_000]]);
    const waitedMs = waitsMs.reduce((sum, ms) => sum + ms, 0);
    // The duration of the requests counts, too, and time runs fast here.
    assert(waitedMs > 20_000 && waitedMs <= 65_000, `waited ${waitedMs} ms`);
    const severities = lines.map((line) => line.split(" ")[0]);
    assertEquals(severities, [...waitsMs.map(() => "warning"), "critical"]);
  });

  Deno.test(`associate() on API ${api} asks at once again what a kept connection answers with 408`, async () => {
    await using fixture = new CloudFixture();
    atFirstChange(fixture, "408");
    const { code, lines } = await run(fixture, api, "associate");
    assertEquals([code, fixture.holders, fixture.changes.length], [0, [fixture.self.id], 2]);
    assertEquals(lines, [
      `info ${ELASTIC_IP} is now attached to ${fixture.self.name} (${fixture.self.id})`,
    ]);
  });

  for (const fault of ["400", "412", "423", "425"] as const) {
    Deno.test(`associate() on API ${api} repeats a change that gets ${fault}`, async () => {
      await using fixture = new CloudFixture();
      for (const mode of ["associate", "dissociate"] as const) {
        atFirstChange(fixture, fault);
        const { code, lines } = await run(fixture, api, mode);
        assertEquals([code, fixture.holders], [0, mode === "associate" ? [fixture.self.id] : []]);
        assertMatch(lines[0] ?? "", new RegExp(`^warning .*HTTP ${fault}: simulated ${fault}`));
      }
    });
  }

  Deno.test(`associate() on API ${api} takes a question that gets 400 for wrong`, async () => {
    await using fixture = new CloudFixture();
    fixture.server.fault = () => "400";
    const { code, waitsMs } = await run(fixture, api, "associate");
    assertEquals([code, waitsMs], [1, []]);
  });

  for (const fault of ["403", "401"] as const) {
    Deno.test(`associate() on API ${api} stops at ${fault} and says so`, async () => {
      await using fixture = new CloudFixture();
      atFirstChange(fixture, fault);
      const { code, lines, waitsMs } = await run(fixture, api, "associate");
      assertEquals([code, waitsMs, fixture.holders], [1, [], []]);
      assertEquals(lines.length, 1);
      const said = `could not be attached to this instance: .*simulated ${fault}`;
      assertMatch(lines[0] ?? "", new RegExp(`^critical ${ELASTIC_IP} ${said}`));
      assertEquals(fixture.changes.length, 1);
    });
  }

  for (const mode of ["associate", "dissociate"] as const) {
    Deno.test(`associate() on API ${api}: ${mode} is done though its answer was lost`, async () => {
      await using fixture = new CloudFixture();
      fixture.model.operationMs = 0;
      fixture.hold(...mode === "associate" ? [] : [fixture.self]);
      atFirstChange(fixture, "lost");
      const { code, lines } = await run(fixture, api, mode);
      assertEquals(code, 0);
      assertEquals(fixture.holders, mode === "associate" ? [fixture.self.id] : []);
      assertEquals(fixture.changes.length, 1);
      assertMatch(lines.at(-1) ?? "", /^info .* was already /);
    });
  }

  Deno.test(`associate() on API ${api} tries an operation again whose reason may pass`, async () => {
    await using fixture = new CloudFixture();
    fixture.model.failure = "busy";
    fixture.server.fault = () => {
      if (fixture.changes.length > 1) fixture.model.failure = null;
      return null;
    };
    const { code, lines } = await run(fixture, api, "associate");
    assertEquals([code, fixture.holders], [0, [fixture.self.id]]);
    assertMatch(lines[0] ?? "", /^warning .*busy/);
  });

  Deno.test(`associate() on API ${api} ends at once when told to`, async () => {
    await using fixture = new CloudFixture();
    const stopping = new AbortController();
    fixture.server.fault = (call) => {
      if (!isChange(call)) return null;
      stopping.abort();
      return "hang";
    };
    const startedAtMs = fixture.clock.nowMs();
    const { code, waitsMs } = await run(fixture, api, "associate", stopping.signal);
    assertEquals([code, waitsMs], [1, []]);
    assert(fixture.clock.nowMs() - startedAtMs < 3_000);
  });
}

Deno.test("associate() begins no further attempt after a minute", async () => {
  const clock = new VirtualClock({ leaps: true });
  let attempts = 0;
  const endless = () => {
    attempts += 1;
    clock.skip(45_000);
    return Promise.reject(new CloudError("operation-endless", "still pending"));
  };
  await using fixture = new CloudFixture();
  const cloud = fixture.cloud("v2");
  cloud.prepare = endless;
  const log: Log = { write() {} };
  const task = { cloud, clock, log, signal: PATIENT, elasticIp: ELASTIC_IP };
  assertEquals(await associate("dissociate", task), 1);
  assertEquals(attempts, 2);
});
