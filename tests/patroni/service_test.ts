// The service for the address for reading, made from the packaged one as docs/set-up/patroni.md shows.
import { assert, assertEquals } from "@std/assert";
import {
  inFolder,
  machineTest,
  mustRun,
  put,
  runTool,
  shipped,
} from "../packaging/requirements.ts";
import { pageBlock } from "./laboratory.ts";

machineTest(
  "the page's command makes a service of its own, with which systemd finds nothing wrong",
  { tools: ["systemd-analyze (systemd)"] },
  () =>
    inFolder(async (folder) => {
      await put(`${folder}/usr/bin/exoip`, "#!/bin/sh\n", 0o755);
      await put(`${folder}/bin/kill`, "#!/bin/sh\n", 0o755);
      await Deno.mkdir(`${folder}/usr/lib/systemd`, { recursive: true });
      await mustRun(["cp", "-a", "/usr/lib/systemd/system", `${folder}/usr/lib/systemd/`]);
      await Deno.symlink("usr/lib", `${folder}/lib`);
      const unit = await Deno.readTextFile(shipped("systemd/exoip.service"));
      await put(`${folder}/usr/lib/systemd/system/exoip.service`, unit);
      await Deno.mkdir(`${folder}/etc/systemd/system`, { recursive: true });

      const command = pageBlock("sh", "exoip-replica.service")
        .replaceAll("/usr/lib/systemd", `${folder}/usr/lib/systemd`)
        .replaceAll("/etc/systemd", `${folder}/etc/systemd`);
      await mustRun(["sh", "-ec", command]);
      const name = "exoip-replica.service";
      const made = await Deno.readTextFile(`${folder}/etc/systemd/system/${name}`);
      const verify = ["systemd-analyze", "verify", "--man=no", `--root=${folder}`, name];
      assertEquals((await runTool(verify)).text, "");
      // What the two services must not share.
      const own = unit.split("\n").filter((line) => /exoip\.env|Directory=exoip$/.test(line));
      assertEquals(own.length, 4);
      assert(!own.some((line) => made.split("\n").includes(line)), made);
    }),
);
