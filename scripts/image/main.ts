// Makes, without Docker, what runs exoip where there is nothing else:
//
//   dist/exoip-VERSION-linux-ARCH-rootfs.tar.gz   a root file system, for FROM scratch and linuxkit
//   dist/exoip-VERSION-linux-ARCH-image.tar       the same as a loadable image NAME:VERSION
//
// Inside are the binary that `deno task compile` has made, the loader and the libraries that it asks for, taken
// from --sysroot (this machine), and empty mount points. The same files in give the same bytes out; SOURCE_DATE_EPOCH
// sets their time stamp.
import { messageOf } from "../../src/core/message_of.ts";
import { systemFiles } from "./libraries.ts";
import { ociArchive } from "./oci.ts";
import { type Entry, gzip, tar } from "./tar.ts";
import { replaceFile } from "../release/files.ts";
import { sourceDateEpoch } from "../release/stage.ts";
import { toolOptions } from "../dev/tool_options.ts";
import { writeSums } from "../release/sums.ts";
import {
  binaryName,
  findTarget,
  hostTarget,
  platformOf,
  type Target,
  targetName,
  VERSION,
} from "../release/targets.ts";

const USAGE = `Makes a root file system and an image of the binary in dist, without Docker.

  deno task image [--target NAME] [--sysroot DIR] [--name NAME]

  --target NAME  linux-x64 or linux-arm64 (default: this machine's)
  --sysroot DIR  where such a system's loader and libraries are (default: /)
  --name NAME    name of the image (default: exoip)

SOURCE_DATE_EPOCH sets the time stamp of the files.`;

/** `nobody` everywhere. A number needs no /etc/passwd. */
const USER = 65534;
/** Container runtimes mount here (secrets in /run); on a read-only root the folders must exist. */
const MOUNT_POINTS = ["dev", "proc", "run", "sys"];
/** Labels of the image. linuxkit reads its defaults from the last one, and ignores the image's user. */
const LABELS = {
  "org.opencontainers.image.title": "exoip",
  "org.opencontainers.image.description": "IP failover with an Exoscale Elastic IP",
  "org.opencontainers.image.version": VERSION,
  "org.opencontainers.image.licenses":
    "Apache-2.0 AND MIT AND BSD-3-Clause AND LGPL-2.1-or-later AND GPL-3.0-or-later WITH GCC-exception-3.1",
  "org.mobyproject.config": JSON.stringify({
    readonly: true,
    capabilities: [],
    uid: USER,
    gid: USER,
    noNewPrivileges: true,
    binds: ["/etc/resolv.conf:/etc/resolv.conf"],
  }),
};

/** The content of the image. */
async function rootFileSystem(
  program: Uint8Array<ArrayBuffer>,
  sysroot: string,
): Promise<Entry[]> {
  const system = await systemFiles(program, sysroot.replace(/\/+$/, ""));
  return [
    { path: "exoip", bytes: program, mode: 0o755 },
    ...system.map(({ path, bytes }) => ({ path: path.slice(1), bytes, mode: 0o755 })),
    // Empty files, over which runtimes mount the real ones.
    ...["etc/hosts", "etc/resolv.conf"].map((path) => ({ path, bytes: new Uint8Array() })),
    ...MOUNT_POINTS.map((path) => ({ path })),
  ];
}

/** Builds both files. */
async function makeImage(
  target: Target,
  { sysroot, name }: { sysroot: string; name: string },
): Promise<void> {
  const binary = `dist/${binaryName(target)}`;
  const program = await Deno.readFile(binary).catch(() => {
    throw new Error(`${binary} is not there: deno task compile --target ${targetName(target)}`);
  });
  const platform = platformOf(program);
  if (platform !== targetName(target)) throw new Error(`${binary} is a program for ${platform}`);
  const seconds = sourceDateEpoch() ?? 0;
  const entries = await rootFileSystem(program, sysroot);
  for (const { path, bytes } of entries) if (bytes) console.log(`${bytes.length}\t/${path}`);
  const plain = tar(entries, seconds);
  const compressed = await gzip(plain);
  await replaceFile(`dist/exoip-${VERSION}-${targetName(target)}-rootfs.tar.gz`, compressed);
  const { archive, digest } = await ociArchive({ plain, compressed }, {
    name: `${name}:${VERSION}`,
    tag: VERSION,
    architecture: target.arch === "x64" ? "amd64" : "arm64",
    user: `${USER}:${USER}`,
    entrypoint: ["/exoip"],
    labels: LABELS,
    createdAtSeconds: seconds,
  });
  await replaceFile(`dist/exoip-${VERSION}-${targetName(target)}-image.tar`, archive);
  console.log(`${name}:${VERSION} ${digest}`);
  console.log((await writeSums()).join("\n"));
}

const options = toolOptions("image", { usage: USAGE, texts: ["target", "sysroot", "name"] });
try {
  const host = hostTarget();
  const target = options.target ? findTarget(options.target) : host;
  if (target?.os !== "linux") throw new Error("an image is for linux-x64 or linux-arm64: --target");
  if (target !== host && !options.sysroot) {
    throw new Error(
      `for ${
        targetName(target)
      } the loader and libraries of such a system are needed: --sysroot DIR`,
    );
  }
  const name = options.name ?? "exoip";
  if (!/^[a-z0-9]+(?:[._/:-][a-z0-9]+)*$/.test(name)) {
    throw new Error(`--name: found ${JSON.stringify(name)}, wanted one such as exoip`);
  }
  await makeImage(target, { sysroot: options.sysroot ?? "/", name });
} catch (error) {
  console.error(messageOf(error));
  Deno.exitCode = 1;
}
