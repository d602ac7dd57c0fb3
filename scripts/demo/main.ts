// A cluster of three real watchdogs and a simulated Exoscale, played through the events of a bad day; see usage.ts.
// Ends by itself within a minute; exit code 0 only if every event went as it should.
import { messageOf } from "../../src/core/message_of.ts";
import { Cluster } from "../../tests/support/cluster.ts";
import { ACTS } from "./acts.ts";
import { keepLines } from "./keep.ts";
import { type Outcome, Stage } from "./stage.ts";
import { Screen } from "./screen.ts";
import { outcomeTable } from "./table.ts";
import { toldLine } from "./told.ts";
import { readWishes, USAGE, type Wishes } from "./usage.ts";

const { api, keep } = wishes();
const cluster = new Cluster({ api });
const screen = new Screen(cluster, { live: Deno.stdout.isTerminal() });
const told = (text: string) =>
  toldLine(text, { nodes: cluster.nodes, cloud: cluster.server.endpoint(api) });
const stage = new Stage(cluster, (node, text) => screen.tell(`${node} ${told(text)}`));
const outcomes: Outcome[] = [];
screen.tell(`simulated Exoscale, API ${api}, at ${cluster.server.endpoint(api)}`);
try {
  for (const act of ACTS) {
    screen.tell(`--- ${act.title}`);
    const outcome = await stage.play(act);
    outcomes.push(outcome);
    if (!outcome.ok) break;
  }
  screen.close();
  console.log(outcomeTable(outcomes));
  if (keep) await linger();
} finally {
  screen.close();
  await cluster.close();
}
const good = outcomes.length === ACTS.length && outcomes.every(({ ok }) => ok);
console.log(good ? "every event went as it should" : "NOT as it should");
Deno.exit(good ? 0 : 1);

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

/** Leaves the whole cluster up, and its lines coming, until a signal comes. */
async function linger(): Promise<void> {
  const lines = new Screen(cluster, { live: false, startedMs: screen.startedMs });
  for (const [index, node] of cluster.nodes.entries()) {
    if (node.alive) continue;
    const onLine = ({ text }: { text: string }) => lines.tell(`${node.name} ${told(text)}`);
    cluster.start(node, { priority: 10 * (index + 1), onLine });
  }
  for (const line of keepLines(cluster)) console.log(line);
  await new Promise<void>((resolve) => {
    Deno.addSignalListener("SIGINT", resolve);
    Deno.addSignalListener("SIGTERM", resolve);
  });
  lines.close();
}
