// The content of the archives, and that the same input gives the same output.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { sha256 } from "../../scripts/release/files.ts";
import { VERSION } from "../../scripts/release/targets.ts";
import { Archives, run } from "./archive.ts";
import { imageTest } from "./requirements.ts";

/** Sum of a file. */
async function sum(path: string): Promise<string> {
  return await sha256(await Deno.readFile(path));
}

imageTest("the same binary gives the same root file system and the same image", async (binary) => {
  await using first = await Archives.make(binary, { TZ: "UTC" });
  await using second = await Archives.make(binary, { TZ: "Asia/Tokyo", LC_ALL: "C" });
  assertEquals(await sum(first.rootfs), await sum(second.rootfs));
  assertEquals(await sum(first.image), await sum(second.image));
  await using later = await Archives.make(binary, { SOURCE_DATE_EPOCH: "1700000000" });
  assert(await sum(first.image) !== await sum(later.image), "the time stamp is the one given");
});

imageTest(
  "the root file system has the binary, what its loader asks for, and nothing else",
  async (binary) => {
    await using archives = await Archives.make(binary);
    const inPeerList = (await run("tar", ["-tzf", archives.rootfs])).split("\n");
    const files = inPeerList.filter((path) => !path.endsWith("/")).map((path) => `/${path}`);
    // The loader itself lists what it loads; the part from the kernel is not a file.
    const loaded = (await run("ldd", [binary])).split("\n").map((line) =>
      /(\/\S+) \(0x/.exec(line)?.[1]
    ).filter((path) => path !== undefined);
    const ours = ["/etc/hosts", "/etc/resolv.conf", "/exoip"];
    assertEquals(files.sort(), [...ours, ...loaded].sort());
    const folders = inPeerList.filter((path) => path.endsWith("/"));
    assertEquals(["dev/", "proc/", "run/", "sys/"].filter((path) => !folders.includes(path)), []);
    const owners = await run("tar", ["--numeric-owner", "-tvzf", archives.rootfs]);
    for (const line of owners.split("\n")) assertStringIncludes(line, " 0/0 ");
  },
);

imageTest(
  "the image is one layer, named by the version, for an unprivileged user",
  async (binary) => {
    await using archives = await Archives.make(binary);
    const folder = await archives.unpack(archives.image, "image");
    const read = async (path: string) => JSON.parse(await Deno.readTextFile(`${folder}/${path}`));
    const blob = async ({ digest, size }: { digest: string; size: number }) => {
      const path = `blobs/${digest.replace(":", "/")}`;
      assertEquals(`sha256:${await sum(`${folder}/${path}`)}`, digest);
      assertEquals((await Deno.stat(`${folder}/${path}`)).size, size);
      return path;
    };
    assertEquals(await read("oci-layout"), { imageLayoutVersion: "1.0.0" });
    const [entry] = (await read("index.json")).manifests;
    assertEquals(entry.annotations["org.opencontainers.image.ref.name"], VERSION);
    const manifest = await read(await blob(entry));
    assertEquals(manifest.layers.length, 1);
    const [layer] = manifest.layers;
    assertEquals(await sum(`${folder}/${await blob(layer)}`), await sum(archives.rootfs));
    const configPath = await blob(manifest.config);
    const { config, rootfs, architecture } = await read(configPath);
    assertEquals(architecture, Deno.build.arch === "x86_64" ? "amd64" : "arm64");
    assertEquals(config.User, "65534:65534");
    assertEquals(config.Entrypoint, ["/exoip"]);
    assertEquals(config.Labels["org.opencontainers.image.version"], VERSION);
    const linuxkit = JSON.parse(config.Labels["org.mobyproject.config"]);
    assertEquals([linuxkit.readonly, linuxkit.uid, linuxkit.capabilities], [true, 65534, []]);
    assertEquals(rootfs.diff_ids, [`sha256:${await plainSum(archives.rootfs)}`]);
    const [docker] = await read("manifest.json");
    assertEquals(docker.RepoTags, [`exoip:${VERSION}`]);
    assertEquals(docker.Config, configPath);
  },
);

imageTest("skopeo takes the image as an OCI and as a Docker archive", async (binary) => {
  await using archives = await Archives.make(binary);
  const copies = [];
  for (const [kind, name] of [["oci", VERSION], ["docker", `exoip:${VERSION}`]]) {
    const source = `${kind}-archive:${archives.image}:${name}`;
    const to = `${archives.folder}/${kind}`;
    await run("skopeo", ["copy", "--quiet", "--insecure-policy", source, `dir:${to}`]);
    const { config } = JSON.parse(await Deno.readTextFile(`${to}/manifest.json`));
    copies.push(config.digest);
  }
  assertEquals(copies[0], copies[1], "both readers see the same image");
}, { needs: ["skopeo"] });

/** Sum of the uncompressed content. */
async function plainSum(path: string): Promise<string> {
  const file = await Deno.open(path);
  const plain = file.readable.pipeThrough(new DecompressionStream("gzip"));
  return await sha256(new Uint8Array(await new Response(plain).arrayBuffer()));
}
