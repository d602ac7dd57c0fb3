// Cluster stories as text: commands in, trace out.
//
//   cluster a=10 b=20 c=20/plain interval=1s ratio=3 api=5ms operation=0ms exclusive no-preempt
//   kill a at 5s | poweroff a at 5s | start a at 9s | stop a at 9s | better a at 9s | worse a at 9s
//   pause a at 5s for 10s | cut a b at 5s | cut a>b at 5s | heal at 9s | leave a at 5s | join a at 9s
//   cloud fails at 5s | cloud hangs a at 5s | cloud ok at 9s | attach a at 5s | detach a at 5s
//   run 10s
import { parseDuration } from "../../src/cli.ts";
import { SimCluster, type SimNode } from "./cluster.ts";
import { watchSafety } from "./checkers.ts";
import type { Mood } from "./cloud.ts";
import { seededRandom } from "./prng.ts";
import { follow } from "./trace.ts";

const SWITCHES = ["exclusive", "no-preempt", "dynamic"];
/** Runs the commands and returns the trace. */
export function playScenario(text: string): string[] {
  const commands = text.split("\n").map((line) => line.replace(/#.*/, "").trim()).filter(Boolean);
  const [first = "", ...rest] = commands;
  const stage = build(first);
  for (const command of rest) obey(stage, command);
  return stage.trace;
}

interface Stage {
  readonly cluster: SimCluster;
  readonly trace: string[];
}

function build(line: string): Stage {
  const words = line.split(/\s+/).slice(1);
  const settings = new Map(words.map((word) => word.split("=") as [string, string]));
  const span = (name: string, fallback: string) =>
    parseDuration(settings.get(name) ?? fallback) ?? 0;
  const cluster = new SimCluster(seededRandom(1), { dynamic: settings.has("dynamic") });
  cluster.cloud.latencyMs = span("api", "5ms");
  cluster.cloud.operationMs = span("operation", "0ms");
  const trace: string[] = [];
  watchSafety(cluster);
  follow(cluster, (line) => trace.push(line));
  const starting: string[] = [];
  for (const word of words.filter((word) => /^[a-z]=/.test(word) && !SWITCHES.includes(word))) {
    const [, name = "", priority, options = ""] = /^([a-z])=(\d+)(.*)$/.exec(word) ?? [];
    cluster.add(name, {
      elasticIp: "198.51.100.50",
      priority: Number(priority),
      intervalMs: span("interval", "1s"),
      deadRatio: Number(settings.get("ratio") ?? 3),
      exclusive: settings.has("exclusive"),
      preemptDelayMs: settings.has("no-preempt") ? Infinity : span("preempt-delay", "0"),
      handoverTimeoutMs: span("handover", "10s"),
      reconcileMs: span("reconcile", "30s"),
    }, { plain: options.includes("/plain"), listed: !options.includes("/unlisted") });
    if (!options.includes("/off")) starting.push(name);
  }
  for (const name of starting) cluster.start(cluster.nodes.get(name)!);
  return { cluster, trace };
}

function obey(stage: Stage, command: string): void {
  const { cluster } = stage;
  const timing = /^(.*?)(?: at (\S+))?(?: for (\S+))?$/.exec(command);
  const [, action = "", at, lasting] = timing ?? [];
  const [verb = "", ...names] = action.split(/\s+/);
  if (verb === "run") return cluster.run(parseDuration(names[0] ?? "") ?? 0);
  const atMs = at === undefined ? cluster.timeline.nowMs : parseDuration(at) ?? NaN;
  const forMs = parseDuration(lasting ?? "0") ?? NaN;
  if (Number.isNaN(atMs + forMs)) throw new Error(`cannot read the times of: ${command}`);
  cluster.timeline.at(atMs, () => act(cluster, { verb, names, forMs, command }));
}

function act(
  cluster: SimCluster,
  { verb, names, forMs, command }: {
    verb: string;
    names: string[];
    forMs: number;
    command: string;
  },
): void {
  const node = (name = names[0]): SimNode => {
    const found = cluster.nodes.get(name ?? "");
    if (!found) throw new Error(`no node ${name} in: ${command}`);
    return found;
  };
  switch (verb) {
    case "kill":
    case "poweroff":
      return cluster.kill(node(), { powerOff: verb === "poweroff" });
    case "start":
      return cluster.start(node());
    case "stop":
      return cluster.tell(node(), { kind: "stop" });
    case "better":
    case "worse":
      return cluster.tell(node(), { kind: "nudge", by: verb === "better" ? -1 : 1 });
    case "pause":
      return cluster.pause(node(), forMs);
    case "cut": {
      const [one = "", other = ""] = names.join(" ").split(/[ >]/);
      const [a, b] = [node(one).address, node(other).address];
      cluster.network.cuts.add(`${a}>${b}`);
      if (!command.includes(">")) cluster.network.cuts.add(`${b}>${a}`);
      return;
    }
    case "heal":
      return cluster.network.cuts.clear();
    case "leave":
    case "join":
      return void (node().listed = verb === "join");
    case "attach":
    case "detach":
      return cluster.cloud.change(verb, node().instanceId);
    case "clock":
      return void (node().wallOffsetMs = forMs * (names[1] === "back" ? -1 : 1));
    case "cloud": {
      const [mood = "ok", ...whose] = names;
      const ids = whose.map((name) => node(name).instanceId);
      const affected = (id: string) => ids.length === 0 || ids.includes(id);
      cluster.cloud.mood = (id) => affected(id) ? mood as Mood : "ok";
      return;
    }
    default:
      throw new Error(`unknown command: ${command}`);
  }
}
