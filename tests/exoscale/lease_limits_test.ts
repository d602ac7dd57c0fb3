// A change under a lease expires with it: the cloud itself refuses what arrives later.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CloudError, declined } from "../../src/exoscale/cloud_error.ts";
import type { TransportInit } from "../../src/transport/request.ts";
import type { ChangeLimits } from "../../src/world.ts";
import {
  type Api,
  APIS,
  clientName,
  cloudFetch,
  CloudFixture,
  isChange,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";

const TTL_MS = 10_000;

/** The two changes that an owner makes. */
const CHANGES = ["attach", "evict"] as const;

/** A zone and its client on the first machine, which notes when its changes expire. */
async function prepared(
  fixture: CloudFixture,
  api: Api,
  { arrive = () => {}, options = {} }: {
    /** Called while a change is on its way. */
    arrive?: (count: number) => void | Promise<void>;
    options?: Parameters<CloudFixture["cloud"]>[1];
  } = {},
) {
  const { clock, server, peer } = fixture;
  /** When each change expires, as Unix time by the cloud's clock, and how long after it left. */
  const expires: { readonly atMs: number; readonly inMs: number }[] = [];
  const cloud = fixture.cloud(api, {
    ...options,
    fetch: async (url: URL, init: TransportInit) => {
      const what = url.searchParams.get("command") ?? url.pathname;
      if (isChange({ what } as Parameters<typeof isChange>[0])) {
        const atMs = expiryOf(url, init);
        expires.push({ atMs, inMs: atMs - clock.wallMs() - server.aheadMs });
        await arrive(expires.length);
      }
      return await cloudFetch(url, init);
    },
  });
  await cloud.prepare(PATIENT);
  const change = (verb: typeof CHANGES[number], limits: ChangeLimits) => {
    if (verb === "attach") return cloud.attach(PATIENT, limits);
    return cloud.evict(peer.id, { onlyIfStopped: false, ...limits }, PATIENT);
  };
  return { cloud, expires, change };
}

function expiryOf({ searchParams }: URL, { headers }: TransportInit): number {
  const said = new Headers(headers).get("authorization");
  if (said !== null) return Number(/expires=(\d+)/.exec(said)?.[1]) * 1_000;
  return Date.parse((searchParams.get("expires") ?? "").replace("+0000", "Z"));
}

/** A lease that was renewed at that instant. */
function renewed(atMs: number) {
  return { renewedAtMs: atMs, endsAtMs: atMs + TTL_MS };
}

for (const api of APIS) {
  const name = clientName(api);

  for (const verb of CHANGES) {
    for (const minutes of [0, 5, -5]) {
      const clocks = minutes === 0 ? "" : `, though the cloud's clock is off by ${minutes} min`;
      Deno.test(`${name}.${verb}() expires with the lease, not later${clocks}`, async () => {
        await using fixture = new CloudFixture();
        const { clock, peer, self, server } = fixture;
        server.aheadMs = minutes * 60_000;
        fixture.hold(peer);
        const { change, expires } = await prepared(fixture, api);
        const span = renewed(clock.nowMs());
        const endMs = clock.wallMs() + server.aheadMs + TTL_MS;
        await change(verb, { lease: () => span });
        const earlyMs = endMs - expires[0]!.atMs;
        assert(earlyMs >= 1_000 && earlyMs < 3_100, `${earlyMs} ms before the end of the lease`);
        assertEquals(fixture.holders, verb === "attach" ? [peer.id, self.id] : []);
      });
    }

    Deno.test(`${name}.${verb}() without a lease is valid for as long as ever`, async () => {
      await using fixture = new CloudFixture();
      fixture.hold(fixture.peer);
      const { change, expires } = await prepared(fixture, api);
      await change(verb, {});
      fixture.hold(fixture.peer);
      await change(verb, { lease: () => null });
      const usualMs = api === "v1" ? [599_000, 600_000] : [16_900, 19_000];
      assertEquals(expires.length, 2);
      for (const { inMs } of expires) {
        assert(inMs >= usualMs[0]! && inMs <= usualMs[1]!, `expires in ${inMs} ms`);
      }
    });

    Deno.test(`${name}.${verb}() tells that the cloud has accepted a change that it carries out later`, async () => {
      await using fixture = new CloudFixture();
      const { change } = await prepared(fixture, api);
      const accepts = async (tookMs: number) => {
        fixture.server.model.operationMs = tookMs;
        fixture.hold(fixture.peer);
        const held = fixture.holders.length;
        let times = 0, changedBefore = false;
        await change(verb, {
          accepted: () => {
            times += 1;
            changedBefore = fixture.holders.length !== held;
          },
        });
        return [times, changedBefore];
      };
      assertEquals(await accepts(100), [1, false]);
      // A job of CloudStack is asked about in any case.
      if (api === "v2") assertEquals(await accepts(0), [0, false], "it is done already");
    });

    Deno.test(`the cloud refuses what ${name}.${verb}() sent, if it arrives after the lease`, async () => {
      await using fixture = new CloudFixture();
      const { clock, peer } = fixture;
      fixture.hold(peer);
      const { change } = await prepared(fixture, api, { arrive: () => clock.skip(TTL_MS) });
      const span = renewed(clock.nowMs());
      const error = await assertRejects(() => change(verb, { lease: () => span }), CloudError);
      assertEquals([error.kind, error.retryable, declined(error)], ["late", true, true]);
      assert(/after the lease/.test(error.message), error.message);
      assertEquals(fixture.changes.length, 1, "it has arrived");
      assertEquals(fixture.holders, [peer.id]);
    });

    Deno.test(`${name}.${verb}() sends nothing under a lease that is over`, async () => {
      await using fixture = new CloudFixture();
      const { clock, peer } = fixture;
      fixture.hold(peer);
      const { change } = await prepared(fixture, api);
      const span = renewed(clock.nowMs() - TTL_MS);
      const error = await assertRejects(() => change(verb, { lease: () => span }), CloudError);
      assertEquals([error.kind, error.retryable, fixture.changes.length], ["late", true, 0]);
    });
  }

  Deno.test(`${name}.attach() signs every repetition again, for what the lease is then`, async () => {
    await using fixture = new CloudFixture();
    const { clock } = fixture;
    const never = new Promise<void>(() => {});
    const { change, expires } = await prepared(fixture, api, {
      arrive: (count) => count === 1 ? never : undefined,
    });
    await change("attach", { lease: () => renewed(clock.nowMs()) });
    assertEquals(expires.length, 2);
    const [first, second] = expires;
    assert(second!.atMs >= first!.atMs + 2_000, "later than the first");
    assertEquals(fixture.holders, [fixture.self.id]);
  });

  Deno.test(`a wrong secret is not taken for a late request (${name})`, async () => {
    await using fixture = new CloudFixture();
    const { clock } = fixture;
    const { cloud } = await prepared(fixture, api);
    const other = fixture.cloud(api, { secret: "another-secret" });
    await cloud.look({ others: false }, PATIENT);
    const lease = () => renewed(clock.nowMs());
    const attach = () => other.attach(PATIENT, { lease });
    const error = await assertRejects(attach, CloudError);
    assertEquals(error.kind, api === "v1" ? "unauthorized" : "forbidden", error.message);
  });
}
