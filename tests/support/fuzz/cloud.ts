// Both cloud clients, in virtual time, against good answers with random mutations.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { LINE_MAX_CHARS } from "../../../src/core/plain.ts";
import { canonicalIp } from "../../../src/core/ip.ts";
import { CloudError } from "../../../src/exoscale/cloud_error.ts";
import { CloudV1 } from "../../../src/exoscale/cloud_v1.ts";
import { CloudV2 } from "../../../src/exoscale/cloud_v2.ts";
import type { Fetch } from "../../../src/exoscale/http.ts";
import { resolveAddresses } from "../../../src/exoscale/address.ts";
import { ClientV2 } from "../../../src/exoscale/client_v2.ts";
import type { PeerSource } from "../../../src/exoscale/peer_source.ts";
import { anyEndpoint, findEndpoint } from "../../../src/exoscale/zone.ts";
import type { Cloud } from "../../../src/world.ts";
import { answerV1 } from "../cloud/api_v1.ts";
import { answerV2, SIM_KEY, SIM_SECRET } from "../cloud/api_v2.ts";
import { CloudModel } from "../cloud/model.ts";
import { type Api, ELASTIC_IP, GROUP, PATIENT } from "../cloud/cloud_fixture.ts";
import { edited, type Mutation, mutations } from "./mutations.ts";
import { VirtualClock } from "../clock.ts";
import { type Target, target } from "./target.ts";

/** Most requests, and longest virtual time, of one round of all calls. */
const CALLS_MAX = 2_000, ROUND_MAX_MS = 600_000;
const ORIGIN = "https://api-ch-gva-2.exoscale.com";
const EPOCH_MS = 1_800_000_000_000;

/** A zone with three machines, and a `fetch` that applies the mutations to its answers in turn. */
function spoiltZone(mutations: readonly Mutation[], clock: VirtualClock) {
  const model = new CloudModel(clock);
  const [self, peer] = [11, 12, 13].map((last, index) =>
    model.addInstance(index + 1, `203.0.113.${last}`, [GROUP])
  );
  const address = model.addAddress(ELASTIC_IP);
  address.holders.add(peer!.id);
  const asked: URL[] = [];
  const fetch: Fetch = async (url, init) => {
    assert(asked.push(url) <= CALLS_MAX, "far too many requests");
    const request = new Request(url, init);
    const good = url.pathname.startsWith("/v2")
      ? await answerV2(model, request, 1_800_000_000_000)
      : answerV1(model, request, 1_800_000_000_000);
    const mutation = mutations[(asked.length - 1) % Math.max(mutations.length, 1)];
    return await spoil(good, mutation ?? { kind: "none" }, init.signal ?? PATIENT);
  };
  return { model, self: self!, peer: peer!, fetch, asked };
}

async function spoil(good: Response, mutation: Mutation, signal: AbortSignal): Promise<Response> {
  const text = await good.text();
  const { status } = good;
  const bytes = new TextEncoder().encode(text);
  const partOf = (share: number) => bytes.subarray(0, Math.floor(bytes.length * share));
  switch (mutation.kind) {
    case "none":
      return new Response(text, { status });
    case "edits":
      return new Response(edited(text, mutation.edits), { status });
    case "cut":
      return new Response(partOf(mutation.share), { status });
    case "garbage": {
      const head = partOf(mutation.share);
      const tail = bytes.subarray(head.length);
      return new Response(new Blob([head, mutation.bytes.slice(), tail]), { status });
    }
    case "body":
      return new Response(mutation.text, { status });
    case "deep":
      return new Response(mutation.opening.repeat(mutation.depth), { status });
    case "huge":
      return new Response(`[${mutation.unit.repeat(mutation.count)}0]`, { status });
    case "break":
      return new Response(endingWith(partOf(0.5), (stream) => stream.error(new Error("cut"))));
    case "silence": {
      const quiet = (stream: ReadableStreamDefaultController) =>
        signal.addEventListener("abort", () => stream.error(signal.reason));
      return new Response(endingWith(partOf(mutation.share), quiet), { status });
    }
    case "status":
      return new Response(text, { status: mutation.status, headers: mutation.headers as [] });
    case "fail":
      throw new TypeError(mutation.message);
  }
}

function endingWith(
  bytes: Uint8Array,
  end: (stream: ReadableStreamDefaultController) => void,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      end(controller);
    },
  });
}

/** The result of a call; an error must have a kind, be short, on one line and without secrets. */
async function outcomeOf<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { message, status, retryAfterMs } = error;
    assert(message.length < LINE_MAX_CHARS && !/[\p{Cc}\p{Cf}]/u.test(message), message);
    assert(!message.includes(SIM_SECRET) && !message.includes(SIM_KEY), message);
    assert(!Number.isNaN(status) && !(retryAfterMs !== null && !(retryAfterMs >= 0)), message);
    return null;
  }
}

