// The `ip` command of iproute2, and the cleanup after earlier runs.

/** Runs `ip` commands in a namespace (null: ours), in one go. Throws the error of `ip`. */
export async function ip(namespace: string | null, ...commands: string[]): Promise<string> {
  const args = [...(namespace ? ["-n", namespace] : []), "-batch", "-"];
  const child = new Deno.Command("ip", {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(commands.join("\n") + "\n"));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`ip ${args.join(" ")}: ${text(stderr)}: ${commands.join("; ")}`);
  return text(stdout);
}

/** Prefix of namespace names; then follow the process id of the creator, and the network's tag. */
const PREFIX = "exoip";

/** Name of a namespace of this process. */
export function namespaceName(tag: string, part: string): string {
  return `${PREFIX}-${Deno.pid}-${tag}-${part}`;
}

/** Name of the interface in our own namespace: at most 15 characters. */
export function interfaceName(tag: string): string {
  return `exo-${tag}`;
}

/** Folder whose files `ip netns exec` mounts over those in /etc, such as resolv.conf. */
export function etcOf(namespace: string): string {
  return `/etc/netns/${namespace}`;
}

/** Removes a namespace with the processes and interfaces in it, and its files. */
export async function removeNamespace(name: string): Promise<void> {
  const inside = await ip(null, `netns pids ${name}`).catch(() => "");
  for (const pid of inside.split("\n").filter(Boolean)) {
    try {
      Deno.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  await ip(null, `netns delete ${name}`);
  if (await exists(etcOf(name))) await Deno.remove(etcOf(name), { recursive: true });
}

/** Removes the interfaces of a network from our own namespace; the kernel itself would do so, but later. */
export async function removeInterfaces(tag: string): Promise<void> {
  for await (const { name } of Deno.readDir("/sys/class/net")) {
    const ours = name.startsWith(interfaceName(tag));
    // It may just have disappeared by itself.
    if (ours) await ip(null, `link delete ${name}`).catch(() => {});
  }
}

/** Removes the leftovers of test processes that were killed and could not clean up themselves. */
export async function sweep(): Promise<void> {
  const inPeerList = await ip(null, "netns list");
  for (const name of inPeerList.split("\n").map((line) => line.split(" ")[0] ?? "")) {
    const [, pid, tag] = new RegExp(`^${PREFIX}-(\\d+)-([0-9a-f]{6})-`).exec(name) ?? [];
    if (!pid || !tag || await exists(`/proc/${pid}`)) continue;
    // Another test process may be sweeping, too.
    await removeNamespace(name).catch(() => {});
    await removeInterfaces(tag);
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
