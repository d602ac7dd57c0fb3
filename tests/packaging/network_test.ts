// The Elastic IP on the loopback interface, for netplan and for systemd-networkd.
import { assert, assertEquals } from "@std/assert";
import { inFolder, machineTest, put, runTool, shipped } from "./requirements.ts";

const NETPLAN = { tools: ["netplan (netplan.io)"] };

/** The result of netplan for a file: its output, and the lines of the loopback interface's unit. */
async function generate(folder: string, text: string): Promise<{ said: string; unit: string[] }> {
  await put(`${folder}/etc/netplan/51-exoip.yaml`, text);
  await Deno.chmod(`${folder}/etc/netplan/51-exoip.yaml`, 0o600);
  const { text: said } = await runTool(["netplan", "generate", "--root-dir", folder]);
  const path = `${folder}/run/systemd/network/10-netplan-lo.network`;
  const unit = await Deno.readTextFile(path).catch(() => "");
  return { said, unit: linesOf(unit) };
}

function linesOf(unit: string): string[] {
  return unit.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

machineTest(
  "netplan puts the Elastic IP on the loopback interface",
  NETPLAN,
  () =>
    inFolder(async (folder) => {
      const text = await Deno.readTextFile(shipped("network/51-exoip.yaml"));
      const { said, unit } = await generate(folder, text);
      assertEquals(said, "");
      assert(
        unit.includes("Name=lo") && unit.includes("Address=198.51.100.50/32"),
        unit.join("\n"),
      );
      const wrong = await generate(folder, text.replace("/32", "/33"));
      assert(/invalid prefix length/.test(wrong.said), wrong.said);
    }),
);

machineTest(
  "our unit for systemd-networkd says what netplan's does",
  NETPLAN,
  () =>
    inFolder(async (folder) => {
      const text = await Deno.readTextFile(shipped("network/51-exoip.yaml"));
      const { unit } = await generate(folder, text);
      const ours = linesOf(await Deno.readTextFile(shipped("network/51-exoip.network")));
      const ofItsOwn = ["LinkLocalAddressing=ipv6"];
      assertEquals(ours, unit.filter((line) => !ofItsOwn.includes(line)));
    }),
);
