// exoip.service: checked by systemd's tools, and run by a real systemd with all restrictions.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseEnvFile } from "../../src/config/env_file.ts";
import { Cluster } from "../support/cluster.ts";
import { ENV_ROWS } from "../config/env_rows.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { Network } from "../netns/network.ts";
import { CLOUD_AUTHORITY } from "../support/tls/cloud_identity.ts";
import { inFolder, machineTest, put, runTool, shipped } from "./requirements.ts";
import { BOOT, boot, installService, UNIT, WATCHDOG_SECONDS } from "./systemd_machine.ts";

const ANALYZE = ["systemd-analyze (systemd)"];
/** Allowed exposure, in tenths. Source: systemd-analyze security, 0 is best and 100 worst. */
const EXPOSURE_MAX = 20;

machineTest(
  "systemd-analyze finds nothing wrong with exoip.service",
  { tools: ANALYZE },
  () =>
    inFolder(async (folder) => {
      await put(`${folder}/usr/bin/exoip`, "#!/bin/sh\n", 0o755);
      await put(`${folder}/bin/kill`, "#!/bin/sh\n", 0o755);
      await Deno.mkdir(`${folder}/usr/lib/systemd`, { recursive: true });
      await runTool(["cp", "-a", "/usr/lib/systemd/system", `${folder}/usr/lib/systemd/`]);
      await Deno.symlink("usr/lib", `${folder}/lib`);
      const unit = await Deno.readTextFile(shipped(UNIT));
      const verify = async (text: string) => {
        await put(`${folder}/etc/systemd/system/exoip.service`, text);
        const command = [
          "systemd-analyze",
          "verify",
          "--man=no",
          `--root=${folder}`,
          "exoip.service",
        ];
        return (await runTool(command)).text;
      };
      assertEquals(await verify(unit), "");
      assert(/ProtectHme/.test(await verify(unit.replace("ProtectHome", "ProtectHme"))));
    }),
);

machineTest(
  "exoip.service is exposed less than 2.0",
  { tools: ANALYZE },
  () =>
    inFolder(async (folder) => {
      const rate = async (text: string) => {
        await put(`${folder}/exoip.service`, text);
        const limit = `--threshold=${EXPOSURE_MAX}`;
        const what = ["security", "--offline=true", "--no-pager", limit, `${folder}/exoip.service`];
        return await runTool(["systemd-analyze", ...what]);
      };
      const unit = await Deno.readTextFile(shipped(UNIT));
      const { code, text } = await rate(unit);
      assertEquals(code, 0, text);
      assertMatch(text, /Overall exposure level for exoip.service: 1\.\d/);
      const open = await rate(unit.replace(/^(Protect|Private|System)/gm, "#$1"));
      assert(open.code !== 0, "the limit is one");
    }),
);

/** Commands that a person would type, with one line of answers each. `await` waits until the state is the wanted one. */
const PROBE = `
systemctl start environment
show() {
  systemctl show exoip -p ActiveState -p StatusText -p NRestarts -p Result | sort | paste -sd' '
}
await() {
  for try in $(seq 600); do
    show | grep -Eq "$1" && return
    sleep 0.1
  done
}
pid() { systemctl show exoip -p MainPID --value; }
# The status is told after READY; a process that was paused says "stalled" for a moment.
await '=master .alone.'
show
grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/$(pid)/status | paste -sd' '
await '=master .alone., .* is attached$'
show
sed -i 's/^IF_HOST_PRIORITY=.*/IF_HOST_PRIORITY=7/' /etc/exoip/exoip.env
systemctl reload exoip
for try in $(seq 600); do
  grep -q 'now in force' /out/log && break
  sleep 0.1
done
grep -c 'priority is now 7' /out/log
await '^ActiveState=active .*=master .alone.'
show
kill -STOP $(pid)
await '=active NRestarts=1 .* is attached$'
show
systemctl stop exoip
show
systemctl --force exit
sleep 9
`;

