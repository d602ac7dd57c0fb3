// The image for linux-arm64: its content, and its program with the image's own loader and libraries.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { platformOf, VERSION } from "../../scripts/release/targets.ts";
import { Archives, run as output } from "../image/archive.ts";
import { whyNoContainers } from "../image/requirements.ts";
import { Container } from "../image/runc.ts";
import {
  ARM64,
  arm64Test,
  BINARY,
  emulator,
  head,
  QEMU,
  qemuPath,
  run,
  SYSROOT,
} from "./emulated.ts";

const ID = "2f8f5c6a-7d0e-4b52-9d3c-6a3f0f1f7a11";
/** The files that the program needs, as links are not in the image. */
const LIBRARIES = /^lib\/(ld-linux-aarch64|aarch64-linux-gnu\/lib\w+)\.so\.\d+$/;
const VERSION_LINE = new RegExp(`^exoip ${VERSION.replaceAll(".", "\\.")} \\(commit .+\\)$`);

function makeArchives(): Promise<Archives> {
  return Archives.make(BINARY, {}, { target: ARM64, sysroot: SYSROOT });
}

arm64Test("arm64: the image is for arm64, and so is everything in it", async () => {
  await using archives = await makeArchives();
  const image = await archives.unpack(archives.image, "image");
  const read = async (path: string) => JSON.parse(await Deno.readTextFile(`${image}/${path}`));
  const blob = ({ digest }: { digest: string }) => read(`blobs/${digest.replace(":", "/")}`);
  const [entry] = (await read("index.json")).manifests;
  const { architecture, os, config } = await blob((await blob(entry)).config);
  assertEquals([os, architecture, config.Entrypoint], ["linux", "arm64", ["/exoip"]]);
  if (entry.platform) assertEquals(entry.platform.architecture, "arm64");

  const rootfs = await archives.unpack(archives.rootfs, "rootfs");
  const paths = (await output("find", [rootfs, "-type", "f", "-size", "+0", "-printf", "%P\n"]))
    .split("\n").sort();
  assertEquals(paths.filter((path) => path !== "exoip" && !LIBRARIES.test(path)), []);
  assert(paths.some((path) => path.endsWith("/libc.so.6")), paths.join());
  for (const path of paths) {
    assertEquals(platformOf(head(`${rootfs}/${path}`)), "linux-arm64", path);
  }
});

arm64Test(
  "arm64: the program runs on the image's loader and libraries, and needs them",
  async () => {
    await using archives = await makeArchives();
    const root = await archives.unpack(archives.rootfs, "rootfs");
    // The binary itself comes from the image, too.
    const [program = "", ...args] = [...emulator(root), `${root}/exoip`, "-version"];
    assertMatch(await output(program, args), VERSION_LINE);
    assertEquals((await run(["-version"], { root })).code, 0);
    await Deno.remove(`${root}/lib/aarch64-linux-gnu/libgcc_s.so.1`);
    const { code, output: said } = await run(["-version"], { root });
    assert(emulator(root).length === 0 || (code !== 0 && /libgcc_s/.test(said)), said);
  },
);

arm64Test(
  "arm64: the program runs in a container, without rights",
  async () => {
    await using archives = await makeArchives();
    const rootfs = await archives.unpack(archives.rootfs, "rootfs");
    // The emulator is one static program. In the container it finds the loader where the image has it.
    const qemu = qemuPath();
    const emulated = emulator(rootfs).length > 0 && qemu !== null;
    if (emulated) await Deno.copyFile(qemu, `${rootfs}/${QEMU}`);
    const program = emulated ? [`/${QEMU}`, "/exoip"] : ["/exoip"];
    for (
      const [args, wanted] of [
        [["-version"], VERSION_LINE],
        [["-W", "-n", "-xi", "198.51.100.50", "-p", "192.0.2.1", "-i", ID], /valid/],
      ] as const
    ) {
      const container = await Container.start({
        rootfs,
        program,
        args,
        env: { IF_EXOSCALE_API_KEY: "EXOkey", IF_EXOSCALE_API_SECRET: "secret" },
      });
      try {
        assertEquals(await container.ended(), 0, container.output);
        assertMatch(container.output, wanted);
      } finally {
        await container.remove();
      }
    }
  },
  await whyNoContainers(),
);
