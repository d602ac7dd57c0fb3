// Measures the figures of docs/set-up/patroni.md: `deno run --allow-all tests/patroni/measure.ts --rounds 3 NAME...`.
// For each event: when Patroni had a new leader, when the address was attached to it, and what clients of the address
// found until then.
import { pause } from "../support/until.ts";
import { type Found, Laboratory, type Times } from "./laboratory.ts";
import { MISSING } from "./requirements.ts";

/** Settings to compare. */
const SETTINGS: Record<string, { times: Times; variables: Record<string, string> }> = {
  page: { times: { ttl: 30, loopWait: 10, retryTimeout: 10 }, variables: {} },
  defaults: {
    times: { ttl: 30, loopWait: 10, retryTimeout: 10 },
    variables: { IF_CHECK_INTERVAL: "2", IF_CHECK_FALL: "3", IF_CHECK_RISE: "2" },
  },
  quick: {
    times: { ttl: 20, loopWait: 2, retryTimeout: 3 },
    variables: { IF_CHECK_INTERVAL: "0.25" },
  },
};

/** What happens to the leader; resolves once it has happened, with what puts things right again. */
type Event = (laboratory: Laboratory, leader: number) => Promise<() => void | Promise<void>>;

const EVENTS: Record<string, Event> = {
  async switchover(laboratory, leader) {
    const candidate = leader % 3 + 1;
    const names = `--leader db-${leader} --candidate db-${candidate}`;
    // It returns when the new leader leads.
    const command = `patronictl -c patroni.yml switchover main ${names} --force`;
    const done = laboratory.patronictl(leader, command);
    await pause(0);
    return async () => void await done;
  },
  async killed(laboratory, leader) {
    await laboratory.killDatabase(leader);
    return () => laboratory.startPatroni(leader);
  },
  async machine(laboratory, leader) {
    const node = laboratory.cluster.node(leader);
    await laboratory.network.cables(leader, "down");
    // The probe notices only when its connection has timed out.
    laboratory.sights.push({ atMs: performance.now(), number: leader, found: "nothing" });
    laboratory.cluster.stop(node, "SIGKILL");
    node.instance.state = "stopped";
    await laboratory.killDatabase(leader);
    return async () => {
      node.instance.state = "running";
      await laboratory.network.cables(leader, "up");
      laboratory.startPatroni(leader);
      laboratory.startWatchdog(node);
    };
  },
  async hung(laboratory, leader) {
    await laboratory.signalPatroni(leader, "SIGSTOP");
    return () => laboratory.signalPatroni(leader, "SIGCONT");
  },
};

/** Spans of what clients of the address found between two instants, in ms. */
function foundBetween(
  laboratory: Laboratory,
  fromMs: number,
  toMs: number,
): Record<string, number> {
  const { cluster, sights } = laboratory;
  const { history } = cluster.server.model;
  const spans: Record<string, number> = {};
  const instants = [...history, ...sights].map(({ atMs }) => atMs)
    .filter((atMs) => atMs > fromMs && atMs < toMs);
  const turns = [fromMs, ...instants.sort((a, b) => a - b), toMs];
  for (const [index, atMs] of turns.slice(0, -1).entries()) {
    const holders = history.findLast((each) => each.atMs <= atMs)?.holders ?? [];
    const found = cluster.nodes.filter(({ instance }) => holders.includes(instance.id))
      .map((node): Found =>
        sights.findLast((sight) => sight.number === cluster.number(node) && sight.atMs <= atMs)
          ?.found ?? "nothing"
      );
    const what = [...new Set(found)].sort().join("+") || "no holder";
    spans[what] = (spans[what] ?? 0) + (turns[index + 1] ?? toMs) - atMs;
  }
  return spans;
}

async function round(laboratory: Laboratory, event: Event): Promise<Record<string, unknown>> {
  const { cluster } = laboratory;
  const leader = await laboratory.leader(), atMs = performance.now();
  const heal = await event(laboratory, leader);
  let next = 0;
  while (next === 0 && performance.now() < atMs + 120_000) {
    await pause(50);
    for (const number of [1, 2, 3].filter((each) => each !== leader)) {
      if (await laboratory.status(number, "/primary") === 200) next = number;
    }
  }
  const leads = performance.now() - atMs;
  await laboratory.heldBy(next);
  const id = cluster.node(next).instance.id;
  const { history } = cluster.server.model;
  const alone = history.findLast(({ holders }) => holders.length === 1 && holders[0] === id);
  const moves = history.filter((each) => each.atMs > atMs).map(({ atMs: at, holders }) =>
    `${((at - atMs) / 1000).toFixed(2)}:${
      cluster.nodes.filter(({ instance }) => holders.includes(instance.id)).map(({ name }) =>
        name.slice(-1)
      ).join("+")
    }`
  );
  await pause(1_000);
  const writes = laboratory.sights.findLast(({ number, found }) =>
    number === next && found === "writes"
  );
  const servedAtMs = Math.max(alone?.atMs ?? Infinity, writes?.atMs ?? Infinity);
  const found = foundBetween(laboratory, atMs, servedAtMs);
  await heal();
  await laboratory.settled(next);
  await pause(5_000 + Math.random() * 10_000);
  return { leader, next, leads, moves, found };
}

if (import.meta.main) {
  if (MISSING !== null) throw new Error(MISSING);
  const [setting = "page", rounds = "3", ...names] = Deno.args;
  const settings = SETTINGS[setting];
  if (!settings) throw new Error(`unknown settings ${setting}, wanted ${Object.keys(SETTINGS)}`);
  const startMs = performance.now();
  const laboratory = await Laboratory.create(settings);
  console.log(`${setting}: ready after ${Math.round(performance.now() - startMs)} ms`);
  try {
    for (const name of names.length > 0 ? names : Object.keys(EVENTS)) {
      const event = EVENTS[name];
      if (!event) throw new Error(`unknown event ${name}, wanted ${Object.keys(EVENTS)}`);
      for (let count = 0; count < Number(rounds); count++) {
        console.log(setting, name, JSON.stringify(await round(laboratory, event)));
      }
    }
  } finally {
    await laboratory.close();
  }
}
