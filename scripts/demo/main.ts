// A cluster of three real watchdogs and a simulated Exoscale, played through the events of a bad day; see usage.ts.
// Ends by itself within a minute; exit code 0 only if every event went as it should.
import { messageOf } from "../../src/core/message_of.ts";
import { Cluster, type ClusterNode } from "../../tests/support/cluster.ts";
import { pause } from "../../tests/support/until.ts";
import { ACTS } from "./acts.ts";
import { keepLines, RESTART_MS } from "./keep.ts";
import { type Outcome, Stage } from "./stage.ts";
import { Screen } from "./screen.ts";
import { outcomeTable } from "./table.ts";
import { toldLine } from "./told.ts";
import { readWishes, USAGE, type Wishes } from "./usage.ts";

/** Longest wait for nodes that hand over. */
const ENDING_MS = 15_000;

const { api, keep } = wishes();
const cluster = new Cluster({ api });
const screen = new Screen(cluster, { live: Deno.stdout.isTerminal() });
const told = (text: string) =>
  toldLine(text, { nodes: cluster.nodes, cloud: cluster.server.endpoint(api) });
const stage = new Stage(cluster, (node, text) => screen.tell(`${node} ${told(text)}`));
const outcomes: Outcome[] = [];
for (const text of prologue(api)) screen.tell(text);
try {
  for (const act of ACTS) {
    screen.tell(`--- ${act.title}`);
    const outcome = await stage.play(act);
    outcomes.push(outcome);
    if (!outcome.ok) break;
  }
  screen.close();
  console.log(outcomeTable(outcomes));
  console.log(good() ? "every event went as it should" : "NOT as it should");
  if (keep) await linger();
} finally {
  screen.close();
  await cluster.close();
}
Deno.exit(good() ? 0 : 1);

function good(): boolean {
  return outcomes.length === ACTS.length && outcomes.every(({ ok }) => ok);
}

function wishes(): Wishes {
  try {
    const asked = readWishes(Deno.args);
    if (asked !== null) return asked;
  } catch (error) {
    console.error(`demo: ${messageOf(error)}\n\n${USAGE.trimEnd()}`);
    Deno.exit(2);
  }
  console.log(USAGE.trimEnd());
  Deno.exit(0);
}

/** What a newcomer must know to read the lines. */
function prologue(api: "v1" | "v2"): string[] {
  return [
    `simulated Exoscale, API ${api}, at ${cluster.server.endpoint(api)}`,
    "a heartbeat each 0.2 s, dead after 0.6 s of silence (by default 1 s and 3 s)",
    "after === stands each node's role; HOLDS: the cloud shows the address there",
    "warnings about interfaces are right: no interface here has the address",
  ];
}

/** Leaves the whole cluster up, and its lines coming, until a signal comes. Starts again what ends meanwhile. */
async function linger(): Promise<void> {
  const lines = new Screen(cluster, { live: false, startedMs: screen.startedMs });
  let ending = false;
  const keepUp = async (node: ClusterNode, priority: number) => {
    const onLine = ({ text }: { text: string }) => lines.tell(`${node.name} ${told(text)}`);
    for (let waits = node.alive;; waits = true) {
      if (waits) await node.process?.ended().then(() => pause(RESTART_MS));
      if (ending) return;
      cluster.start(node, { priority, onLine });
    }
  };
  for (const [index, node] of cluster.nodes.entries()) void keepUp(node, 10 * (index + 1));
  for (const line of keepLines(cluster)) console.log(line);
  const signal = await new Promise<"SIGINT" | "SIGTERM">((resolve) => {
    for (const each of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(each, () => resolve(each));
    }
  });
  ending = true;
  // Ctrl+C in a terminal reaches the nodes, too; told twice they would not wait for each other.
  const heard = signal === "SIGINT" && Deno.stdin.isTerminal();
  for (const node of cluster.nodes) if (node.alive && !heard) cluster.stop(node, "SIGTERM");
  const ended = Promise.all(cluster.nodes.map(({ process }) => process?.ended()));
  await Promise.race([ended, pause(ENDING_MS)]);
  lines.close();
  console.log("all nodes have ended");
}
