// cloud-init user data: valid, complete, and strict about the checksum of the package.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { packageAll } from "../../scripts/package/main.ts";
import { type Setup, userData } from "../../scripts/package/user_data.ts";
import { onCopy } from "./copy.ts";
import { inFolder, machineTest, mustRun, put, runTool } from "./requirements.ts";

const SETUP: Setup = {
  world: "netplan",
  address: "198.51.100.77",
  peerGroup: "load balancers",
  apiKey: "EXOkey",
  apiSecret: "LZabc+/=",
  priority: "20",
  url: "file:///out/exoip.deb",
  sha256: "a".repeat(64),
};
const WORLDS = ["netplan", "ifupdown"] as const;

/**
 * Writes the files of the user data and runs its commands on a copy of this machine; `ifup` and similar commands only
 * print.
 */
const APPLY = `
cat >/out/apply.py <<'PYTHON'
import os, subprocess, yaml
data = yaml.safe_load(open("/out/user-data"))
for each in data["write_files"]:
    os.makedirs(os.path.dirname(each["path"]), exist_ok=True)
    open(each["path"], "w").write(each["content"])
    os.chmod(each["path"], int(each["permissions"], 8))
raise SystemExit(subprocess.call(data["runcmd"][0], shell=True))
PYTHON
mkdir /stubs
for tool in netplan systemctl ifup; do
  printf '#!/bin/sh\\necho "%s $*"\\n' $tool >/stubs/$tool
  chmod +x /stubs/$tool
done
export PATH=/stubs:$PATH
rm -rf /etc/exoip /run/systemd
python3 /out/apply.py && code=0 || code=$?
echo "code $code"
exoip 2>/dev/null || echo "not installed"
`;

for (const world of WORLDS) {
  machineTest(
    `the user data for ${world} is valid`,
    { tools: ["cloud-init (cloud-init)"] },
    () =>
      inFolder(async (folder) => {
        const check = async (text: string) => {
          await put(`${folder}/user-data`, text);
          return await runTool(["cloud-init", "schema", "--config-file", `${folder}/user-data`]);
        };
        const good = await check(userData({ ...SETUP, world }));
        assert(good.code === 0 && /Valid/.test(good.text), good.text);
        const bad = await check(userData({ ...SETUP, world }).replace("runcmd:\n- ", "runcmd: "));
        assert(bad.code !== 0, "its schema is one");
      }),
  );

  machineTest(
    `the user data for ${world} installs the package that has its checksum, and no other`,
    {
      root: true,
      tools: ["dpkg-deb (dpkg)", "curl (curl)", "unshare (util-linux)", "python3 (python3)"],
    },
    () =>
      inFolder(async (folder) => {
        await put(`${folder}/stub`, "#!/bin/sh\necho installed\n", 0o755);
        const args = ["--binary", `${folder}/stub`, "--output", folder, "deb"];
        const [path = ""] = await packageAll(args);
        await Deno.rename(path, `${folder}/exoip.deb`);
        const [sha256 = ""] = (await mustRun(["sha256sum", `${folder}/exoip.deb`])).split(" ");
        await Deno.writeTextFile(`${folder}/user-data`, userData({ ...SETUP, world, sha256 }));
        const start = world === "netplan"
          ? ["netplan apply", "systemctl enable --now exoip.service"]
          : ["ifup lo:1"];
        const files = world === "netplan"
          ? ["/etc/exoip/exoip.env", "/etc/netplan/51-exoip.yaml"]
          : ["/etc/network/interfaces.d/51-exoip.cfg"];
        const look = `cat ${files.join(" ")}; stat -c '%a' /etc/exoip/secret ${files.join(" ")}`;
        const said = await onCopy(folder, APPLY + look);
        const expected = [...start, "code 0", "installed"].join("\n");
        assert(said.includes(expected), said);
        assert(said.includes("198.51.100.77") && said.includes("load balancers"), said);
        assert(/^600$/m.test(said), "the secret is root's alone");

        await Deno.writeTextFile(`${folder}/exoip.deb`, "\n", { append: true });
        const refused = await onCopy(folder, APPLY);
        assert(/code [1-9]\d*\nnot installed/.test(refused), refused);
        assert(!start.some((line) => refused.includes(line)), "nothing is started");
        await Deno.remove(`${folder}/exoip.deb`);
        assert(/code [1-9]\d*\nnot installed/.test(await onCopy(folder, APPLY)));
      }),
  );
}

Deno.test("userData() takes plain values only", () => {
  const wrong: Partial<Setup>[] = [
    { sha256: "" },
    { sha256: "A".repeat(64) },
    { peerGroup: "a\nruncmd: [reboot]" },
    { apiKey: '"' },
    { url: "https://x/$(reboot)" },
    { url: "https://x/'; reboot; '" },
    { url: "--output=/etc/cron.d/x" },
    { url: "file://host/x" },
    { url: "ftp://x/y" },
    { url: "https://x/a b" },
    { url: "https://-o/x" },
    { address: "1.2.3.4: x" },
    { address: "1.2.3.4.5" },
    { address: "1.2.3" },
    { address: "256.2.3.4" },
    { address: "1.2.3.4/8" },
    { address: "1.2.3.4\n" },
    { address: "-h" },
    { peerGroup: " a" },
    { peerGroup: "-a" },
    { peerGroup: "a: b" },
    { peerGroup: "a/b" },
    { apiKey: "--key" },
    { apiKey: "EXO a" },
    { apiSecret: "a b" },
    { apiSecret: "-s" },
    { priority: "256" },
    { priority: "1e1" },
    { priority: "" },
    { world: "netplan\n" as Setup["world"] },
  ];
  for (const values of wrong) {
    assertThrows(() => userData({ ...SETUP, ...values }), Error, Object.keys(values)[0]);
  }
  for (const world of WORLDS) {
    assertEquals(userData({ ...SETUP, world }).split("\n")[0], "#cloud-config");
    // Without a group, the cloud tells who the peers are.
    assert(!/peer.group/i.test(userData({ ...SETUP, world, peerGroup: "" })));
  }
});

Deno.test("the command that makes user data says what is missing", async () => {
  const script = new URL("../../scripts/package/user_data.ts", import.meta.url).pathname;
  const run = (...args: string[]) =>
    mustRun([Deno.execPath(), "run", "--quiet", "--allow-read", script, ...args]);
  await assertRejects(() => run(), Error, "begin with netplan or ifupdown");
  await assertRejects(
    () => run("netplan", "address=198.51.100.1"),
    Error,
    "api-key=... is missing",
  );
});
