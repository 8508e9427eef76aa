#!/bin/bash
# fetch-kernel.sh [VARIANT] : download a Debian kernel without installing it and
# turn it into what run-in-vm.sh needs, under $NETFS_VM_CACHE/VARIANT:
#   vmlinux            the uncompressed ELF (QEMU enters it through PVH, no
#                      decompressor runs under emulation: saves ~6 s a boot)
#   modules/lib/modules/KVER/...   chosen modules, decompressed, with modules.dep
#   initramfs.cpio     busybox + the boot modules + init (uncompressed)
# VARIANT: 6.1 (default; bookworm), 6.12 (bookworm-security), 7.3 (trixie-backports)
# or any "PACKAGE[=VERSION]" of a signed linux-image.
# Needs: apt, dpkg-deb, kmod, xz, zstd, cpio, busybox-static.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${NETFS_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/netfs-vm}
variant=${1:-6.1}
dir=$cache/$variant
mkdir -p "$dir"/{deb,unpacked,ird}
log() { echo "fetch-kernel: $*" >&2; }
t0=$(date +%s%N); lap() { log "$1: $(( ($(date +%s%N)-t0)/1000000 )) ms so far"; }

# A private apt state: never touches the system's sources or lists.
# The mirror is the one that the system's own sources name.
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -m1 '/debian/*$' || true)
mirror=${DEBIAN_MIRROR:-${site%/debian*}}
[ -n "$mirror" ] || { log "no Debian mirror in the system's apt sources; set DEBIAN_MIRROR"; exit 1; }
key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
case $variant in
6.1)  suites="debian:bookworm debian-security:bookworm-security" ;;
6.12) suites="debian-security:bookworm-security" ;;
7.3)  suites="debian:trixie debian:trixie-backports" ;;
*)    suites=${NETFS_VM_SUITES:-"debian:bookworm debian-security:bookworm-security"} ;;
esac
apt=$dir/apt
mkdir -p "$apt"/{state/lists/partial,cache/archives/partial}
for s in $suites; do echo "deb $key $mirror/${s%%:*} ${s#*:} main"; done > "$apt/sources.list"
cat > "$apt/conf" <<C
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$apt/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$apt/cache";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Languages "none";
APT::Sandbox::User "root";
APT::Default-Release "";
C
export APT_CONFIG=$apt/conf
apt-get -qq update
lap "package lists"

newest() { apt-cache search --names-only "$1" | awk '{print $1}' | sort -V | tail -1; }
case $variant in
6.1)  pkgs=$(newest '^linux-image-6\.1\.0-[0-9]+-amd64$') ;;
6.12) pkgs=$(newest '^linux-image-6\.12\.[0-9]+\+deb12-amd64$') ;;
7.3)  k=$(apt-cache search --names-only '^linux-modules-7\.[0-9.]+\+deb13-amd64$' | awk '{print $1}' | sort -V | tail -1)
      k=${k#linux-modules-}; pkgs="linux-binary-$k linux-modules-$k linux-base-$k" ;;
*)    pkgs=$variant ;;
esac
[ -n "$pkgs" ] || { log "no kernel package for $variant"; exit 1; }
log "packages: $pkgs"
(cd "$dir/deb" && rm -f ./*.deb && apt-get -qq download $pkgs)
lap "download"
rm -rf "$dir/unpacked" "$dir/modules" "$dir/ird"; mkdir -p "$dir/unpacked"
for d in "$dir"/deb/*.deb; do dpkg-deb -x "$d" "$dir/unpacked"; done
lap "unpack"

first() { local f; for f; do [ -e "$f" ] && { echo "$f"; return; }; done; }
tree=$(first "$dir"/unpacked/usr/lib/modules/* "$dir"/unpacked/lib/modules/*)
kver=$(basename "$tree")
img=$(first "$dir"/unpacked/boot/vmlinuz* "$tree"/vmlinuz)
echo "$kver" > "$dir/kver"

# The ELF kernel inside the bzImage: the first offset of a known compression
# magic whose decompression starts with \x7fELF.
extract() {
  local magic=$1 tool=$2 off
  for off in $(LC_ALL=C grep -aboP "$magic" "$img" | cut -d: -f1); do
    tail -c +$((off+1)) "$img" | $tool > "$dir/vmlinux" 2>/dev/null || true
    [ "$(head -c4 "$dir/vmlinux" | od -An -c | tr -d ' ')" = '177ELF' ] && return 0
  done
  return 1
}
extract '\x28\xb5\x2f\xfd' 'zstd -dc' || extract '\xfd7zXZ\x00' 'xz -dc' ||
  extract '\x1f\x8b\x08' 'gzip -dc' || { log "no ELF in $img"; exit 1; }
lap "vmlinux ($(stat -c %s "$dir/vmlinux") bytes)"

# Extra modules built elsewhere (build-netdevsim.sh) are merged in.
[ -d "$cache/extra/$kver" ] && cp -r "$cache/extra/$kver" "$tree/extra"

# depmod wants lib/modules/KVER below a base directory.
base=${tree%/lib/modules/*}
depmod -b "$base" "$kver"
dest=$dir/modules/lib/modules/$kver
mkdir -p "$dest" "$dir/ird/lib/modules/$kver"
bootmods=() missing=()
copy() { # copy MODULE_FILE DESTDIR : decompressed
  local rel=${1#"$tree"/}; rel=${rel#"$base/lib/modules/$kver/"}
  local out=$2/${rel%.xz}; out=${out%.zst}
  [ -e "$out" ] && return 0
  mkdir -p "$(dirname "$out")"
  case $1 in *.xz) xz -dc "$1" > "$out" ;; *.zst) zstd -qdc "$1" > "$out" ;; *) cp "$1" "$out" ;; esac
}
while read -r a b; do
  case $a in ''|'#'*) continue ;; esac
  boot=; m=$a; [ "$a" = boot ] && { boot=1; m=$b; }
  opt=; [ "${m#\?}" != "$m" ] && { opt=1; m=${m#\?}; }
  if ! deps=$(modprobe -d "$base" -S "$kver" --show-depends "$m" 2>/dev/null); then
    [ -z "$opt" ] && missing+=("$m"); continue
  fi
  while read -r kind f _; do
    [ "$kind" = insmod ] || continue
    copy "$f" "$dest"
    [ -n "$boot" ] && copy "$f" "$dir/ird/lib/modules/$kver"
  done <<<"$deps"
  [ -n "$boot" ] && bootmods+=("$m")
done < "$here/modules.list"
for f in modules.order modules.builtin modules.builtin.modinfo; do
  [ -e "$tree/$f" ] && cp "$tree/$f" "$dest/" && cp "$tree/$f" "$dir/ird/lib/modules/$kver/"
done
depmod -b "$dir/modules" "$kver"; depmod -b "$dir/ird" "$kver"
[ ${#missing[@]} -gt 0 ] && log "not in this kernel: ${missing[*]}"
lap "$(find "$dest" -name '*.ko' | wc -l) modules"

mkdir -p "$dir"/ird/{bin,proc,sys,dev,new,lower,over,etc}
cp "$(command -v busybox)" "$dir/ird/bin/busybox"
cp "$here/init" "$dir/ird/init"; chmod +x "$dir/ird/init"
echo "${bootmods[*]}" > "$dir/ird/etc/boot-modules"
(cd "$dir/ird" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) > "$dir/initramfs.cpio"
rm -rf "$dir/unpacked"
lap "initramfs ($(stat -c %s "$dir/initramfs.cpio") bytes); done, kernel $kver in $dir"
