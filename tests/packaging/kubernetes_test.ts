// The Kubernetes manifest, against the published schemas.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { OPTIONS } from "../../src/options/all.ts";
import { VERSION } from "../../src/version.ts";
import { inFolder, machineTest, put, runTool, shipped } from "./requirements.ts";

const MANIFEST = "kubernetes/exoip.yaml";
const TOOLS = { tools: ["kubernetes-validate (kubernetes-validate of PyPI)"] };

machineTest(
  "the Kubernetes manifest has nothing that its schema does not know",
  TOOLS,
  () =>
    inFolder(async (folder) => {
      const text = await Deno.readTextFile(shipped(MANIFEST));
      const validate = async (manifest: string, version: string) => {
        await put(`${folder}/exoip.yaml`, manifest);
        const command = ["kubernetes-validate", "--strict", "-k", version, `${folder}/exoip.yaml`];
        return await runTool(command);
      };
      for (const version of ["1.29", "1.37"]) {
        const { code, text: said } = await validate(text, version);
        assertEquals(code, 0, said);
        for (const kind of ["namespace", "secret", "configmap", "daemonset"]) {
          assertMatch(said, new RegExp(`passed for resource ${kind}/exoip`));
        }
      }
      const mistakes = [
        [/hostNetwork: true/, "hostNetwok: true"],
        [/periodSeconds: 10/, "periodSeconds: often"],
        [/ +key: api-key\n/, ""],
      ] as const;
      for (const [what, mistake] of mistakes) {
        const { code } = await validate(text.replace(what, mistake), "1.37");
        assert(code !== 0, `${mistake}: the schema is one`);
      }
    }),
);

Deno.test("the Kubernetes manifest uses options that there are, and this version", async () => {
  const text = await Deno.readTextFile(shipped(MANIFEST));
  const known = new Set(OPTIONS.flatMap(({ variables }) => variables));
  const used = [...text.matchAll(/\bIF_\w+/g)].map(([name]) => name);
  assert(used.length >= 6);
  assertEquals(used.filter((name) => !known.has(name)), []);
  assert(text.includes(`/exoip:${VERSION} `), "the image is the one of this version");
  const options = [...text.matchAll(/"(--?[a-zA-Z-]+)"/g)].map(([, flag = ""]) => flag);
  const names = OPTIONS.map(({ name }) => name);
  assert(
    options.filter((flag) => flag !== "-c").every((flag) =>
      names.includes(flag.replace(/^-+/, ""))
    ),
  );
});

Deno.test("every container of the Kubernetes manifest is of exoip's own image", async () => {
  const text = await Deno.readTextFile(shipped(MANIFEST));
  const images = [...text.matchAll(/^ +(?:- )?image: (.*)$/gm)].map(([, image]) => image);
  const own = `registry.example.com/exoip:${VERSION} # change me`;
  assertEquals(images, [own, own]);
});

machineTest(
  "the init container's command puts the address on the node, with the node's files, once and again",
  { root: true, tools: ["unshare", "mount", "chroot", "ip"] },
  () =>
    inFolder(async (folder) => {
      const text = await Deno.readTextFile(shipped(MANIFEST));
      const [, list = ""] = /command: (\[.*\])/.exec(text) ?? [];
      const command: string[] = JSON.parse(list);
      // Only what the manifest mounts exists, as in an image from scratch.
      const mounts = [...text.matchAll(/\{ name: (node-\w+), mountPath: (\S+), readOnly: true \}/g)]
        .map(([, name = "", path = ""]) => {
          assert(text.includes(`name: ${name}, hostPath: { path: ${path}, type: Directory }`));
          return `mkdir -p "$0${path}" && mount --bind ${path} "$0${path}" && ` +
            `mount -o remount,bind,ro "$0${path}"`;
        });
      assertEquals(mounts.length, 4);
      for (const [address, shown] of [["198.51.100.50", "/32"], ["2001:db8::50", "/128"]]) {
        const said = command.map((word) => word.replace("$(IF_ADDRESS)", address ?? ""));
        const run = `chroot "$0" ${said.map((word) => `'${word}'`).join(" ")}`;
        const script = ["ip link set lo up", ...mounts, run, run, "ip -o address show dev lo"];
        const { code, text: shows } = await runTool(
          ["unshare", "--net", "--mount", "sh", "-c", script.join(" && "), folder],
        );
        assertEquals(code, 0, shows);
        const lines = shows.split("\n").filter((line) => line.includes(`${address}${shown} `));
        assertEquals(lines.length, 1, shows);
      }
    }),
);

Deno.test("the probes of the Kubernetes manifest ask where the watchdog answers", async () => {
  const text = await Deno.readTextFile(shipped(MANIFEST));
  const listen = /IF_LISTEN_STATUS: ":(\d+)"/.exec(text)?.[1];
  const probes = [...text.matchAll(/httpGet: \{ host: 127\.0\.0\.1, port: (\d+), path: (\S+) \}/g)];
  assertEquals(probes.map(([, port]) => port), [listen, listen, listen]);
  assertEquals(probes.map(([, , path]) => path), ["/healthz", "/readyz", "/healthz"]);
  assertEquals([...text.matchAll(/Probe:/g)].length, 3);
});
