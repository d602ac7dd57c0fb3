#!/bin/bash
# Boots a real systemd as the first process of namespaces of its own, with the units of a folder and no others, over
# a copy of this machine's file system that is gone afterwards. Needs a terminal for its console.
#
#   ip netns exec NAME script -qec "unshare --mount --pid --uts --ipc --cgroup --fork --kill-child boot.sh FOLDER [UNITS]"
#
# FOLDER/root is copied over the file system; FOLDER is /out inside; the units are in FOLDER/units, or in UNITS, which
# is a path inside.
set -euo pipefail
folder=$1
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/{upper,work,root}
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
root=/mnt/root
cp -a "$folder/root/." $root/
mkdir -p $root/out
mount --bind "$folder" $root/out
mount -t proc proc $root/proc
mount --bind $root/proc/sys $root/proc/sys
mount -o remount,ro,bind $root/proc/sys
mount -t sysfs -o ro sysfs $root/sys
mount -t tmpfs tmpfs $root/run
mount -t tmpfs tmpfs $root/dev
for device in null zero full random urandom tty; do
  touch $root/dev/$device
  mount --bind /dev/$device $root/dev/$device
done
mkdir $root/dev/{shm,pts}
mount -t devpts -o newinstance,ptmxmode=0666 devpts $root/dev/pts
ln -s pts/ptmx $root/dev/ptmx
ln -s /proc/self/fd $root/dev/fd
touch $root/dev/console
mount --bind "$(tty)" $root/dev/console
# The place of systemd's own control groups: in the one hierarchy, or beside the older ones.
if ! mount -t cgroup2 cgroup2 $root/sys/fs/cgroup 2>/dev/null || [[ ! -e $root/sys/fs/cgroup/cgroup.controllers ]] ||
  [[ -d /sys/fs/cgroup/systemd ]]; then
  mount -t tmpfs tmpfs $root/sys/fs/cgroup
  mkdir $root/sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup $root/sys/fs/cgroup/systemd
fi
cd $root
mkdir -p old
pivot_root . old
cd /
umount -l /old
# As systemd expects of a container: the mounts of its helpers reach the services.
mount --make-rshared /
exec env -i PATH=/usr/bin:/usr/sbin container=exoip-test SYSTEMD_UNIT_PATH="${2:-/out/units}" \
  /lib/systemd/systemd --unit=test.target --show-status=no --log-target=console