machineTest(
  "under a real systemd exoip.service is ready, reloaded, watched, restarted, and hands back",
  BOOT,
  () =>
    inFolder(async (folder) => {
      const network = await Network.create(1);
      const cluster = new Cluster({ place: network, count: 1 });
      try {
        await furnish(folder, cluster);
        const seen = await boot(folder, network);
        const [first, locks, held, priority, reloaded, again, ended] = seen.trim().split("\n");
        assertMatch(first ?? seen, /^ActiveState=active NRestarts=0 .*StatusText=master \(alone\)/);
        assertMatch(locks ?? seen, /CapBnd:\s0{16} NoNewPrivs:\s1 Seccomp:\s2/);
        assertMatch(held ?? seen, /StatusText=master \(alone\), [\d.]+ is attached$/);
        assertEquals(priority, "1", seen);
        assertMatch(
          reloaded ?? seen,
          /^ActiveState=active NRestarts=0 .*StatusText=master \(alone\)/,
        );
        assertMatch(
          again ?? seen,
          /^ActiveState=active NRestarts=1 Result=success .* is attached$/,
        );
        assertMatch(
          ended ?? seen,
          /^ActiveState=inactive NRestarts=1 Result=success .*\(leaving\)/,
        );
        assertStringIncludes(
          await Deno.readTextFile(`${folder}/console`),
          `Watchdog timeout (limit ${WATCHDOG_SECONDS}s)!`,
        );
        assertEquals(await environment(folder), parseEnvFile(rowsAsOne()).variables);
        const holders = cluster.server.model.history.map(({ holders }) => holders.length);
        assertEquals([...new Set(holders)], [1, 0], "attached, kept over the restart, detached");
      } finally {
        await cluster.close();
        await network.close();
      }
    }),
);

/** All rows in one file, each with unique names. */
function rowsAsOne(): string {
  return ENV_ROWS.map(([text], row) =>
    text.replace(/^( *)([A-Z])(?= ?=)/gm, `$1ROW${row}_$2`) + "\n"
  )
    .join("");
}

/** The environment that systemd made from it. */
async function environment(folder: string): Promise<Record<string, string>> {
  const text = await Deno.readTextFile(`${folder}/environment`);
  const variables = text.split("\0").filter((variable) => variable.startsWith("ROW"));
  return Object.fromEntries(variables.map((variable) => {
    const equals = variable.indexOf("=");
    return [variable.slice(0, equals), variable.slice(equals + 1)];
  }));
}

async function furnish(folder: string, { address, server, nodes }: Cluster): Promise<void> {
  const [node] = nodes;
  const root = `${folder}/root`;
  await put(`${root}/etc/exoip/secret`, `${SIM_SECRET}\n`, 0o600);
  await put(`${root}/etc/exoip/authority.pem`, CLOUD_AUTHORITY);
  const variables = [
    `IF_ADDRESS=${address.ip}`,
    `IF_EXOSCALE_API_KEY=${SIM_KEY}`,
    `IF_EXOSCALE_API_ENDPOINT=${server.endpoint("v2")}`,
    "IF_CA_FILE=/etc/exoip/authority.pem",
    `IF_EXOSCALE_INSTANCE_ID=${node?.instance.id}`,
    `IF_EXOSCALE_PEERS=${node?.instance.address}`,
    "IF_HOST_PRIORITY=10",
    "",
  ];
  await put(`${root}/etc/exoip/exoip.env`, variables.join("\n"));
  await installService(folder, PROBE);
  await put(`${folder}/rows.env`, rowsAsOne());
  const env = "EnvironmentFile=/out/rows.env\nExecStart=/usr/bin/env -0\n";
  const file = "StandardOutput=file:/out/environment\n";
  const unit = `[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\n${env}${file}`;
  await put(`${folder}/units/environment.service`, unit);
}
