// The lookup of a name, whatever the resolvers do, in virtual time.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type Family,
  LOOKUP_TIMEOUT_MS,
  NameFailure,
  Names,
  type NameSources,
} from "../../src/transport/names.ts";
import { VirtualClock } from "../support/clock.ts";

type Answer = readonly string[] | "nothing" | "silence";

/** Each source's answer for a family, and its delay. */
interface Resolver {
  readonly system?: Partial<Record<Family, readonly [Answer, number]>>;
  readonly servers?: Partial<Record<Family, readonly [Answer, number]>>;
}

function namesWith({ system = {}, servers = {} }: Resolver, options = {}) {
  const clock = new VirtualClock({ leaps: true });
  const asked: string[] = [];
  const source =
    (title: string, table: Partial<Record<Family, readonly [Answer, number]>>) =>
    async (name: string, family: Family) => {
      asked.push(`${title} ${family} ${name}`);
      const [answer, afterMs] = table[family] ?? ["nothing", 0];
      if (answer === "silence") return await new Promise<never>(() => {});
      await clock.sleep(afterMs);
      if (answer === "nothing") throw new Error("no data");
      return answer;
    };
  const sources: NameSources = {
    system: source("system", system),
    servers: source("servers", servers),
    described: () => "192.0.2.53 (/etc/resolv.conf)",
  };
  return { clock, asked, names: new Names(sources, clock, options) };
}

const SILENT = { 4: ["silence", 0], 6: ["silence", 0] } as const;

Deno.test("Names give what the system knows, and leave the name servers alone", async () => {
  const { asked, names } = namesWith({
    system: { 4: [["192.0.2.1"], 2], 6: [["2001:db8::1"], 5] },
  });
  assertEquals(await names.lookUp("api.example"), ["192.0.2.1", "2001:db8::1"]);
  assertEquals(asked, ["system 4 api.example", "system 6 api.example"]);
});

Deno.test("Names know localhost without asking anybody", async () => {
  const { asked, names } = namesWith({ system: SILENT, servers: SILENT });
  for (const name of ["localhost", "LocalHost.", "edge.localhost"]) {
    assertEquals(await names.lookUp(name), ["127.0.0.1", "::1"]);
  }
  assertEquals(asked, []);
  const { asked: others, names: strangers } = namesWith({ system: { 4: [["192.0.2.1"], 2] } });
  assertEquals(await strangers.lookUp("notlocalhost"), ["192.0.2.1"]);
  assertEquals(others.length, 2);
});

Deno.test("Names tell a machine without name servers from servers that know nothing", async () => {
  const { names } = namesWith({}, { systemMax: Infinity });
  await assertRejects(
    () => names.lookUp("api.example"),
    NameFailure,
    "the name servers do not know",
  );
  const none = () => Promise.reject(new Error("no data"));
  const missing = () => "/etc/resolv.conf is not there";
  const sources = { system: none, servers: none, described: () => "", missing };
  const clock = new VirtualClock({ leaps: true }), alone = new Names(sources, clock);
  const { message } = await assertRejects(() => alone.lookUp("api.example"), NameFailure);
  assertEquals(
    message,
    "/etc/resolv.conf is not there, so that no name server is asked, and /etc/hosts does not know: " +
      "api.example",
  );
  await clock.idle();
});

Deno.test("Names wait for the other family a moment only", async () => {
  const { clock, names } = namesWith({ system: { 4: [["192.0.2.1"], 2], 6: ["silence", 0] } });
  assertEquals(await names.lookUp("api.example"), ["192.0.2.1"]);
  assertEquals(clock.nowMs() <= 200, true, `${clock.nowMs()} ms`);
});

Deno.test("Names ask the name servers directly when the system's resolver lags", async () => {
  const servers = { 4: [["192.0.2.1"], 5], 6: ["silence", 0] } as const;
  const { clock, names } = namesWith({ system: SILENT, servers });
  assertEquals(await names.lookUp("api.example"), ["192.0.2.1"]);
  assertEquals(clock.nowMs() <= 500, true, `${clock.nowMs()} ms`);
});

