// The README's quick start, with its own commands and its own file: from the role of the key to a tested failover.
import { assertEquals, assertMatch } from "@std/assert";
import { blocksOf, textOf } from "../docs/markdown.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { Cluster, type ClusterNode } from "../support/cluster.ts";
import { ExoipProcess } from "../support/process.ts";
import { until } from "../support/until.ts";

const CHAPTER = /\n## Quick start\n(.*?)\n## /s.exec(textOf("README.md"))?.[1] ?? "";
const SHELL = blocksOf(CHAPTER, "sh").join("\n");
/** The file that the reader writes. */
const [, FILE = ""] = /\/etc\/exoip\/exoip\.toml <<'END'\n(.*?)END\n/s.exec(SHELL) ?? [];

/** The arguments of the command that starts with this text. */
function command(start: string): string[] {
  const line = SHELL.split("\n").find((each) => each.startsWith(start)) ?? "";
  return line.replace(/ (\||#).*/, "").split(" ").slice(1);
}

/** The quick start's machines, in a cloud that restricts the key to the role of its first step. */
async function machines(folder: string) {
  const cluster = new Cluster({ count: 2 });
  const { model } = cluster.server;
  const printed = await run(command("exoip --print-iam-policy"));
  model.role = JSON.parse(
    printed.lines.map(({ text }) => text).filter((text) => /^[ {}]/.test(text)).join("\n"),
  );
  const [, group = ""] = /security-group rule add (\S+) --protocol udp/.exec(SHELL) ?? [];
  const port = cluster.port;
  model.rules.set(group, [{ direction: "ingress", protocol: "udp", ports: [port, port], group }]);
  const file = FILE.replace("EXO...", SIM_KEY).replace("/etc/exoip/secret", `${folder}/secret`);
  await Deno.writeTextFile(`${folder}/exoip.toml`, file, { mode: 0o600 });
  await Deno.writeTextFile(`${folder}/secret`, SIM_SECRET, { mode: 0o600 });
  /** Runs a command of the quick start on that machine, adding only what a simulation lacks. */
  const on = ({ instance }: ClusterNode, args: readonly string[]) =>
    new ExoipProcess([
      ...args.map((each) => each.replace("/etc/exoip", folder)),
      ...cluster.server.args("v2"),
      ...["-i", instance.id, "-l", `${instance.address}:${port}`],
    ]);
  return { cluster, on };
}

async function run(args: readonly string[]): Promise<ExoipProcess> {
  const process = new ExoipProcess(args);
  assertEquals(await process.ended(), 0, process.output);
  return process;
}

Deno.test("the README's quick start leads to a tested failover", async () => {
  const folder = await Deno.makeTempDir();
  const { cluster, on } = await machines(folder);
  const running: ExoipProcess[] = [];
  try {
    const [first, second] = [cluster.node(1), cluster.node(2)];
    // The test does not put the address on this machine's interface.
    const doctor = on(first, command("exoip --doctor"));
    await doctor.ended();
    const failures = doctor.lines.filter(({ text }) => text.startsWith("FAIL"));
    assertEquals(failures.length, 1, doctor.output);
    assertMatch(failures[0]?.text ?? "", /^FAIL interface /);

    const watch = command("exoip -W");
    const one = on(first, watch);
    running.push(one);
    await until(() => /attached: /.test(one.output), { title: "the first one attaches it" });
    const two = on(second, watch);
    running.push(two);
    await until(() => /role: backup \(outranked\b/.test(two.output), { title: "the other waits" });
    assertEquals(cluster.holders, ["node-1"]);
    await cluster.heardToHold(first, { by: [second] });

    one.signal("SIGKILL");
    await until(() => cluster.holders.join() === "node-2", { title: "the backup takes it over" });
    await until(() => /evicted: /.test(two.output), { title: "it says so" });
    assertMatch(two.output, /peer-dead: .*[^]*role: master \(alone[^]*attached: /);
  } finally {
    for (const process of running) process.signal("SIGKILL");
    await Promise.all(running.map((process) => process.ended()));
    await cluster.close();
    await Deno.remove(folder, { recursive: true });
  }
});
