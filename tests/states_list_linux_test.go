package tests

// The states. A line is one: commands of ip(8), unless they begin with the name of
// another program.
var groups = []group{
	{
		name:  "routes",
		show:  []string{"routes"},
		files: []string{"routes", "rt/local"},
		states: `
		route add 10.1.0.0/16 via 192.0.2.2
		route add 10.1.0.0/16 via 192.0.2.2 dev v0
		route add 10.1.2.3 dev v0
		route add default via 192.0.2.2
		route add default via 192.0.2.2 metric 100; route add default via 192.0.2.3 metric 200
		route add 10.1.0.0/16 via 192.0.2.2 proto static metric 5
		route add 10.1.0.0/16 via 192.0.2.2 proto bird
		route add 10.1.0.0/16 via 192.0.2.2 proto 99
		route add blackhole 10.2.0.0/16
		route add unreachable 10.2.0.0/16
		route add prohibit 10.2.0.0/16
		route add throw 10.2.0.0/16 table 100
		route add local 10.2.0.0/16 dev lo
		route add broadcast 10.2.255.255 dev v0
		route add multicast 239.0.0.0/8 dev v0
		route add 10.3.0.0/16 nexthop via 192.0.2.2 weight 2 nexthop via 192.0.2.3 dev v0
		route add 10.3.0.0/16 nexthop via 10.9.9.9 dev v0 onlink nexthop via 192.0.2.3 weight 256
		route add 10.3.0.0/16 nexthop dev v0 nexthop dev v1
		route add 10.3.0.0/16 nexthop via 192.0.2.2 realm 3 nexthop via 192.0.2.3
		route add 10.4.0.0/16 dev v0 src 192.0.2.1
		route add 10.4.0.0/16 via 192.0.2.2 src 192.0.2.1 table 100
		route add 10.4.0.0/16 dev v0 table 70000
		route add 10.4.0.0/16 dev v0 table local
		route add 10.4.0.0/16 dev v0 scope global
		route add 10.4.0.0/16 dev v0 scope site
		route add 10.4.0.0/16 dev v0 scope host table 5
		route add 10.4.0.0/16 via 10.9.9.9 dev v0 onlink
		route add 10.4.0.0/16 via inet6 2001:db8::2 dev v0
		route add 10.4.0.0/16 via 192.0.2.2 tos 0x10
		route add 10.4.0.0/16 dev v0 tos 0x04; route add 10.4.0.0/16 dev v0 tos 0x08; route add 10.4.0.0/16 dev v1
		route add 10.4.0.0/16 dev v0 realm 5
		route add 10.4.0.0/16 dev v0 realm 5/6
		route add 10.4.0.0/16 dev v0 mtu 1400
		route add 10.4.0.0/16 dev v0 mtu lock 1400
		route add 10.4.0.0/16 dev v0 advmss 1300 window 10000 hoplimit 9 initcwnd 20 initrwnd 30
		route add 10.4.0.0/16 dev v0 rtt 20ms rttvar 10ms rto_min 30ms
		route add 10.4.0.0/16 dev v0 rtt 1500ms
		route add 10.4.0.0/16 dev v0 ssthresh 7 cwnd 9 reordering 4 quickack 1
		route add 10.4.0.0/16 dev v0 cwnd lock 9 advmss lock 1000 window lock 6
		route add 10.4.0.0/16 dev v0 features ecn
		route add 10.4.0.0/16 dev v0 congctl reno
		route add 10.4.0.0/16 dev v0 congctl lock reno
		route add 10.4.0.0/16 dev v0 fastopen_no_cookie 1
		route add 10.4.0.0/16 encap ip id 5 dst 198.51.100.1 src 192.0.2.1 ttl 7 dev v0
		route add 10.4.0.0/16 encap ip6 id 5 dst 2001:db8::7 hoplimit 9 dev v0
		route add 10.4.0.0/16 encap mpls 100/200 via 192.0.2.2
		route add 10.3.0.0/16 nexthop encap mpls 100 via 192.0.2.2 dev v0 nexthop encap mpls 200 ttl 7 via 192.0.2.3 dev v0
		route append 10.4.0.0/16 dev v0 metric 5; route append 10.4.0.0/16 via 192.0.2.2 metric 5
		route add 10.4.0.0/16 dev v0; route add 10.4.0.0/16 dev v1 metric 7; route add 10.4.1.0/24 dev v0; route add 10.4.1.1/32 dev v1
		route add 0.0.0.0/1 dev v0; route add 128.0.0.0/1 dev v0
		-6 route add 2001:db8:1::/48 via 2001:db8::2
		-6 route add 2001:db8:1::/48 via 2001:db8::2 dev v0 metric 5 proto ra
		-6 route add 2001:db8:1::/48 via fe80::1 dev v0
		-6 route add 2001:db8:1::7 dev v0
		-6 route add default via fe80::1 dev v0
		-6 route add default via 2001:db8::2 metric 7 table 100
		-6 route add blackhole 2001:db8:2::/48
		-6 route add unreachable 2001:db8:2::/48 metric 7
		-6 route add prohibit 2001:db8:2::/48 table 9
		-6 route add throw 2001:db8:2::/48 table 9
		-6 route add local 2001:db8:2::1 dev lo
		-6 route add anycast 2001:db8:2::2 dev v0
		-6 route add 2001:db8:3::/48 nexthop via 2001:db8::2 nexthop via 2001:db8::3 weight 4
		-6 route add 2001:db8:3::/48 nexthop via fe80::1 dev v0 nexthop via fe80::1 dev v1
		-6 route add 2001:db8:3::/48 via 2001:db8::2; -6 route append 2001:db8:3::/48 via 2001:db8::3
		-6 route add 2001:db8:4::/48 dev v0; -6 route append 2001:db8:4::/48 dev v1
		-6 route add 2001:db8:4::/48 dev v0 metric 7; -6 route add 2001:db8:4::/48 dev v0 metric 8
		-6 route add 2001:db8:4::/48 dev v0 pref high
		-6 route add 2001:db8:4::/48 dev v0 pref low
		-6 route add 2001:db8:4::/48 via 2001:db8::2 expires 100
		-6 route add 2001:db8:4::/48 dev v0 src 2001:db8::1
		-6 route add 2001:db8:4::/48 from 2001:db8:9::/48 dev v0
		-6 route add 2001:db8:4::/48 from 2001:db8:9::/48 via 2001:db8::2; -6 route add 2001:db8:4::/48 from 2001:db8:a::/48 via 2001:db8::3
		-6 route add 2001:db8:4::/48 via 2001:db8:99::1 dev v0 onlink
		-6 route add 2001:db8:4::/48 dev v0 mtu 1400 hoplimit 7 advmss 1200
		-6 route add 2001:db8:4::/48 dev v0 mtu lock 1400 features ecn
		-6 route add 2001:db8:4::/48 dev v0 table 70000
		-6 route add 2001:db8:4::/48 encap seg6 mode encap segs 2001:db8::9,2001:db8::8 dev v0
		-6 route add 2001:db8:4::/48 encap seg6 mode inline segs 2001:db8::9 dev v0
		-6 route add 2001:db8:4::/48 encap ip6 id 7 dst 2001:db8::7 dev v0
		-6 route add 2001:db8:4::/48 encap mpls 100/200 via 2001:db8::2
		`,
	},
	{
		name: "nexthops",
		setup: `nexthop add id 101 via 192.0.2.2 dev v0
			nexthop add id 102 via 192.0.2.3 dev v0
			nexthop add id 106 via 2001:db8::2 dev v0`,
		show:  []string{"nexthops", "routes"},
		files: []string{"nexthops", "routes"},
		states: `
		nexthop add id 1 via 192.0.2.2 dev v0
		nexthop add id 1 dev v0
		nexthop add id 4294967294 dev v0
		nexthop add id 1 via 192.0.2.2 dev v0 proto static
		nexthop add id 1 via 10.9.9.9 dev v0 onlink
		nexthop add id 1 blackhole
		-6 nexthop add id 1 blackhole
		-6 nexthop add id 1 dev v0
		nexthop add id 1 via 2001:db8::2 dev v0
		nexthop add id 1 via fe80::1 dev v0
		nexthop add id 1 via 192.0.2.2 fdb
		nexthop add id 1 via 2001:db8::2 fdb
		nexthop add id 1 group 101
		nexthop add id 1 group 101/102
		nexthop add id 1 group 101,3/102,256
		nexthop add id 1 group 102/101 proto 99
		nexthop add id 1 group 101/102 type resilient buckets 8
		nexthop add id 1 group 101/102,3 type resilient buckets 32 idle_timer 30 unbalanced_timer 60
		nexthop add id 1 encap ip id 5 dst 198.51.100.1 dev v0
		nexthop add id 1 encap mpls 100 via 192.0.2.2 dev v0
		nexthop add id 1 encap seg6 mode encap segs 2001:db8::9 dev v0
		nexthop add id 1 via 192.0.2.2 fdb; nexthop add id 2 via 192.0.2.3 fdb; nexthop add id 3 group 1/2 fdb
		route add 10.8.0.0/16 nhid 101
		route add 10.8.0.0/16 nhid 101 metric 5 proto static mtu 1400
		nexthop add id 1 group 101/102,2; route add 10.8.0.0/16 nhid 1
		-6 route add 2001:db8:8::/48 nhid 106
		route add 10.8.0.0/16 nhid 106
		nexthop add id 1 blackhole; route add 10.8.0.0/16 nhid 1
		nexthop add id 1 group 106; -6 route add 2001:db8:8::/48 nhid 1 metric 7
		`,
	},
	{
		name:  "rules",
		show:  []string{"rules"},
		files: []string{"rules"},
		states: `
		rule add from 10.0.0.0/8 table 100 priority 500
		rule add to 10.0.0.0/8 table 100 priority 500
		rule add from 10.1.2.3 to 10.4.5.6 lookup main priority 500
		rule add not from 10.0.0.0/8 table 100 priority 500
		rule add fwmark 1 table 100 priority 500
		rule add fwmark 0x1/0xff table 100 priority 500
		rule add fwmark 0/0xff table 100 priority 500
		rule add iif v0 table 100 priority 500
		rule add oif v1 table 100 priority 500
		rule add iif lo oif v0 table 100 priority 500
		rule add iif nosuch table 100 priority 500
		rule add oif nosuch table 100 priority 500
		rule add tos 0x10 table 100 priority 500
		rule add ipproto tcp table 100 priority 500
		rule add ipproto udp sport 53 table 100 priority 500
		rule add ipproto tcp dport 80-443 sport 1-65000 table 100 priority 500
		rule add ipproto icmp table 100 priority 500
		rule add ipproto 200 table 100 priority 500
		rule add uidrange 1000-2000 table 100 priority 500
		rule add uidrange 0-0 table 100 priority 500
		rule add tun_id 77 table 100 priority 500
		rule add l3mdev priority 500
		rule add blackhole priority 500
		rule add unreachable from 10.0.0.0/8 priority 500
		rule add prohibit iif v0 priority 500
		rule add from 10.0.0.0/8 goto 600 priority 500
		rule add from 10.0.0.0/8 goto 32766 priority 500
		rule add nop priority 500
		rule add table main suppress_prefixlength 0 priority 500
		rule add table main suppress_prefixlength 24 priority 500
		rule add table main suppress_ifgroup 7 priority 500
		rule add table main suppress_ifgroup 0 priority 500
		rule add from 10.0.0.0/8 table 100 realms 5/6 priority 500
		rule add from 10.0.0.0/8 table 100 realms 6 priority 500
		rule add from 10.0.0.0/8 table 100 protocol static priority 500
		rule add from 10.0.0.0/8 table 70000 priority 500
		rule add from 10.0.0.0/8 table 100
		rule add from 10.0.0.0/8 table 100 priority 500; rule add from 10.1.0.0/16 table 101 priority 500
		rule add table 100 priority 0
		rule add table default priority 4294967295
		-6 rule add from 2001:db8::/32 table 100 priority 500
		-6 rule add to 2001:db8::1 table 100 priority 500
		-6 rule add table 100 priority 500
		-6 rule add fwmark 7 iif v0 table 100 priority 500
		-6 rule add blackhole priority 500
		-6 rule add ipproto ipv6-icmp table 100 priority 500
		-6 rule add goto 600 priority 500
		-6 rule add not from 2001:db8::/32 uidrange 5-6 table 100 priority 500
		`,
	},
	{
		name:  "neigh",
		setup: "link add vx0 address 02:00:00:00:00:33 type vxlan id 5 dstport 4789",
		show:  []string{"neigh"},
		files: []string{"neigh"},
		states: `
		neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0
		neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent
		neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 nud stale
		neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 nud reachable
		neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 nud stale extern_learn
		neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 protocol static
		neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 router
		neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0; neigh add 192.0.2.9 lladdr 02:00:00:00:00:0a dev v1
		neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev v0
		neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev v0 router
		neigh add fe80::9 lladdr 02:00:00:00:00:09 dev v1 nud stale
		neigh add proxy 192.0.2.10 dev v0
		neigh add proxy 192.0.2.10 dev v0 protocol static
		neigh add proxy 2001:db8::10 dev v0
		neigh add proxy 192.0.2.10 dev v0; neigh add 192.0.2.10 lladdr 02:00:00:00:00:09 dev v0
		`,
	},
	{
		name:  "addrs",
		show:  []string{"addrs", "routes"},
		files: []string{"addrs"},
		states: `
		addr add 203.0.113.1/24 dev v0
		addr add 203.0.113.1/24 dev v1
		addr add 203.0.113.1 dev v0
		addr add 203.0.113.1/31 dev v0
		addr add 203.0.113.1/24 dev v0 broadcast +
		addr add 203.0.113.1/24 dev v0 broadcast 203.0.113.7
		addr add 203.0.113.1/24 dev v0 label v0:one
		addr add 203.0.113.1 peer 203.0.113.2 dev v0
		addr add 203.0.113.1 peer 198.51.100.0/24 dev v0
		addr add 203.0.113.1/24 dev v0 scope link
		addr add 203.0.113.1/24 dev v0 scope host
		addr add 203.0.113.1/24 dev v0 scope 77
		addr add 203.0.113.1/24 dev v0 metric 7
		addr add 203.0.113.1/24 dev v0 noprefixroute
		addr add 203.0.113.1/24 dev v0 valid_lft 100 preferred_lft 50
		addr add 203.0.113.1/24 dev v0 valid_lft 100 preferred_lft 0
		addr add 203.0.113.1/24 dev v0 valid_lft forever preferred_lft 50
		addr add 203.0.113.1/24 dev v0; addr add 203.0.113.2/24 dev v0
		addr add 203.0.113.1/24 dev v0; addr add 203.0.113.2/25 dev v0
		addr add 127.1.0.1/32 dev lo
		addr add 239.1.1.1/32 dev v0 autojoin
		addr add 2001:db8:5::1/64 dev v0
		addr add 2001:db8:5::1 dev v0
		addr add 2001:db8:5::1/64 dev v0 nodad
		addr add 2001:db8:5::1/64 dev v0 home
		addr add 2001:db8:5::1/64 dev v0 mngtmpaddr
		addr add 2001:db8:5::1/64 dev v0 noprefixroute
		addr add 2001:db8:5::1/64 dev v0 metric 7
		addr add 2001:db8:5::1/64 dev v0 valid_lft 100 preferred_lft 50 noprefixroute # the kernel would keep the route for 100 s
		addr add 2001:db8:5::1/64 dev v0 valid_lft 100 preferred_lft 0 noprefixroute
		addr add 2001:db8:5::1 peer 2001:db8:5::2/128 dev v0
		addr add fe80::77/64 dev v0
		addr add fd00::1/8 dev v1
		addr add fec0::1/64 dev v1
		`,
	},
	{
		name:  "mptcp",
		show:  []string{"mptcp"},
		files: []string{"mptcp/endpoints"},
		states: `
		mptcp endpoint add 192.0.2.1 id 7
		mptcp endpoint add 192.0.2.1 id 7 signal
		mptcp endpoint add 192.0.2.1 id 7 subflow
		mptcp endpoint add 192.0.2.1 id 7 subflow backup
		mptcp endpoint add 192.0.2.1 id 7 subflow fullmesh
		mptcp endpoint add 192.0.2.1 id 7 dev v0 signal
		mptcp endpoint add 192.0.2.1 id 7 signal port 45
		mptcp endpoint add 2001:db8::1 id 8 signal
		mptcp endpoint add 2001:db8::1 id 8 dev v0 subflow backup
		mptcp endpoint add 192.0.2.1 id 7 signal; mptcp endpoint add 2001:db8::1 id 8 subflow
		mptcp endpoint add 192.0.2.1 dev v0 subflow
		`,
	},
	{
		name:  "ct",
		show:  []string{"ct"},
		files: []string{"conntrack"},
		states: `
		conntrack -I -p tcp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 443 --state ESTABLISHED -t 1000 -u ASSURED,SEEN_REPLY
		conntrack -I -p tcp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 443 --state SYN_SENT -t 1000
		conntrack -I -p tcp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 443 --state TIME_WAIT -t 1000 -u SEEN_REPLY
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 -u SEEN_REPLY
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 -m 7
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 -m 0xffffffff
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 -w 9
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 --orig-zone 9
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 --reply-zone 9
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 -w 1; conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 -w 2
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 -n 203.0.113.9
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 -n 203.0.113.9:99
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 -g 203.0.113.8
		conntrack -I -p udp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 53 -t 1000 -g 203.0.113.8:5353
		conntrack -I -p tcp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 443 --state ESTABLISHED -t 1000 -n 203.0.113.9 -g 203.0.113.8:8443 -m 5 -w 3
		conntrack -I -p icmp -s 192.0.2.1 -d 198.51.100.7 --icmp-type 8 --icmp-code 0 --icmp-id 77 -t 1000
		conntrack -I -p icmp -s 192.0.2.1 -d 198.51.100.7 --icmp-type 13 --icmp-code 0 --icmp-id 77 -t 1000
		conntrack -I -p icmpv6 -s 2001:db8::1 -d 2001:db8::7 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 77 -t 1000
		conntrack -I -p gre -s 192.0.2.1 -d 198.51.100.7 --srckey 8 --dstkey 6 -t 1000
		conntrack -I -p sctp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 99 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2 -t 1000
		conntrack -I -p dccp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 99 --state OPEN --role client -t 1000
		conntrack -I -p udplite -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 99 -t 1000
		conntrack -I -p 200 -s 192.0.2.1 -d 198.51.100.7 -t 1000
		conntrack -I -p tcp -s 2001:db8::1 -d 2001:db8::7 --sport 40000 --dport 443 --state ESTABLISHED -t 1000 -u ASSURED,SEEN_REPLY
		conntrack -I -p udp -s 2001:db8::1 -d 2001:db8::7 --sport 40000 --dport 53 -t 1000 -m 7 -w 9
		conntrack -I -p udp -s 2001:db8::1 -d 2001:db8::7 --sport 40000 --dport 53 -t 1000 -n 2001:db8::99
		`,
	},
}
