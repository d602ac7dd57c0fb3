// Builds an RPM package with rpmbuild, from the finished tree.
import { type Build, entries, type Entry, layOut, run } from "./contents.ts";

/** True where a service manager runs. */
const RUNS = "[ -d /run/systemd/system ]";

/** Builds the package; returns its path. */
export async function buildRpm(build: Build): Promise<string> {
  const tree = await entries(build, "rpm");
  const version = build.version.replaceAll("-", "~");
  const top = await Deno.makeTempDir({ prefix: "exoip-rpm-" });
  try {
    await layOut(tree, `${top}/tree`);
    const spec = `${top}/exoip.spec`;
    await Deno.writeTextFile(spec, specFile(build, { version, tree, top }));
    const command = ["rpmbuild", "-bb", "--quiet", `--target=${build.arch}`];
    await run([...command, "--define", `_topdir ${top}`, spec], {
      SOURCE_DATE_EPOCH: `${build.epoch}`,
    });
    const name = `exoip-${version}-1.${build.arch}.rpm`;
    await Deno.copyFile(`${top}/RPMS/${build.arch}/${name}`, `${build.output}/${name}`);
    return `${build.output}/${name}`;
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

function specFile(
  { epoch }: Build,
  { version, tree, top }: { version: string; tree: readonly Entry[]; top: string },
): string {
  const files = tree.map(({ path, mode, configuration }) =>
    `${configuration ? "%config(noreplace) " : ""}%attr(${mode.toString(8)}, root, root) ${path}`
  );
  return `# Nothing may touch the binary: what it runs is appended to it.
%global __os_install_post %{nil}
%global debug_package %{nil}
%global _build_id_links none
# The same input makes the same package.
%global _buildhost reproducible
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global source_date_epoch_from_changelog 0
%global _binary_payload w3.zstdio
Name: exoip
Version: ${version}
Release: 1
Summary: Keep an Exoscale Elastic IP on a live machine
License: Apache-2.0
AutoReqProv: no
Requires: glibc >= 2.31, libgcc
Recommends: ca-certificates
%description
Several machines share one Elastic IP. Their watchdogs send small UDP heartbeats to each other, decide who
is best, and make the cloud agree: the Elastic IP is attached to the best live machine and taken from the dead.
%install
cp -a ${top}/tree/. %{buildroot}/
find %{buildroot} -exec touch -h -d @${epoch} {} +
%post
if ${RUNS}; then systemctl daemon-reload; fi
%preun
if [ "$1" = 0 ]; then
  if ${RUNS}; then systemctl stop exoip.service || true; fi
  if command -v systemctl >/dev/null; then systemctl -q --no-reload disable exoip.service || true; fi
fi
%postun
if ${RUNS}; then
  systemctl daemon-reload
  if [ "$1" != 0 ]; then systemctl try-restart exoip.service || true; fi
fi
%files
%dir /etc/exoip
%dir /usr/share/doc/exoip
%dir /usr/share/doc/exoip/examples
# Shared with the shells, which need not be there.
%dir /usr/share/bash-completion
%dir /usr/share/bash-completion/completions
%dir /usr/share/fish
%dir /usr/share/fish/vendor_completions.d
%dir /usr/share/zsh
%dir /usr/share/zsh/site-functions
# Made by the user, and removed with the package.
%ghost %attr(600, root, root) /etc/exoip/secret
${files.join("\n")}
`;
}
