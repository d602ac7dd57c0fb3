// A machine with a real systemd as its first process, which runs exoip.service and a script, and ends with the script.
import type { Network } from "../netns/network.ts";
import { BINARY, type Needs, put, runTool, shipped } from "./requirements.ts";

/** Requirements of such a machine. */
export const BOOT: Needs = {
  root: true,
  binary: true,
  tools: ["ip (iproute2)", "unshare (util-linux)", "script (bsdutils)", "systemctl (systemd)"],
};
export const UNIT = "systemd/exoip.service";
/** The unit says 30 s. The program shows life twice within this time, and may be paused for a few seconds in between. */
export const WATCHDOG_SECONDS = 15;

/**
 * Puts program and unit into the folder, where `boot` looks for them, and a script that systemd runs when the service is
 * ready. The service writes into FOLDER/log, and the script, whose last command must end systemd, into FOLDER/seen.
 */
export async function installService(folder: string, script: string): Promise<void> {
  const program = `${folder}/root/usr/bin/exoip`;
  await put(program, "");
  await Deno.copyFile(BINARY, program);
  const alone = "[Unit]\nDefaultDependencies=no\n", units = `${folder}/units`;
  await put(`${units}/exoip.service`, await Deno.readTextFile(shipped(UNIT)));
  const quick =
    `[Service]\nWatchdogSec=${WATCHDOG_SECONDS}\nRestartSec=0\nStandardOutput=append:/out/log\n`;
  await put(`${units}/exoip.service.d/quick.conf`, alone + quick);
  await put(`${units}/test.target`, `${alone}Wants=exoip.service probe.service\n`);
  const service = "[Service]\nType=oneshot\nExecStart=/bin/bash /out/probe.sh\n";
  const output = "StandardOutput=append:/out/seen\nStandardError=append:/out/seen\n";
  await put(`${units}/probe.service`, `${alone}After=exoip.service\n${service}${output}`);
  await put(`${folder}/probe.sh`, script);
}

/** Starts the machine as node 1 of a network; resolves at its end to what the script has written. */
export async function boot(folder: string, network: Network): Promise<string> {
  const first = new URL("boot.sh", import.meta.url).pathname;
  const apart = "unshare --mount --pid --uts --ipc --cgroup --fork --kill-child";
  const inside = ["script", "-qec", `${apart} ${first} ${folder}`, `${folder}/console`];
  try {
    const limit = ["timeout", "-k", "5", "300"];
    const { text } = await runTool([...limit, ...network.wrap(1), ...inside]);
    return await Deno.readTextFile(`${folder}/seen`).catch(() => text);
  } finally {
    // One of systemd's own control groups, in the shared hierarchy.
    await Deno.remove("/sys/fs/cgroup/systemd/init.scope").catch(() => {});
  }
}
