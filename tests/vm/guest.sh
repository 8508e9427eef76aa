#!/bin/sh
# PID 1 of the test VM (second stage), running on an overlay of the host's root.
# /vmrun is shared read-write with the host: conf, cmd.sh in; rc, uptimes out.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
. /vmrun/conf
kver=$(uname -r)
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /dev/shm /dev/pts /run/netns /run/mods "/lib/modules/$kver"
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t devpts devpts /dev/pts
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr
o9p=trans=virtio,version=9p2000.L,msize=262144
mount -t 9p -o ro,$o9p,cache=loose vmmods /run/mods &&
  mount --bind "/run/mods/lib/modules/$kver" "/lib/modules/$kver"
[ -n "$VM_RW" ] && { mkdir -p "$VM_RW"; mount -t 9p -o $o9p,cache=none vmrw "$VM_RW"; }
hostname netfs-vm; ip link set lo up
[ -n "$VM_PRELOAD" ] && modprobe -a $VM_PRELOAD
stty -F /dev/ttyS1 raw -echo 115200
cut -d' ' -f1 /proc/uptime > /vmrun/uptime-start
cd "$VM_CWD" || echo "vm: no directory $VM_CWD" > /dev/ttyS1
bash /vmrun/cmd.sh < /dev/null > /dev/ttyS1 2>&1
rc=$?
stty -F /dev/ttyS1 > /dev/null 2>&1    # waits until the output has drained
cut -d' ' -f1 /proc/uptime > /vmrun/uptime-end
echo $rc > /vmrun/rc
exec /bin/busybox poweroff -f
