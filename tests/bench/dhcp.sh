#!/bin/bash
# tests/bench/dhcp.sh [ROUNDS] : how long netfs dhcp and dhclient take from their start to an address
# on the link, side by side, with each server that is installed. Root; a quiet machine. All happens in
# two network namespaces. What is measured is a process each time, without a remembered lease:
# dhclient -1 with a script that sets the address and nothing else, and netfs dhcp --once without and
# with a probe of the address (RFC 5227: dhclient has none).
#   NETFS=/path/to/netfs   the program (built from here unless told)
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-15}
dir=$(mktemp -d -t netfs-dhcp.XXXXXX); s=netfs-bs-$$ c=netfs-bc-$$ server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait; ip netns del $s 2>/dev/null || true; ip netns del $c 2>/dev/null || true; rm -rf "$dir"' EXIT
[ -n "${NETFS:-}" ] || { go build -o "$dir/netfs" ./cmd/netfs; NETFS=$dir/netfs; }
ip netns add $s; ip netns add $c
ip -n $c link add vC type veth peer name vS netns $s
ip -n $c link set lo up; ip -n $c link set vC up
ip -n $s addr add 10.99.0.1/16 dev vS; ip -n $s link set vS up

cat > "$dir/script" <<'X'
#!/bin/sh
case $reason in BOUND) ip addr add "$new_ip_address/$new_subnet_mask" broadcast "$new_broadcast_address" dev "$interface" && ip route add default via "$new_routers" ;; esac
X
chmod +x "$dir/script"

subnet="subnet 10.99.0.0 netmask 255.255.0.0 { range 10.99.1.1 10.99.250.250; option routers 10.99.0.1; option broadcast-address 10.99.255.255; }"
serve() {
  case $1 in
  dnsmasq) set -- dnsmasq -d -C /dev/null --port=0 --interface=vS --bind-interfaces --dhcp-range=10.99.1.1,10.99.250.250,255.255.0.0,1h \
    --dhcp-authoritative --dhcp-leasefile="$dir/dnsmasq" --user=root --no-ping --no-resolv --no-hosts --dhcp-option=option:router,10.99.0.1 ;;
  dhcpd) echo "authoritative; ping-check false; $subnet" > "$dir/dhcpd.conf"; : > "$dir/dhcpd"
    set -- dhcpd -4 -f -q -user root -group root -cf "$dir/dhcpd.conf" -lf "$dir/dhcpd" -pf "$dir/dhcpd.pid" vS ;;
  kea) echo '{"Dhcp4": {"interfaces-config": {"interfaces": ["vS"]}, "lease-database": {"type": "memfile", "persist": false}, "authoritative": true, "valid-lifetime": 3600,
      "subnet4": [{"id": 1, "subnet": "10.99.0.0/16", "pools": [{"pool": "10.99.1.1 - 10.99.250.250"}], "option-data": [{"name": "routers", "data": "10.99.0.1"}]}]}}' > "$dir/kea.conf"
    set -- env KEA_PIDFILE_DIR="$dir" KEA_LOCKFILE_DIR=none kea-dhcp4 -c "$dir/kea.conf" ;;
  udhcpd) printf 'start 10.99.1.1\nend 10.99.1.250\ninterface vS\nlease_file %s\npidfile %s\noption subnet 255.255.0.0\noption router 10.99.0.1\n' "$dir/udhcpd" "$dir/udhcpd.pid" > "$dir/udhcpd.conf"
    : > "$dir/udhcpd"; set -- udhcpd -f -S "$dir/udhcpd.conf" ;;
  esac
  ip netns exec $s "$@" > "$dir/server.log" 2>&1 & server=$!
  local i
  for i in $(seq 200); do [ -z "$(ip netns exec $s ss -Hlnu sport = :67)" ] || return 0; sleep 0.05; done
  echo "no server:"; cat "$dir/server.log"; return 1
}

clean() { ip -n $c addr flush dev vC scope global; ip -n $c route flush dev vC proto dhcp; rm -rf "$dir/leases" "$dir/dhclient"*; }

# once CLIENT : microseconds until it ends with an address on the link
once() {
  local t0 t1
  clean 2>/dev/null
  t0=${EPOCHREALTIME/./}
  case $1 in
  dhclient) ip netns exec $c dhclient -1 -q -4 -sf "$dir/script" -lf "$dir/dhclient" -pf "$dir/dhclient.pid" vC > "$dir/client.log" 2>&1 ;;
  *) ip netns exec $c "$NETFS" dhcp vC --once --acd "$1" --lease-dir "$dir/leases" > "$dir/client.log" 2>&1 ;;
  esac || { cat "$dir/client.log"; return 1; }
  t1=${EPOCHREALTIME/./}
  [ -n "$(ip -n $c -4 -o addr show dev vC)" ] || { echo "$1: no address" >&2; return 1; }
  [ "$1" != dhclient ] || kill "$(cat "$dir/dhclient.pid")"
  echo $((t1 - t0))
}

printf '%-8s %-16s %8s %8s %8s   ms, of %d rounds\n' server client least median most "$rounds"
for srv in dnsmasq kea dhcpd udhcpd; do
  command -v ${srv/kea/kea-dhcp4} > /dev/null || { echo "$srv: not installed"; continue; }
  serve $srv
  for client in dhclient off probe full; do
    [ $client != dhclient ] || command -v dhclient > /dev/null || { echo "dhclient: not installed"; continue; }
    n=$rounds; [ $client != full ] || n=2 # seconds, as the RFC says
    : > "$dir/times"
    for _ in $(seq "$n"); do once $client >> "$dir/times"; done
    name=$client; [ $client = dhclient ] || name="netfs --acd $client"
    sort -n "$dir/times" | awk -v srv=$srv -v name="$name" '{t[NR] = $1 / 1000} END {printf "%-8s %-16s %8.1f %8.1f %8.1f\n", srv, name, t[1], t[int((NR + 1) / 2)], t[NR]}'
  done
  kill "$server"; wait "$server" 2>/dev/null || true; server=
done
