// All addresses of a name: both families side by side, bounded in time, and what is not known is no answer.
import { assertEquals, assertRejects } from "@std/assert";
import { type AskFamily, lookupBy } from "../src/host/resolve.ts";
import { LeapClock } from "./leap_clock.ts";

const never = () => new Promise<never>(() => {});

/** How the families answer: with addresses, not at all, with an error, or after a time. */
type Answers = Record<4 | 6, (clock: LeapClock) => Promise<readonly string[]>>;

const give = (...addresses: string[]) => () => Promise.resolve(addresses);
const fail = () => Promise.reject(new Error("SERVFAIL"));
const later = (ms: number, ...addresses: string[]) => async (clock: LeapClock) => {
  await clock.sleep(ms);
  return addresses;
};

async function look(answers: Answers): Promise<{ found: readonly string[]; tookMs: number }> {
  const clock = new LeapClock();
  const ask: AskFamily = (_, family) => answers[family](clock);
  const found = await lookupBy(ask, clock.sleep)("web.test");
  return { found, tookMs: clock.nowMs() };
}

const FOUND: [string, Answers, string[], number][] = [
  ["both", { 4: give("192.0.2.1", "192.0.2.2"), 6: give("2001:DB8::1") }, [
    "192.0.2.1",
    "192.0.2.2",
    "2001:db8::1",
  ], 0],
  ["IPv4 while nobody answers for IPv6", { 4: give("192.0.2.1"), 6: never }, ["192.0.2.1"], 300],
  ["IPv6 while nobody answers for IPv4", { 4: never, 6: give("2001:db8::1") }, [
    "2001:db8::1",
  ], 300],
  ["IPv6 that comes in time", { 4: give("192.0.2.1"), 6: later(200, "2001:db8::1") }, [
    "192.0.2.1",
    "2001:db8::1",
  ], 200],
  ["IPv6 where there is no IPv4, however late", { 4: give(), 6: later(4_000, "2001:db8::1") }, [
    "2001:db8::1",
  ], 4_300],
  ["IPv4 beside a failure", { 4: give("192.0.2.1"), 6: fail }, ["192.0.2.1"], 0],
  ["IPv4 in IPv6's clothes, once", { 4: give("192.0.2.1"), 6: give("::ffff:192.0.2.1") }, [
    "192.0.2.1",
  ], 0],
  ["nothing, when both say so", { 4: give(), 6: give() }, [], 0],
];
for (const [what, answers, addresses, ms] of FOUND) {
  Deno.test(`lookupBy() finds ${what}`, async () => {
    const { found, tookMs } = await look(answers);
    assertEquals([found, tookMs <= ms], [addresses, true], `${tookMs} ms`);
  });
}

const UNKNOWN: [string, Answers, string][] = [
  ["nobody answers", { 4: never, 6: never }, "web.test: no answer within 5 s"],
  ["one has none and the other does not answer", { 4: give(), 6: never }, "no answer within 5 s"],
  ["one has none and the other fails", { 4: give(), 6: fail }, "SERVFAIL"],
  ["both fail", { 4: fail, 6: fail }, "SERVFAIL"],
];
for (const [what, answers, words] of UNKNOWN) {
  Deno.test(`lookupBy() says that it does not know when ${what}`, async () => {
    await assertRejects(() => look(answers), Error, words);
  });
}

Deno.test("lookupBy() does not ask again while the system has not answered, and uses the late answer", async () => {
  const clock = new LeapClock();
  const slow = Promise.withResolvers<readonly string[]>();
  let asked = 0;
  const lookup = lookupBy((_, family) => {
    asked += 1;
    return family === 4 ? slow.promise : never();
  }, clock.sleep);
  for (let attempt = 0; attempt < 3; attempt++) {
    await assertRejects(() => lookup("web.test"), Error, "no answer");
  }
  assertEquals(asked, 2);
  slow.resolve(["192.0.2.1"]);
  assertEquals(await lookup("web.test"), ["192.0.2.1"]);
});
