#!/bin/bash
# test-in-vm.sh [-tags T] PACKAGE... [-- TESTFLAG...] : compile the packages'
# tests statically and run them all in ONE VM (the ~6 s boot is paid once),
# each in its own package directory. Exit status 1 when any fails. With
# NETFS_VM_COVER=DIR a coverage profile per package is left in DIR.
# Needs NETFS_VM_* settings as for run-in-vm.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tags=(); [ "${1:-}" = -tags ] && { tags=(-tags "$2"); shift 2; }
pkgs=(); while [ $# -gt 0 ] && [ "$1" != -- ]; do pkgs+=("$1"); shift; done
[ "${1:-}" = -- ] && shift
bin=$(mktemp -d -t vmtests.XXXXXX); trap 'rm -rf "$bin"' EXIT
cover=(); [ -n "${NETFS_VM_COVER:-}" ] && { mkdir -p "$NETFS_VM_COVER"; NETFS_VM_COVER=$(cd "$NETFS_VM_COVER" && pwd); cover=(-cover); export NETFS_VM_RW=$NETFS_VM_COVER; }
# Tests that run netfs's programs find them here: building them there would take minutes.
mkdir "$bin/cmd"
(cd "$here/../.." && CGO_ENABLED=0 go build -o "$bin/cmd/" ./cmd/netfs ./cmd/netfs-mount)
export NETFS_BIN=$bin/cmd
n=0
while read -r ip dir; do
  CGO_ENABLED=0 go test -c "${tags[@]}" "${cover[@]}" -o "$bin/$n.test" "$ip"
  [ -e "$bin/$n.test" ] && echo "$n $ip $dir" >> "$bin/list"   # none: no test files
  n=$((n+1))
done < <(go list "${tags[@]}" -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' "${pkgs[@]}")
[ -s "$bin/list" ] || { echo "test-in-vm: no tests" >&2; exit 1; }
printf '%s\0' "$@" > "$bin/flags"
cat > "$bin/all.sh" <<'S'
#!/bin/bash
b=$1; cover=$2; bad=0
mapfile -d '' -t flags < "$b/flags"; [ "${flags[*]}" = "" ] && flags=()
while read -r n ip dir; do
  cd "$dir"; s=$(date +%s%N); c=()
  [ -n "$cover" ] && c=(-test.coverprofile="$cover/$(echo "$ip" | tr / _).out")
  r=ok # a second run decides: an emulated processor can be late
  "$b/$n.test" "${c[@]}" "${flags[@]}" || { r=again; "$b/$n.test" "${c[@]}" "${flags[@]}" || { r=FAIL; bad=1; }; }
  printf '%s\t%s\t%d ms\n' "$r" "$ip" $(( ($(date +%s%N)-s)/1000000 ))
done < "$b/list"
exit $bad
S
"$here/run-in-vm.sh" bash "$bin/all.sh" "$bin" "${NETFS_VM_COVER:-}"
