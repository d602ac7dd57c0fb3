// Floods a node with datagrams that are not valid heartbeats, tens of thousands a second: what they cost, what they
// write into the log, and whether our own heartbeats still leave in time.
import { encode, SIGNATURE_BYTES } from "../../src/core/heartbeat.ts";
import { Keyring } from "../../src/host/keyring.ts";
import { ELASTIC_IP } from "../../tests/support/cluster.ts";
import { BenchCluster } from "./bench_cluster.ts";
import { pause } from "../../tests/support/until.ts";
import type { Case, Figure, Size } from "./figure.ts";
import type { Order } from "./flood_sender.ts";
import { cpuPercent, memoryMiB } from "./proc.ts";

const FLOOD_MS = 10_000;
const SECRET = "a shared secret for measuring";
const KEY_ID = (await Keyring.of([SECRET])).keyId;
const SENDER = new URL("./flood_sender.ts", import.meta.url).pathname;

interface Flood {
  readonly rate: number;
  readonly cpu: number;
  readonly logPerSecond: number;
  readonly lateBeats: number;
  readonly grownMiB: number;
  readonly actedMs: number;
}

type Kind = Pick<Order, "from" | "bytes" | "rate">;

/** Floods the backup; at the end the master crashes while the flood goes on. */
async function flood(
  kind: (cluster: BenchCluster) => Kind,
  { spanMs, args }: { spanMs: number; args: readonly string[] },
): Promise<Flood> {
  const cluster = await new BenchCluster().settle({ args: () => args });
  const { process, instance } = cluster.node(2);
  const pid = process?.pid ?? 0;
  const order: Order = {
    ...kind(cluster),
    to: instance.address,
    port: cluster.port,
    forMs: 60_000,
  };
  const quiet = cluster.node(2).lines.length, beganMs = performance.now();
  const sender = startSender(order);
  try {
    await sender.sending;
    await pause(1_000);
    const [sent, atMs, rss] = [sender.count(), performance.now(), memoryMiB(pid).rss];
    const cpu = await cpuPercent(pid, () => pause(spanMs));
    const seconds = (performance.now() - atMs) / 1_000;
    const beats = cluster.beats(2, atMs);
    const late = beats.filter((beat, at) =>
      beat - (beats[at - 1] ?? beat) > 1.5 * cluster.intervalMs
    );
    const grownMiB = memoryMiB(pid).rss - rss;
    const rate = (sender.count() - sent) / seconds;
    const killedAtMs = cluster.tell(1, "SIGKILL");
    const actedMs = await cluster.request(/:attach$/, killedAtMs) - killedAtMs;
    const bytes = cluster.node(2).lines.slice(quiet)
      .filter(({ text }) => text.includes("refused"))
      .reduce((sum, { text }) => sum + text.length + 1, 0);
    // Mostly the first line of each kind; over the following minutes the rate would fall further.
    const logPerSecond = bytes / (performance.now() - beganMs) * 1_000;
    return { rate, cpu, logPerSecond, lateBeats: late.length, grownMiB, actedMs };
  } finally {
    await sender.stop();
    await cluster.close();
  }
}

/** A process of its own, so that it takes no CPU time from the measuring one. */
function startSender(order: Order) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", SENDER, JSON.stringify(order)],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let count = 0;
  let begin: () => void = () => {};
  const sending = new Promise<void>((resolve) => begin = resolve);
  const read = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      count = Number(text.trim().split("\n").at(-1));
      begin();
    }
  })();
  return {
    sending,
    count: () => count,
    async stop() {
      child.kill("SIGKILL");
      await read;
    },
  };
}

const strangers = (rate: number) => (): Kind => ({ from: "127.0.0.99", bytes: "random", rate });
const forged = (rate: number) => (cluster: BenchCluster): Kind => ({
  from: cluster.node(1).instance.address,
  bytes: "random",
  rate,
});
/** Well-formed, from the master's address, but with another id. */
const wellFormed = (rate: number) => (cluster: BenchCluster): Kind => {
  const { address } = cluster.node(1).instance, { id } = cluster.node(3).instance;
  const bytes = encode({ priority: 1, elasticIp: ELASTIC_IP, id, trailer: null });
  return { from: address, bytes: bytes.toHex(), rate };
};

/** All correct except the signature: key id, id, and a run like that of a process that has just started. */
const wrongSignature = (rate: number) => (cluster: BenchCluster): Kind => {
  const { address, id } = cluster.node(1).instance;
  const says = { holds: false, leaving: false, unable: false, unhealthy: false };
  const trailer = {
    ...says,
    ownPriority: 1,
    intervalMs: 1_000,
    hearsYou: true,
    keyId: KEY_ID,
    sequence: 1,
    stamp: { run: 1n, echo: null },
  };
  const bytes = encode({ priority: 1, elasticIp: ELASTIC_IP, id, trailer });
  return { from: address, bytes: bytes.fill(0xab, -SIGNATURE_BYTES).toHex(), rate };
};
/** Unsigned, to a node that requires signatures. */
const unsigned = (rate: number) => (cluster: BenchCluster): Kind => {
  const { address, id } = cluster.node(1).instance;
  const bytes = encode({ priority: 1, elasticIp: ELASTIC_IP, id, trailer: null });
  return { from: address, bytes: bytes.toHex(), rate };
};

async function floods(size: Size): Promise<Figure[]> {
  const file = await Deno.makeTempFile({ prefix: "exoip-bench-" });
  await Deno.writeTextFile(file, SECRET);
  const secret = ["--shared-secret-file", file];
  const kinds = [
    ["10,000 garbage datagrams/s from a stranger", strangers(10_000), []],
    ["10,000 garbage datagrams/s from a peer's address", forged(10_000), []],
    ["10,000 well-formed with a wrong id/s", wellFormed(10_000), []],
    ["20,000 garbage datagrams/s", strangers(20_000), []],
    ["10,000 unsigned/s from a peer's address, with a secret", unsigned(10_000), secret],
    ["10,000 with a wrong tag/s from a peer's address", wrongSignature(10_000), secret],
  ] as const;
  const figures: Figure[] = [];
  try {
    for (const [title, kind, args] of kinds) {
      const result = await flood(kind, { spanMs: size.spanMs(FLOOD_MS), args });
      // Twice the rate, or a signature to check for each datagram, may cost more.
      const dear = kind === kinds[3][1] || kind === kinds[5][1];
      figures.push(...figuresOf(title, result, dear ? {} : { most: 25 }));
    }
  } finally {
    await Deno.remove(file);
  }
  return figures;
}

function figuresOf(title: string, result: Flood, wanted: { most?: number }): Figure[] {
  const original = { original: "17–28", keepalived: "14–16" };
  return [
    { title: `${title}: CPU of one core`, unit: "%", ...wanted, ...original, values: [result.cpu] },
    { title: "– really sent", unit: "per s", values: [result.rate] },
    {
      title: "– log",
      unit: "B/s",
      most: 100,
      original: "630000",
      keepalived: "3000",
      values: [result.logPerSecond],
    },
    {
      title: "– own heartbeats late by half an interval",
      unit: "late heartbeats",
      most: 0,
      values: [result.lateBeats],
    },
    { title: "– growth of resident memory", unit: "MiB", values: [result.grownMiB] },
    {
      title: "– crash of the master meanwhile: SIGKILL to first API call",
      unit: "ms",
      limit: "2000–3000 by phase",
      most: 3_100,
      keepalived: "3538–3555",
      values: [result.actedMs],
    },
  ];
}

/** Floods. */
export const floodCase: Case = { name: "flood", run: floods };
