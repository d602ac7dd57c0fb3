// The Ansible role: linted, and run on a real systemd: changes, then none, then only a reload.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { OPTIONS } from "../../src/options/all.ts";
import { packageAll } from "../../scripts/package/main.ts";
import { Cluster } from "../support/cluster.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { Network } from "../netns/network.ts";
import { CLOUD_AUTHORITY } from "../support/tls/cloud_identity.ts";
import { blocksOf, textOf } from "../docs/markdown.ts";
import { BINARY, inFolder, machineTest, mustRun, put, runTool, shipped } from "./requirements.ts";

const ROLES = shipped("ansible");
const PLAYBOOK = "ansible-playbook (ansible-core of PyPI)";

machineTest(
  "ansible-lint finds nothing wrong with the role, by its strictest profile",
  { tools: ["ansible-lint (ansible-lint of PyPI)"] },
  () =>
    inFolder(async (folder) => {
      await mustRun(["cp", "-rL", ROLES, `${folder}/ansible`]);
      const lint = async () =>
        await runTool(
          ["ansible-lint", "--offline", "--strict", "--profile", "production", "site.yml", "roles"],
          { cwd: `${folder}/ansible`, env: { NO_COLOR: "1" } },
        );
      const { code, text } = await lint();
      assertEquals(code, 0, text);
      const path = `${folder}/ansible/roles/exoip/tasks/install.yml`;
      await put(path, (await Deno.readTextFile(path)).replace('    mode: "0755"\n', ""));
      assertMatch((await lint()).text, /risky-file-permissions/);
    }),
);

