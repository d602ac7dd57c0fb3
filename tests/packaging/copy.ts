// A temporary copy of this machine's file system, for tests that install and remove packages.
import { mustRun } from "./requirements.ts";

/** The shell sees the copy as its root, the folder as /out, and no network. */
const ENTER = `
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mkdir -p /mnt/root/out
mount --bind "$1" /mnt/root/out
mount -t proc proc /mnt/root/proc
mount --rbind /dev /mnt/root/dev
mount -t tmpfs tmpfs /mnt/root/run
exec chroot /mnt/root bash -euc "$2"
`;

/** Output of a shell script that runs as root on the copy. */
export async function onCopy(folder: string, script: string): Promise<string> {
  const apart = "unshare --mount --net --pid --ipc --uts --fork --kill-child".split(" ");
  return await mustRun([...apart, "bash", "-c", ENTER, "-", folder, script]);
}
