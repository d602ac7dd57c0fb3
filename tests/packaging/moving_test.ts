// The guides that lead from keepalived and from the original to exoip: every command block runs, in the order of the
// page, on two machines with a simulated cloud, and the address never loses its holder.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { textOf } from "../docs/markdown.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { Cluster, type ClusterNode, PATIENT } from "../support/cluster.ts";
import { exoipCommand } from "../support/process.ts";
import { until } from "../support/until.ts";

/** A command block, and where the page wants it to run. */
interface Step {
  readonly where: string;
  readonly block: string;
}

/** All command blocks of a page. Each follows a comment that says where it runs. */
function stepsOf(page: string): Step[] {
  const text = textOf(`docs/set-up/${page}`);
  const steps = [...text.matchAll(/^<!-- run: (\w+) -->\n\n```sh\n([^]*?)^```$/gm)];
  assertEquals(steps.length, [...text.matchAll(/^```/gm)].length / 2, "each block has a comment");
  return steps.map(([, where = "", block = ""]) => ({ where, block }));
}

/** Programs of a machine that a test must not run: each writes its name and arguments into a file. */
const NOTED = ["dpkg", "ip", "pkill", "exo"];

/** The part of systemd that the pages use, with a real watchdog. DIR is the machine, EXOIP its exoip. */
const SYSTEMCTL = `#!/bin/bash
echo "systemctl $*" >>DIR/noted
[[ \${*: -1} == exoip ]] || exit 0
pid=$(cat DIR/pid 2>/dev/null || true)
case $1 in
enable)
  EXOIP -W -O --env-file DIR/etc/exoip/exoip.env --api-secret-file DIR/etc/exoip/secret ARGS >>DIR/log 2>&1 &
  echo $! >DIR/pid
  disown
  for try in $(seq 600); do
    # Type=notify: ready when the first election is over.
    grep -q 'role: ' DIR/log && exit 0
    sleep 0.1
  done
  exit 1
  ;;
disable)
  kill -TERM "$pid" 2>/dev/null
  for try in $(seq 600); do
    kill -0 "$pid" 2>/dev/null || { rm -f DIR/pid; exit 0; }
    sleep 0.1
  done
  exit 1
  ;;
kill) kill -KILL "$pid" ;;
esac
`;

/**
 * exoip as on that machine. The machine has no interface with the address, which the doctor alone minds. Who sees a
 * status that is not good, because a node has just started or stands still for a moment, asks again.
 */
const PROGRAM = `#!/bin/bash
[[ $1 == -n && "$*" == *cloud.example.com* ]] && exec EXOIP "$@" -i ID
if [[ $1 == --status ]]; then
  for try in $(seq 120); do
    EXOIP "$@" ARGS >DIR/status 2>&1 && break
    sleep 0.5
  done
  exec cat DIR/status
fi
[[ $1 == --doctor ]] || exec EXOIP "$@" ARGS
EXOIP "$@" ARGS >DIR/doctor
if grep '^FAIL' DIR/doctor | grep -v '^FAIL interface '; then exit 1; fi
`;

/** Two machines of a guide: the first holds the address. */
class Machines {
  readonly cluster = new Cluster({ count: 2 });
  readonly #root = Deno.makeTempDirSync({ prefix: "exoip-" });

  constructor() {
    const { server: { model }, address, port } = this.cluster;
    model.rules.set("edge", [
      { direction: "ingress", protocol: "udp", ports: [port, port], group: "edge" },
    ]);
    address.holders.add(this.holder.instance.id);
    for (const node of this.cluster.nodes) this.#furnish(node);
  }

  get holder(): ClusterNode {
    return this.cluster.node(1);
  }

  get backup(): ClusterNode {
    return this.cluster.node(2);
  }

  folder({ name }: ClusterNode): string {
    return `${this.#root}/${name}`;
  }

  #furnish(node: ClusterNode): void {
    const dir = this.folder(node), { id, address } = node.instance;
    for (const name of ["bin", "etc/exoip", "usr/local/bin"]) {
      Deno.mkdirSync(`${dir}/${name}`, { recursive: true });
    }
    const [program, first] = exoipCommand();
    const where = ["-i", id, "-l", `${address}:${this.cluster.port}`, "-t", "0.2"];
    const patient = ["-r", `${PATIENT.deadRatio}`];
    const args = [...this.cluster.server.args("v2"), ...where, ...patient];
    const write = (path: string, text: string) =>
      Deno.writeTextFileSync(
        `${dir}/${path}`,
        text.replaceAll("DIR", dir).replaceAll("EXOIP", [program, ...first].join(" "))
          .replaceAll("ARGS", args.join(" ")).replaceAll("ID", id),
        { mode: 0o755 },
      );
    write("bin/systemctl", SYSTEMCTL);
    write("bin/exoip", PROGRAM);
    write("usr/local/bin/exoip", "the original\n");
    for (const name of NOTED) {
      const input = name === "exo" ? "[[ $* != *'--policy -'* ]] || cat >DIR/policy\n" : "";
      write(`bin/${name}`, `#!/bin/bash\necho "${name} $*" >>DIR/noted\n${input}`);
    }
  }

  /** Runs a block of the page, with the values of these machines instead of the page's. */
  async run(block: string, node: ClusterNode): Promise<string> {
    const dir = this.folder(node), [one, two] = this.cluster.nodes;
    const script = block.replaceAll(/(?<=[\s=])\/(etc|usr\/local)\//g, `${dir}/$1/`)
      .replaceAll("203.0.113.11", one?.instance.address ?? "")
      .replaceAll("203.0.113.12", two?.instance.address ?? "")
      .replaceAll("EXO...", SIM_KEY).replaceAll("SECRET", SIM_SECRET)
      // A port on which something listens.
      .replaceAll("127.0.0.1:443", new URL(this.cluster.server.endpoint("v2")).host);
    const command = new Deno.Command("bash", {
      args: ["-c", `set -euo pipefail\n${script}`],
      env: { PATH: `${dir}/bin:${Deno.env.get("PATH")}`, NO_COLOR: "1" },
      cwd: dir,
      stdin: "null",
    });
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals(code, 0, `${node.name}: ${block}\n${text}${this.log(node)}`);
    return text;
  }

  /** Runs a step where the page says. */
  async step({ where, block }: Step): Promise<string> {
    const { holder, backup } = this;
    const nodes = {
      computer: [holder],
      both: [holder, backup],
      holder: [holder],
      backup: [backup],
    };
    const chosen = nodes[where as keyof typeof nodes];
    assert(chosen, `no such place: ${where}`);
    const texts = [];
    for (const node of chosen) texts.push(await this.run(block, node));
    return texts.join("\n");
  }

  /** A file of a machine, empty without one. */
  text(node: ClusterNode, name: string): string {
    try {
      return Deno.readTextFileSync(`${this.folder(node)}/${name}`);
    } catch {
      return "";
    }
  }

  log(node: ClusterNode): string {
    return this.text(node, "log");
  }

  async close(): Promise<void> {
    for (const node of this.cluster.nodes) {
      const pid = Number(this.text(node, "pid"));
      if (pid > 0) {
        try {
          Deno.kill(pid, "SIGKILL");
        } catch { /* It has ended. */ }
      }
    }
    await this.cluster.close();
    await Deno.remove(this.#root, { recursive: true });
  }
}

for (const page of ["from-keepalived.md", "from-the-original.md"]) {
  Deno.test(`every command of ${page} runs, and the address keeps its holder there and back`, async () => {
    const steps = stepsOf(page);
    const machines = new Machines();
    const { cluster, holder, backup } = machines;
    try {
      let switched = false;
      for (const step of steps) {
        const text = await machines.step(step);
        assertEquals(cluster.holders, ["node-1"], step.block);
        if (/^exoip --status$/m.test(step.block)) {
          switched = true;
          assertMatch(machines.log(holder), /role: master /);
          assertMatch(machines.log(backup), /role: backup \(outranked/);
          assertMatch(text, /^OK: .*198\.51\.100\.50/m);
        }
      }
      assert(switched, "the page looks at the status");
      await until(() => cluster.holders.join() === "node-1", { title: "the holder is the same" });
      const { history } = cluster.server.model;
      const moves = history.filter(({ holders }) => !holders.includes(holder.instance.id));
      assertEquals(moves, [], "the address never left its holder");
      assertEquals(JSON.parse(machines.text(holder, "policy"))["default-service-strategy"], "deny");
      for (const node of cluster.nodes) {
        assertMatch(
          machines.text(node, "noted"),
          /^ip address replace 198\.51\.100\.50\/32 dev lo$/m,
        );
        assertEquals(machines.text(node, "pid") === "" || node === holder, true);
      }
    } finally {
      await machines.close();
    }
  });
}