machineTest("the example playbook is one that Ansible reads", { tools: [PLAYBOOK] }, async () => {
  await mustRun(["ansible-playbook", "--syntax-check", "-i", "exoip,", "site.yml"], { cwd: ROLES });
  const shown = blocksOf(textOf("docs/set-up/ansible.md"), "yaml");
  const text = await Deno.readTextFile(`${ROLES}/site.yml`);
  assert(shown.includes(text.replace(/^---\n#.*\n/, "")), "docs/set-up/ansible.md shows it");
});

/** Options that a reload applies, as keys of a file; not the address, which moves, nor secrets, which have own files. */
const RELOADED = OPTIONS
  .filter(({ reload }) => ["election", "peers", "logLevel", "checks"].includes(reload))
  .map(({ name, alias }) => alias ?? name).filter((name) => name !== "address");

Deno.test("the role reloads for all options that a reload applies, and for no other", async () => {
  const variables = await Deno.readTextFile(`${ROLES}/roles/exoip/vars/main.yml`);
  const [, list = ""] = /\^\(([^]*?)\(\?!/.exec(variables) ?? [];
  // A delay for ever has an option of its own.
  const names = list.replaceAll(/[\\\s]/g, "").split("|");
  assertEquals(names.toSorted(), [...RELOADED, "no-preempt"].toSorted());
});

Deno.test("the page on maintenance names all options that a reload applies", () => {
  const [, table = ""] = /\| When a change applies[^]*?\n([^]*?)\| all other options/.exec(
    textOf("docs/operation/maintenance.md"),
  ) ?? [];
  const words = ["priority", "interval", "dead-ratio", "peers"];
  for (const name of RELOADED.filter((each) => !words.includes(each) && !/^check/.test(each))) {
    assert(table.includes(`\`--${name}\``), name);
  }
  assertMatch(
    table,
    /\| priority[^]*interval, dead ratio[^]*list of `-p`[^]*the checks and their times/,
  );
});

/** Where the role and the package put units, and where `systemctl enable` expects them. */
const UNITS = "/etc/systemd/system:/usr/lib/systemd/system";

/** Runs the role on the machine's systemd, and prints a line after each run. */
const PROBE = `
export HOME=/root
export ANSIBLE_LOCAL_TEMP=/run/ansible ANSIBLE_NOCOLOR=1 ANSIBLE_PIPELINING=1 LC_ALL=C.UTF-8
export ANSIBLE_ROLES_PATH=/out/ansible/roles
cd /out/ansible
pid() { systemctl show exoip -p MainPID --value; }
# It attaches a moment after it is active, and the cloud's record is to show each time.
attached() {
  for try in $(seq 600); do
    systemctl show exoip -p StatusText --value | grep -q ' is attached$' && break
    sleep 0.1
  done
}
play() {
  title=$1
  shift
  PYTHON -m ansible playbook -i localhost, -c local -e ansible_python_interpreter=PYTHON -e @/out/vars.json \\
    /out/play.yml "$@" >"/out/play-$title" 2>&1
  echo "$title $? $(grep -o 'changed=[0-9]*' /out/play-$title) $(systemctl show exoip -p ActiveState --value)"
}
play dry --check
ls /usr/bin/exoip /etc/exoip/exoip.toml 2>/dev/null
play first
attached
before=$(pid)
stat -c '%a %n' /etc/exoip/secret /etc/exoip/exoip.toml /etc/exoip/exoip.env
systemctl is-enabled exoip
play again
play dry-priority --check -e '{"priority": 7}'
play priority -e '{"priority": 7}'
[ "$(pid)" = "$before" ] && echo "the same process"
for try in $(seq 600); do grep -qs 'priority is now 7' /out/log && break; sleep 0.1; done
grep -c 'priority is now 7' /out/log
play wrong -e '{"priority": 700}'
play status -e '{"priority": 7, "status": "127.0.0.1:9411"}'
attached
[ "$(pid)" = "$before" ] || echo "another process"
play gone -e exoip_state=absent
ls /usr/bin/exoip /etc/exoip /etc/systemd/system/exoip.service 2>/dev/null
play gone-again -e exoip_state=absent
play deb -e @/out/deb.json
attached
dpkg-query -W -f '\${Status}\n' exoip
play deb-again -e @/out/deb.json
play deb-gone -e @/out/deb.json -e exoip_state=absent
dpkg-query -W -f '\${Status}\n' exoip 2>/dev/null
systemctl --force exit
sleep 9
`;

const EXPECTED = `
dry 0 changed=N inactive
first 0 changed=N active
600 /etc/exoip/secret
644 /etc/exoip/exoip.toml
644 /etc/exoip/exoip.env
enabled
again 0 changed=0 active
dry-priority 0 changed=1 active
priority 0 changed=N active
the same process
1
wrong 2 changed=0 active
status 0 changed=N active
another process
gone 0 changed=N inactive
gone-again 0 changed=0 inactive
deb 0 changed=N active
install ok installed
deb-again 0 changed=0 active
deb-gone 0 changed=N inactive
`;

machineTest(
  "under a real systemd the role installs, changes nothing twice, reloads, restarts and removes",
  {
    root: true,
    binary: true,
    tools: [
      PLAYBOOK,
      "ip (iproute2)",
      "unshare (util-linux)",
      "script (bsdutils)",
      "systemctl (systemd)",
      "dpkg-deb (dpkg)",
    ],
  },
  () =>
    inFolder(async (folder) => {
      const network = await Network.create(1);
      const cluster = new Cluster({ place: network, count: 1 });
      try {
        await furnish(folder, cluster);
        const boot = new URL("boot.sh", import.meta.url).pathname;
        const apart = "unshare --mount --pid --uts --ipc --cgroup --fork --kill-child";
        const inside = [
          "script",
          "-qec",
          `${apart} ${boot} ${folder} ${UNITS}`,
          `${folder}/console`,
        ];
        const limited = ["timeout", "-k", "5", "540", ...network.wrap(1), ...inside];
        const { text } = await runTool(limited);
        const seen = await Deno.readTextFile(`${folder}/seen`).catch(() => text);
        // How many changes a run reports is Ansible's matter, apart from none and a dry run's.
        const lines = seen.trim().split("\n").map((line) =>
          /^(again|gone-again|deb-again|dry-priority|wrong) /.test(line)
            ? line
            : line.replace(/changed=[1-9]\d*/, "changed=N")
        );
        const plays = await plain(folder);
        assertEquals(lines.join("\n"), EXPECTED.trim(), `${seen}\n${plays}`);
        assertMatch(plays, /-P \(IF_HOST_PRIORITY\): 700 is not between 0 and 255/);
        const holders = cluster.server.model.history.map(({ holders }) => holders.length);
        assertEquals(
          holders.filter((count, at) => count !== holders[at - 1]),
          // The restart of a node without peers gives the address up; the reload does not.
          [1, 0, 1, 0, 1, 0],
          "first, restart, removal, package, removal",
        );
      } finally {
        await cluster.close();
        await network.close();
        // One of systemd's own control groups, in the shared hierarchy.
        await Deno.remove("/sys/fs/cgroup/systemd/init.scope").catch(() => {});
      }
    }),
);

/** What all runs printed. */
async function plain(folder: string): Promise<string> {
  const texts = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith("play-")) {
      texts.push(`${name}\n${await Deno.readTextFile(`${folder}/${name}`)}`);
    }
  }
  return texts.join("\n");
}

async function furnish(folder: string, { address, server, nodes }: Cluster): Promise<void> {
  const [node] = nodes;
  await put(`${folder}/root/etc/exoip-authority.pem`, CLOUD_AUTHORITY);
  await mustRun(["cp", "-rL", ROLES, `${folder}/ansible`]);
  await put(`${folder}/exoip`, "");
  await Deno.copyFile(BINARY, `${folder}/exoip`);
  const [sha256 = ""] = (await mustRun(["sha256sum", `${folder}/exoip`])).split(" ");
  const [deb = ""] = await packageAll(["--binary", BINARY, "--output", folder, "deb"]);
  const [sum = ""] = (await mustRun(["sha256sum", deb])).split(" ");
  const package_ = {
    exoip_install: "deb",
    exoip_url: `file:///out/${deb.replace(/.*\//, "")}`,
    exoip_checksum: `sha256:${sum}`,
  };
  await put(`${folder}/deb.json`, JSON.stringify(package_));
  const play = [{
    hosts: "all",
    gather_facts: false,
    serial: 1,
    roles: [{ role: "exoip" }],
  }];
  await put(`${folder}/play.yml`, JSON.stringify(play));
  const variables = {
    priority: 10,
    status: "127.0.0.1:9311",
    exoip_url: "file:///out/exoip",
    exoip_checksum: `sha256:${sha256}`,
    exoip_api_key: SIM_KEY,
    exoip_api_secret: SIM_SECRET,
    exoip_env: { IF_CA_FILE: "/etc/exoip-authority.pem" },
    exoip_options: {
      address: address.ip,
      endpoint: server.endpoint("v2"),
      instance: node?.instance.id,
      peers: [node?.instance.address],
      priority: "{{ priority | int }}",
      "listen-status": "{{ status }}",
    },
  };
  await put(`${folder}/vars.json`, JSON.stringify(variables));
  const alone = "[Unit]\nDefaultDependencies=no\n";
  const units = `${folder}/root/etc/systemd/system`;
  const log = "[Service]\nStandardOutput=append:/out/log\n";
  await put(`${units}/exoip.service.d/test.conf`, alone + log);
  await put(`${units}/test.target`, `${alone}Wants=probe.service\n`);
  const service = "[Service]\nType=oneshot\nExecStart=/bin/bash /out/probe.sh\n";
  const output = "StandardOutput=append:/out/seen\nStandardError=append:/out/seen\n";
  await put(`${units}/probe.service`, `${alone}${service}${output}`);
  await put(`${folder}/probe.sh`, PROBE.replaceAll("PYTHON", await python()));
}

/** The interpreter that has Ansible: the one that its command begins with. */
async function python(): Promise<string> {
  const path = (await mustRun(["sh", "-c", "command -v ansible-playbook"])).trim();
  const [, interpreter = "python3"] = /^#!(\S+)/.exec(await Deno.readTextFile(path)) ?? [];
  return interpreter;
}
