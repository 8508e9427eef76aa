package nft

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
	"github.com/netfs-project/netfs/nl/nft"
)

// New returns the page of the nftables that c speaks to. Its error is
// errors.ErrUnsupported where the kernel has none.
func New(ctx context.Context, c *nl.Client) (fs.Page, error) {
	k := kernel{c}
	if _, err := k.Status(ctx); err != nil {
		return fs.Page{}, err
	}
	return Page(k), nil
}

type kernel struct{ c *nl.Client }

var families = map[string]uint8{
	"arp": nfnl.NFPROTO_ARP, "bridge": nfnl.NFPROTO_BRIDGE, "inet": nfnl.NFPROTO_INET,
	"ip": nfnl.NFPROTO_IPV4, "ip6": nfnl.NFPROTO_IPV6, "netdev": nfnl.NFPROTO_NETDEV,
}

func familyName(n uint8) string {
	for name, m := range families {
		if m == n {
			return name
		}
	}
	return strconv.Itoa(int(n))
}

func (k kernel) Status(ctx context.Context) (*Status, error) {
	g, err := nft.Generation(ctx, k.c)
	if errors.Is(err, errors.ErrUnsupported) || invalid(err) {
		return nil, fmt.Errorf("no nf_tables in this kernel: %w", errors.ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	return &Status{Generation: g.ID}, nil // the process that the kernel names is the one that asks
}

// invalid is what nfnetlink says to subsystems that are not there.
func invalid(err error) bool { return errors.Is(err, fs.ErrInvalid) }

// each converts what a dump yields.
func each[F, T any](from iter.Seq2[*F, error], convert func(*F, *T)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		var v T
		for f, err := range from {
			if err != nil {
				yield(nil, torn(err))
				return
			}
			var zero T
			v = zero
			convert(f, &v)
			if !yield(&v, nil) {
				return
			}
		}
	}
}

func torn(err error) error {
	if errors.Is(err, nl.ErrTorn) {
		return fs.ErrTorn
	}
	return err
}

func (k kernel) Tables(ctx context.Context, family string) iter.Seq2[*Table, error] {
	return each(nft.Tables(ctx, k.c, families[family]), func(f *nft.Table, t *Table) {
		t.Name, t.Family, t.Handle, t.Use = f.Name, familyName(f.Header.Family), f.Handle, f.Use
		t.Flags = flagWords(f.Flags, nft.NFT_TABLE_F_DORMANT, "dormant", nft.NFT_TABLE_F_OWNER, "owner", nft.NFT_TABLE_F_PERSIST, "persist")
	})
}

// flagWords names bits; pairs are a bit and its word.
func flagWords(flags uint32, pairs ...any) []string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		if bit := uint32(pairs[i].(int)); flags&bit != 0 {
			list = append(list, pairs[i+1].(string))
		}
	}
	return list
}

func (k kernel) Chains(ctx context.Context, family, table string) iter.Seq2[*Chain, error] {
	return each(nft.Chains(ctx, k.c, families[family], table), func(f *nft.Chain, c *Chain) {
		c.Name, c.Type, c.Handle, c.Use = f.Name, f.Type, f.Handle, f.Use
		c.Flags = flagWords(f.Flags, nft.NFT_CHAIN_HW_OFFLOAD, "offload")
		if f.Type == "" {
			return
		}
		c.Hooked(hookName(f.Header.Family, f.Hook.Num), f.Hook.Priority)
		c.Policy = policy(f.Policy)
		c.Devices = f.Hook.Devs
		if len(c.Devices) == 0 && f.Hook.Dev != "" {
			c.Devices = []string{f.Hook.Dev}
		}
	})
}

func policy(n uint32) string {
	if n == nft.NF_DROP {
		return "drop"
	}
	return "accept"
}

// Hooks by number (linux/netfilter.h, netfilter_arp.h, netfilter_bridge.h).
var (
	inetHooks   = []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	arpHooks    = []string{"input", "output", "forward"}
	netdevHooks = []string{"ingress", "egress"}
)

