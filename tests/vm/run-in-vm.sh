#!/bin/bash
# run-in-vm.sh COMMAND [ARG...] : run a command inside a fresh VM with a Debian
# kernel, in the same directory and with the host's file tree (copy-on-write, in
# memory); its output on stdout, its exit status as ours. Made to be
#   go test -exec "$PWD/run-in-vm.sh" ./...
# Settings (environment):
#   NETFS_VM_CACHE    where fetch-kernel.sh put things   NETFS_VM_KERNEL  6.1 | 6.12 | 7.3
#   NETFS_VM_SMP=1    NETFS_VM_MEM=1G    NETFS_VM_TIMEOUT=300 (seconds for the whole VM)
#   NETFS_VM_PRELOAD  modules to load before the command (others load on demand)
#   NETFS_VM_RW       one host directory mounted read-write at the same path
#   NETFS_VM_ENV      names of further variables to pass   NETFS_VM_KEEP=1 keep the run directory
#   NETFS_VM_ACCEL=tcg  NETFS_VM_CPU=max  NETFS_VM_APPEND (kernel arguments)
#   NETFS_VM_VERBOSE=1 kernel console on stderr
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${NETFS_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/netfs-vm}
k=$cache/${NETFS_VM_KERNEL:-6.1}
[ -e "$k/initramfs.cpio" ] || { echo "run-in-vm: run fetch-kernel.sh ${NETFS_VM_KERNEL:-6.1} first" >&2; exit 125; }
[ $# -gt 0 ] || { echo "usage: run-in-vm.sh COMMAND [ARG...]" >&2; exit 125; }

run=$(mktemp -d -t netfs-vm.XXXXXX)
trap '[ -n "${NETFS_VM_KEEP:-}" ] && echo "run-in-vm: kept $run" >&2 || rm -rf "$run"' EXIT
cp "$here/guest.sh" "$run/guest.sh"
q() { printf '%q ' "$@"; }
{
  echo "VM_CWD=$(q "$PWD")"
  echo "VM_PRELOAD=$(q "${NETFS_VM_PRELOAD:-}")"
  echo "VM_RW=$(q "${NETFS_VM_RW:-}")"
} > "$run/conf"
{
  echo '#!/bin/bash'
  for v in HOME USER LANG TZ NETFS_VM_KERNEL ${NETFS_VM_ENV:-} $(compgen -e | grep -E '^(GO(MAXPROCS|DEBUG|TRACEBACK|COVERDIR)|NETFS_)' || true); do
    [ -n "${!v+x}" ] && echo "export $v=$(q "${!v}")"
  done
  echo "export NETFS_VM=1"
  q "$@"; echo
} > "$run/cmd.sh"

share() { # share TAG PATH EXTRA
  printf -- '-fsdev\nlocal,id=%s,path=%s,security_model=none,multidevs=remap%s\n-device\nvirtio-9p-pci,fsdev=%s,mount_tag=%s\n' "$1" "$2" "$3" "$1" "$1"
}
mapfile -t shares < <(share hostroot / ,readonly=on; share vmrun "$run" ""; share vmmods "$k/modules" ,readonly=on
  [ -n "${NETFS_VM_RW:-}" ] && share vmrw "$NETFS_VM_RW" "")
accel=${NETFS_VM_ACCEL:-tcg}
cpu=${NETFS_VM_CPU:-max}
rc=0
timeout --foreground -k 5 "${NETFS_VM_TIMEOUT:-300}" qemu-system-x86_64 \
  -machine q35,smm=off,vmport=off,i8042=off,hpet=on -accel "$accel" -cpu "$cpu" \
  -smp "${NETFS_VM_SMP:-1}" -m "${NETFS_VM_MEM:-1G}" -nodefaults -no-user-config -display none -no-reboot \
  -kernel "$k/vmlinux" -initrd "$k/initramfs.cpio" \
  -append "console=ttyS0 quiet panic=-1 tsc=reliable random.trust_cpu=1 mitigations=off ${NETFS_VM_APPEND:-}" \
  -serial "file:$run/console" -serial "stdio" -monitor none \
  -device virtio-rng-pci "${shares[@]}" < /dev/null 2>"$run/qemu-err" || rc=$?
[ -n "${NETFS_VM_VERBOSE:-}" ] && cat "$run/console" >&2
if [ -s "$run/rc" ]; then
  [ -n "${NETFS_VM_VERBOSE:-}" ] && echo "run-in-vm: guest uptime at start $(cat "$run/uptime-start"), at end $(cat "$run/uptime-end")" >&2
  exit "$(cat "$run/rc")"
fi
echo "run-in-vm: the VM ended (qemu status $rc) without a result; console:" >&2
tail -n 30 "$run/console" "$run/qemu-err" >&2 || true
exit 125
