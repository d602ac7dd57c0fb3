// Builds a Debian package with dpkg-deb.
import { type Build, entries, layOut, run } from "./contents.ts";

/** The processor, as Debian calls it. */
const ARCHITECTURE = { x86_64: "amd64", aarch64: "arm64" } as const;

/** True where a service manager runs: not in a container or while building an image. */
const RUNS = "[ -d /run/systemd/system ]";

/** Scripts by dpkg's names. None enables the service: without a configuration it cannot run. */
const SCRIPTS: Readonly<Record<string, string>> = {
  postinst: `if [ "$1" = configure ] && ${RUNS}; then
  systemctl daemon-reload
  # The address stays while the new version takes over, on this machine or on a peer.
  if [ -n "$2" ]; then systemctl try-restart exoip.service || true; fi
fi`,
  prerm: `if [ "$1" = remove ]; then
  if ${RUNS}; then systemctl stop exoip.service || true; fi
  if command -v systemctl >/dev/null; then systemctl -q --no-reload disable exoip.service || true; fi
fi`,
  postrm: `if [ "$1" = purge ]; then rm -rf /etc/exoip; fi
if [ "$1" = remove ] && ${RUNS}; then systemctl daemon-reload; fi`,
};

/** Builds the package; returns its path. */
export async function buildDeb(build: Build): Promise<string> {
  const { output, epoch } = build;
  const tree = await entries(build, "deb");
  const version = build.version.replaceAll("-", "~");
  const path = `${output}/exoip_${version}_${ARCHITECTURE[build.arch]}.deb`;
  const folder = await Deno.makeTempDir({ prefix: "exoip-deb-" });
  try {
    await Deno.chmod(folder, 0o755);
    await layOut(tree, folder);
    await Deno.mkdir(`${folder}/DEBIAN`, { mode: 0o755 });
    const bytes = await sizeOf(folder);
    await Deno.writeTextFile(`${folder}/DEBIAN/control`, control(build, { version, bytes }));
    const kept = tree.filter(({ configuration }) => configuration).map(({ path }) => `${path}\n`);
    await Deno.writeTextFile(`${folder}/DEBIAN/conffiles`, kept.join(""));
    for (const [name, body] of Object.entries(SCRIPTS)) {
      const script = `${folder}/DEBIAN/${name}`;
      await Deno.writeTextFile(script, `#!/bin/sh\nset -e\n${body}\n`);
      await Deno.chmod(script, 0o755);
    }
    // xz -1: as small as gzip's best, in a tenth of the time of xz's best.
    const command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", folder, path];
    await run(command, { SOURCE_DATE_EPOCH: `${epoch}` });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return path;
}

function control({ arch }: Build, { version, bytes }: { version: string; bytes: number }): string {
  return `Package: exoip
Version: ${version}
Architecture: ${ARCHITECTURE[arch]}
Maintainer: The exoip maintainers <maintainers@exoip.invalid>
Installed-Size: ${Math.ceil(bytes / 1_024)}
Depends: libc6 (>= 2.31), libgcc-s1
Recommends: ca-certificates
Section: net
Priority: optional
Description: keep an Exoscale Elastic IP on a live machine
 Several machines share one Elastic IP. Their watchdogs send small UDP
 heartbeats to each other, decide who is best, and make the cloud agree: the
 Elastic IP is attached to the best live machine and taken from the dead.
`;
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    bytes += isDirectory ? await sizeOf(path) : (await Deno.stat(path)).size;
  }
  return bytes;
}