Deno.test("Names ask the name servers at once when the system knows nothing", async () => {
  // The runtime's own lookup returns an empty list for a family without an address.
  const system = { 4: ["nothing", 1], 6: [[], 1] } as const;
  const { clock, names } = namesWith({ system, servers: { 6: [["2001:db8::1"], 1] } });
  assertEquals(await names.lookUp("api.example"), ["2001:db8::1"]);
  assertEquals(clock.nowMs() < 200, true, `${clock.nowMs()} ms`);
});

Deno.test("Names leave a name of one label to the system, which knows where to search", async () => {
  const { asked, names } = namesWith({ system: { 4: [["10.0.0.5"], 1_000] } });
  assertEquals(await names.lookUp("node-a"), ["10.0.0.5"]);
  assertEquals(asked.filter((each) => each.startsWith("servers")), []);
});

Deno.test("Names end a look-up that nobody answers, and name the name servers", async () => {
  const { clock, names } = namesWith({ system: SILENT, servers: SILENT });
  const error = await assertRejects(() => names.lookUp("api.example"), NameFailure);
  assertEquals(clock.nowMs(), LOOKUP_TIMEOUT_MS);
  assertStringIncludes(error.message, "no answer from the name servers within 5 s: api.example");
  assertStringIncludes(error.message, "name servers: 192.0.2.53 (/etc/resolv.conf)");
});

Deno.test("Names say at once that a name has no address, or that nobody can tell", async () => {
  const none = { 4: [[], 1], 6: [[], 1] } as const;
  const unknown = namesWith({ system: none, servers: none });
  assertEquals(await unknown.names.lookUp("nobody.example"), []);
  const { clock, names } = namesWith({ system: none, servers: { 4: [[], 1] } });
  const error = await assertRejects(() => names.lookUp("nobody.example"), NameFailure);
  assertStringIncludes(error.message, "the name servers do not know: nobody.example; name servers");
  assertEquals([clock.nowMs() < 200, unknown.clock.nowMs() < 200], [true, true]);
});

Deno.test("Names share a look-up that is under way, and use an answer that comes late for the next", async () => {
  const { clock, asked, names } = namesWith({
    system: { 4: [["192.0.2.1"], 7_000], 6: ["silence", 0] },
  });
  const both = [names.lookUp("node-a"), names.lookUp("node-a")];
  for (const each of both) await assertRejects(() => each, NameFailure);
  assertEquals(asked.length, 2);
  assertEquals(await names.lookUp("node-a"), ["192.0.2.1"]);
  assertEquals([asked.length, clock.nowMs() < 7_300], [2, true]);
});

Deno.test("Names look at so many addresses and no more", async () => {
  const many = Array.from({ length: 5_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  const { names } = namesWith({ system: { 4: [many, 1] } });
  assertEquals((await names.lookUp("many.example")).length, 256);
});

Deno.test("Names give an answer that came too late to the next who asks, and for a while only", async () => {
  const system = { 4: [["10.0.0.5"], 6_000], 6: ["silence", 0] } as const;
  const { clock, asked, names } = namesWith({ system });
  await assertRejects(() => names.lookUp("node-a"), NameFailure);
  await clock.sleep(2_000);
  assertEquals(await names.lookUp("node-a"), ["10.0.0.5"]);
  assertEquals(asked.filter((each) => each === "system 4 node-a").length, 1);
  await assertRejects(() => names.lookUp("node-a"), NameFailure);
  await clock.sleep(40_000);
  await assertRejects(() => names.lookUp("node-a"), NameFailure);
});

Deno.test("Names leave threads for others: beyond a number only the name servers are asked", async () => {
  const servers = { 4: [["192.0.2.1"], 5], 6: [[], 5] } as const;
  const { asked, names } = namesWith({ system: SILENT, servers }, { systemMax: 12 });
  const all = Array.from({ length: 50 }, (_, index) => `n${index}.example`);
  const found = await Promise.all(all.map((name) => names.lookUp(name)));
  assertEquals(found.every(([first]) => first === "192.0.2.1"), true);
  assertEquals(asked.filter((each) => each.startsWith("system")).length, 12);
});