func hookName(family uint8, n uint32) string {
	hooks := inetHooks
	switch family {
	case nfnl.NFPROTO_ARP:
		hooks = arpHooks
	case nfnl.NFPROTO_NETDEV:
		hooks = netdevHooks
	}
	if n < uint32(len(hooks)) {
		return hooks[n]
	}
	return strconv.Itoa(int(n))
}

func (k kernel) Sets(ctx context.Context, family, table string) iter.Seq2[*Set, error] {
	return each(nft.Sets(ctx, k.c, families[family], table), func(f *nft.Set, s *Set) {
		s.Name, s.Handle, s.Size = f.Name, f.Handle, f.Desc.Size
		s.Type = typeName(f.KeyType)
		s.Timeout, s.GCInterval = f.Timeout.Seconds(), f.GCInterval.Seconds()
		s.Flags = flagWords(f.Flags, nft.NFT_SET_CONSTANT, "constant", nft.NFT_SET_INTERVAL, "interval", nft.NFT_SET_TIMEOUT, "timeout", nft.NFT_SET_EVAL, "dynamic")
		s.IsMap = f.Flags&(nft.NFT_SET_MAP|nft.NFT_SET_OBJECT) != 0
		s.Anonymous = f.Flags&nft.NFT_SET_ANONYMOUS != 0
		s.Comment = comment(f.UserData)
		switch {
		case f.Flags&nft.NFT_SET_OBJECT != 0:
			s.Data = objectName(f.ObjType)
		case f.Flags&nft.NFT_SET_MAP != 0 && f.DataType == verdict:
			s.Data = "verdict"
		case f.Flags&nft.NFT_SET_MAP != 0:
			s.Data = typeName(f.DataType)
		}
		switch {
		case f.Has.Has(nft.SetPolicy) && f.Policy == nft.NFT_SET_POL_MEMORY:
			s.Policy = "memory"
		case f.Has.Has(nft.SetPolicy):
			s.Policy = "performance"
		}
	})
}

// verdict is the data type of maps to verdicts (NFT_DATA_VERDICT).
const verdict = 0xffffff00

// types are nft(8)'s types by number; the kernel only keeps the number.
var types = []string{
	"invalid", "verdict", "nf_proto", "bitmask", "integer", "string", "ll_addr", "ipv4_addr", "ipv6_addr", "ether_addr",
	"ether_type", "arp_op", "inet_proto", "inet_service", "icmp_type", "tcp_flag", "dccp_pkttype", "mh_type", "time", "mark",
	"iface_index", "iface_type", "realm", "classid", "uid", "gid", "ct_state", "ct_dir", "ct_status", "icmpv6_type",
	"ct_label", "pkt_type", "icmp_code", "icmpv6_code", "icmpx_code", "devgroup", "dscp", "ecn", "fib_addrtype", "boolean",
	"ct_event", "ifname", "igmp_type", "time", "hour", "day", "cgroupsv2",
}

// typeName names a type; a concatenation has six bits for each of its parts,
// the first one highest.
func typeName(n uint32) string {
	var parts []string
	for ; n != 0; n >>= 6 {
		parts = append([]string{oneType(n & 63)}, parts...)
	}
	return strings.Join(parts, " . ")
}

func oneType(n uint32) string {
	if n < uint32(len(types)) {
		return types[n]
	}
	return strconv.Itoa(int(n))
}

// objects by number (NFT_OBJECT_*).
var objects = []string{"", "counter", "quota", "ct helper", "limit", "connlimit", "tunnel", "ct timeout", "secmark", "ct expectation", "synproxy"}

func objectName(n uint32) string {
	if n > 0 && n < uint32(len(objects)) {
		return objects[n]
	}
	return strconv.Itoa(int(n))
}

// setComment is the number of a comment in what nft(8) keeps with a set
// (NFTNL_UDATA_SET_COMMENT, libnftnl/udata.h).
const setComment = 7

// comment looks into what nft(8) keeps with a set: records of a byte type, a
// byte length and that many bytes.
func comment(b []byte) string {
	for len(b) >= 2 && len(b) >= 2+int(b[1]) {
		if b[0] == setComment {
			return strings.TrimRight(string(b[2:2+int(b[1])]), "\x00")
		}
		b = b[2+int(b[1]):]
	}
	return ""
}
