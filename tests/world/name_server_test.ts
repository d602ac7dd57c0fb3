// The name server with other resolvers: this runtime's own, and glibc's in a namespace.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { answer, NXDOMAIN, parseQuery, type Query } from "./dns_message.ts";
import { API_NAME } from "./front.ts";
import { API, API_IPV6, Laboratory } from "./laboratory.ts";
import {
  failing,
  forIpv6,
  misdirected,
  oneAnswerPerPort,
  silent,
  truncating,
} from "./name_behaviours.ts";
import { recordsFor, truthful } from "./name_server.ts";
import { missing } from "./requirements.ts";
import { skippableTest } from "../support/skippable.ts";

const ZONE = {
  [API_NAME]: { a: [API], aaaa: [API_IPV6] },
  "short.example": { cname: "long.example" },
  "long.example": { cname: API_NAME },
  "many.example": { a: Array.from({ length: 60 }, (_, index) => `192.0.2.${100 + index}`) },
};

skippableTest("resolvers understand the name server", missing, async (t) => {
  await using lab = await Laboratory.create({ zone: ZONE });
  const [server] = lab.nameServers;
  assert(server);
  const ask = (name: string, type: "A" | "AAAA") =>
    Deno.resolveDns(name, type, { nameServer: { ipAddr: server.address } });
  /** The result of glibc on the first node, in lines of `address kind name`. */
  const glibc = async (name: string): Promise<string[]> => {
    const [command = "", ...args] = [...lab.network.wrap(1), "getent", "ahosts", name];
    const { stdout } = await new Deno.Command(command, { args }).output();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    return [...new Set(lines.map((line) => line.split(" ")[0] ?? ""))].filter(Boolean).sort();
  };

  await t.step("addresses of both families", async () => {
    assertEquals(await ask(API_NAME, "A"), [API]);
    assertEquals(await ask(API_NAME, "AAAA"), [API_IPV6]);
    assertEquals(await glibc(API_NAME), [API, API_IPV6]);
  });
  await t.step("names that stand for others", async () => {
    assertEquals(await ask("short.example", "A"), [API]);
    assertEquals(await glibc("short.example"), [API, API_IPV6]);
  });
  await t.step("what does not fit is asked again over TCP", async () => {
    assertEquals((await glibc("many.example")).length, 60);
    assert(
      server.asked.some(({ name, transport }) => name === "many.example" && transport === "tcp"),
    );
    server.behaviour = truncating;
    assertEquals(await glibc(API_NAME), [API, API_IPV6]);
    server.reset(ZONE);
  });
  await t.step("a name that nobody knows", async () => {
    await assertRejects(() => ask("none.example", "A"), Deno.errors.NotFound);
    assertEquals(await glibc("none.example"), []);
  });
  await t.step("the second name server helps when the first one fails", async () => {
    server.behaviour = failing(2);
    assertEquals(await glibc(API_NAME), [API, API_IPV6]);
    server.behaviour = silent;
    const startedAtMs = performance.now();
    assertEquals(await glibc(API_NAME), [API, API_IPV6]);
    assert(performance.now() - startedAtMs > 4_000, "glibc waits for the silent one first");
  });
});

/** A query as a client would send it. */
function query(type: "A" | "AAAA", { port = 1, atMs = 0 } = {}): Query {
  const name = API_NAME.split(".").flatMap((
    label,
  ) => [label.length, ...new TextEncoder().encode(label)]);
  const code = type === "A" ? 1 : 28;
  const bytes = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 0, code, 0, 1];
  const parsed = parseQuery(new Uint8Array(bytes), {
    transport: "udp",
    from: `192.0.2.1:${port}`,
    atMs,
  });
  assert(parsed);
  return parsed;
}

Deno.test("queries are read, and what is none is not", () => {
  const { id, name, type, edns } = query("AAAA");
  assertEquals([id, name, type, edns], [0x1234, API_NAME, "AAAA", false]);
  assertEquals(parseQuery(new Uint8Array(5), { transport: "udp", from: "", atMs: 0 }), null);
  // An answer is not a query.
  const reply = answer(query("A"), { code: NXDOMAIN });
  assertEquals(parseQuery(reply, { transport: "udp", from: "", atMs: 0 }), null);
});

Deno.test("names that stand for each other end after a while", () => {
  const circle = { [API_NAME]: { cname: "b.example" }, "b.example": { cname: API_NAME } };
  assertEquals(recordsFor(query("A"), circle)?.length, 16);
});

Deno.test("bad behaviours hit what they are meant for", () => {
  assertEquals(forIpv6(silent)(query("AAAA"), ZONE), null);
  assertEquals(forIpv6(silent)(query("A"), ZONE), truthful(query("A"), ZONE));
  const late = oneAnswerPerPort();
  const reply = (port: number, atMs: number) => late(query("A", { port, atMs }), ZONE) !== null;
  assertEquals([reply(1, 0), reply(1, 5), reply(2, 5), reply(1, 2_000)], [true, false, true, true]);
  assertEquals(misdirected(query("A"), ZONE)[1], 0x35);
});