async function exercise(cloud: Cloud, { selfId, peerId }: { selfId: string; peerId: string }) {
  const identity = await outcomeOf(() => cloud.prepare(PATIENT));
  if (identity) assertEquals(identity.instanceId, selfId);
  const members = await outcomeOf(() => cloud.members(PATIENT));
  for (const { address, instanceId } of members?.peers ?? []) {
    assert(
      canonicalIp(address) === address && /^[\w-]{1,64}$/.test(instanceId ?? ""),
      JSON.stringify(members),
    );
    assert(instanceId !== selfId, "self is never a peer");
  }
  const sighting = await outcomeOf(() => cloud.look({ others: true }, PATIENT));
  for (const { instanceId } of sighting?.others ?? []) {
    assert(/^[\w-]{1,64}$/.test(instanceId) && instanceId !== selfId, instanceId);
  }
  await outcomeOf(() => cloud.inspect(peerId, PATIENT));
  if (identity) {
    await outcomeOf(() => cloud.attach(PATIENT));
    await outcomeOf(() => cloud.evict(peerId, { onlyIfStopped: false }, PATIENT));
    await outcomeOf(() => cloud.detachSelf(PATIENT));
  }
}

const KINDS = ["static", "groups", "discovery"] as const;

function peersOf(kind: typeof KINDS[number], address: string): PeerSource {
  if (kind === "static") return { kind, addresses: [address] };
  return kind === "groups" ? { kind, groups: [GROUP] } : { kind };
}

/** The client of that API; a test may pass a broken one. */
export function client(
  api: Api,
  Client: typeof CloudV1 | typeof CloudV2 = api === "v1" ? CloudV1 : CloudV2,
): Target {
  return target(
    `cloud-${api}`,
    "whatever the cloud answers, only CloudError comes out, in bounded time and requests",
    [
      fc.tuple(fc.array(mutations, { maxLength: 12 }), fc.constantFrom(...KINDS)),
      async ([mutations, kind]) => {
        const clock = new VirtualClock({ leaps: true, epochMs: EPOCH_MS });
        const { self, peer, fetch, asked } = spoiltZone(mutations, clock);
        const root = `${ORIGIN}/${api === "v1" ? "compute" : "v2"}`;
        const options = { endpoint: root, apiKey: SIM_KEY, secret: SIM_SECRET, fetch, clock };
        const assignment = {
          elasticIp: ELASTIC_IP,
          instanceId: self.id,
          peers: peersOf(kind, peer.address),
        };
        const cloud = new Client({ ...options, onProgress() {} }, assignment);
        const asking = new ClientV2({ ...options, onProgress() {} });
        const texts = ["edge", "exoip=edge"];
        try {
          const named = api === "v2" &&
            await outcomeOf(() => resolveAddresses(texts, asking, PATIENT));
          if (named) assert(named.every((text) => canonicalIp(text) === text), `${named}`);
          await exercise(cloud, { selfId: self.id, peerId: peer.id });
        } finally {
          // A failed call gives up its requests, which end some turns later.
          await clock.idle();
        }
        assert(clock.nowMs() <= ROUND_MAX_MS, `took ${clock.nowMs()} ms`);
        const path = api === "v1"
          ? /^\/compute$/
          : /^\/v2\/(instance|elastic-ip|security-group|operation|instance-pool)(\/[\w-]+(:\w+)?)?$/;
        for (const url of asked) {
          assert(url.origin === ORIGIN && path.test(url.pathname), `asked ${url}`);
        }
      },
    ],
  );
}

/** The search for the zone. */
export const zones: Target = target(
  "zones",
  "findEndpoint() asks within the domain only, and throws CloudError only",
  [fc.array(mutations, { maxLength: 6 }), async (mutations) => {
    const clock = new VirtualClock({ leaps: true, epochMs: EPOCH_MS });
    const { model, self, fetch, asked } = spoiltZone(mutations, clock);
    for (const name of ["de-fra-1", "at-vie-1"]) {
      model.otherZones.push({ name, endpoint: `https://api-${name}.exoscale.com/v2` });
    }
    const endpoint = await outcomeOf(() =>
      findEndpoint(self.id, {
        apiKey: SIM_KEY,
        secret: SIM_SECRET,
        fetch,
        clock,
        signal: PATIENT,
        anyEndpoint: anyEndpoint(),
      })
    );
    for (const url of asked) {
      assert(url.protocol === "https:" && url.hostname.endsWith(".exoscale.com"), `${url}`);
    }
    await clock.idle();
    if (endpoint !== null) assert(URL.canParse(endpoint) && !endpoint.endsWith("/"), endpoint);
  }],
);
