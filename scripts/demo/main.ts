// A cluster of three real watchdogs and a simulated Exoscale, played through the events of a bad day.
//
//   deno task demo [--api v1|v2] [--keep]
//
// Ends by itself within a minute; exit code 0 only if every event went as it should.
import { parseArgs } from "@std/cli/parse-args";
import { Cluster } from "../../tests/e2e/cluster.ts";
import { ACTS } from "./acts.ts";
import { type Outcome, Stage } from "./stage.ts";
import { Screen } from "./screen.ts";
import { outcomeTable } from "./table.ts";

const { api = "v2", keep } = parseArgs(Deno.args, { string: ["api"], boolean: ["keep"] });
if (api !== "v1" && api !== "v2") {
  console.error(`demo: --api is "${api}", wanted v1 or v2`);
  Deno.exit(2);
}

const cluster = new Cluster({ api });
const screen = new Screen(cluster, { live: Deno.stdout.isTerminal() });
const stage = new Stage(cluster, (line) => screen.tell(line));
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

/** Leaves the whole cluster up, and its lines coming, until a signal comes. */
async function linger(): Promise<void> {
  const lines = new Screen(cluster, { live: false });
  for (const [index, node] of cluster.nodes.entries()) {
    if (node.alive) continue;
    const onLine = ({ text }: { text: string }) => lines.tell(`${node.name} ${text}`);
    cluster.start(node, { priority: 10 * (index + 1), onLine });
  }
  for (const { name, process, instance } of cluster.nodes) {
    console.log(`${name} at ${instance.address}: pid ${process?.pid}`);
  }
  console.log("The cluster stays up until Ctrl-C. Try: kill -USR1 PID, kill -USR2 PID, kill PID,");
  console.log(`echo info | nc -4u -w1 127.0.0.1 ${cluster.port}`);
  await new Promise<void>((resolve) => {
    Deno.addSignalListener("SIGINT", resolve);
    Deno.addSignalListener("SIGTERM", resolve);
  });
  lines.close();
}
