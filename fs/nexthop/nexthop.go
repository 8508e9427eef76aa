// Package nexthop serves nexthop objects, the ways that routes can share:
// nexthops at the root, and nexthops.buckets, which shows how resilient groups
// spread their flows.
//
//	echo add id 1 via 192.0.2.9 dev eth0 > nexthops
//	echo add id 10 group 1,3/2 type resilient buckets 32 > nexthops
//	cat nexthops,dev=eth0
//	cat nexthops.buckets,id=10
//
// The words are those of ip-nexthop(8).
package nexthop

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/encap"
	"github.com/netfs-project/netfs/fs/names"
)

// A Nexthop is one nexthop object: a way, a hole, or a group of others.
type Nexthop struct {
	ID        uint32
	Via       netip.Addr
	Dev       string
	Blackhole bool
	FDB       bool // a remote end for a bridge's table
	Inet6     bool // the family, where Via does not tell
	Flags     Flags
	Scope     uint8
	Proto     uint8
	Encap     encap.Encap
	Group     []Member
	Type      Type

	// Resilient groups only.
	Buckets    uint16
	Idle       time.Duration
	Unbalanced time.Duration
	HasTimers  Timers
	Since      time.Duration // how long it has been out of balance

	Opts []fs.Opt
}

// A Member is a nexthop of a group, by its id and its part of the traffic.
type Member struct {
	ID     uint32
	Weight uint32 // 1 and up
}

// Type is how a group spreads its flows: NEXTHOP_GRP_TYPE_* in
// linux/nexthop.h.
type Type uint16

const (
	Multipath Type = 0
	Resilient Type = 1
)

// Timers are those that were given.
type Timers uint8

const (
	HasIdle Timers = 1 << iota
	HasUnbalanced
)

// Flags of a nexthop. The numbers are ours.
type Flags uint8

const (
	Onlink Flags = 1 << iota
	Dead
	Linkdown
	Offload
	Trap
)

// A Bucket is one slot of a resilient group.
type Bucket struct {
	ID    uint32 // the group's
	Index uint32
	NHID  uint32 // the nexthop in it
	Idle  time.Duration
}

// A Kernel has nexthop objects.
type Kernel interface {
	// Nexthops yields the objects in the order of their ids, each borrowed until
	// the next step. It may use q (id, dev, fdb) to yield fewer.
	Nexthops(ctx context.Context, q *fs.Query[Nexthop]) iter.Seq2[*Nexthop, error]
	Change(ctx context.Context, ops []fs.Op[Nexthop])
	Watch(ctx context.Context) iter.Seq2[fs.Event[Nexthop], error]
	// Buckets yields the slots of resilient groups. It may use q (id, nhid).
	Buckets(ctx context.Context, q *fs.Query[Bucket]) iter.Seq2[*Bucket, error]
}

// Page returns the files of k's nexthop objects.
func Page(k Kernel) fs.Page {
	protos, scopes := names.Protos(), names.Scopes()
	t := &fs.Table[Nexthop]{
		Kind: "nexthop",
		Also: []string{"nh", "nexthops"},
		Doc:  "nexthop objects, which routes name by nhid=",
		Keys: keys(protos, scopes),
		Norm: norm,
		Rows: func(ctx context.Context, q *fs.Query[Nexthop]) iter.Seq2[*Nexthop, error] {
			protos.Refresh()
			return k.Nexthops(ctx, q)
		},
		Watch: k.Watch,
	}
	t.Do = func(ctx context.Context, ops []fs.Op[Nexthop]) {
		for i := range ops {
			settle(&ops[i])
		}
		k.Change(ctx, ops)
	}
	buckets := &fs.Table[Bucket]{
		Kind: "bucket",
		Doc:  "the slots of resilient groups and the nexthops in them",
		Keys: bucketKeys(),
		Rows: k.Buckets,
	}
	return fs.Page{
		Root:  fs.Dir{"nexthops": t, "nexthops.buckets": buckets},
		Kinds: []fs.Kind{t},
	}
}

// norm fills in what the kernel fills in.
func norm(n *Nexthop) {
	if n.Via.IsValid() {
		n.Inet6 = n.Via.Is6()
	}
	if len(n.Group) > 0 {
		n.Inet6 = false
	}
}

// settle takes away what a change of kind makes void.
func settle(o *fs.Op[Nexthop]) {
	if o.Old == nil || o.Act == fs.Del {
		return
	}
	n := &o.Row
	switch {
	case o.Has("group") && len(n.Group) > 0:
		n.Via, n.Dev, n.Blackhole, n.Encap = netip.Addr{}, "", false, encap.Encap{}
	case o.Has("blackhole") && n.Blackhole:
		n.Via, n.Dev, n.Group, n.Encap = netip.Addr{}, "", nil, encap.Encap{}
	case o.Has("via") || o.Has("dev"):
		n.Blackhole, n.Group = false, nil
	}
}

func keys(protos, scopes *names.Table) *fs.Keys[Nexthop] {
	all := []fs.Key[Nexthop]{
		fs.Num("id", "number of the object; the kernel chooses when not given", func(n *Nexthop) *uint32 { return &n.ID }).AsID(),
		viaKey(),
		fs.Str("dev", "link that packets leave by", func(n *Nexthop) *string { return &n.Dev }).Or("oif"),
		fs.Bool("blackhole", "drop the packets", func(n *Nexthop) *bool { return &n.Blackhole }),
		groupKey(),
		fs.Enum("type", "how a group spreads its flows: mpath or resilient; mpath when not given", fs.Names{0: "mpath", 1: "resilient"}, func(n *Nexthop) *Type { return &n.Type }),
		fs.Num("buckets", "resilient: number of slots", func(n *Nexthop) *uint16 { return &n.Buckets }),
		timer("idle_timer", "resilient: seconds without traffic after which a slot may move; 120 when not given", func(n *Nexthop) *time.Duration { return &n.Idle }, HasIdle),
		timer("unbalanced_timer", "resilient: seconds out of balance after which slots are forced to move; 0: never", func(n *Nexthop) *time.Duration { return &n.Unbalanced }, HasUnbalanced),
		fs.Secs("unbalanced_time", "resilient: seconds out of balance so far", func(n *Nexthop) *time.Duration { return &n.Since }).ReadOnly(),
		fs.Bool("fdb", "remote end for a bridge's forwarding table", func(n *Nexthop) *bool { return &n.FDB }),
		fs.Bit("onlink", "take the gateway to be on the link, whatever the addresses say", func(n *Nexthop) *Flags { return &n.Flags }, Onlink),
		familyKey(),
		fs.Enum("proto", "who made the object", protos, func(n *Nexthop) *uint8 { return &n.Proto }).Or("protocol"),
		fs.Enum("scope", "how far the gateway is", scopes, func(n *Nexthop) *uint8 { return &n.Scope }).ReadOnly(),
		fs.Bit("dead", "the link is down", func(n *Nexthop) *Flags { return &n.Flags }, Dead).ReadOnly(),
		fs.Bit("linkdown", "the link has no carrier", func(n *Nexthop) *Flags { return &n.Flags }, Linkdown).ReadOnly(),
		fs.Bit("offload", "hardware forwards these packets", func(n *Nexthop) *Flags { return &n.Flags }, Offload).ReadOnly(),
		fs.Bit("trap", "hardware hands these packets to the kernel", func(n *Nexthop) *Flags { return &n.Flags }, Trap).ReadOnly(),
	}
	all = append(all, encap.Keys(func(n *Nexthop) *encap.Encap { return &n.Encap })...)
	return fs.NewKeys(append(all, fs.Opts("attribute that netfs does not know, by its number", func(n *Nexthop) *[]fs.Opt { return &n.Opts }))...)
}

func bucketKeys() *fs.Keys[Bucket] {
	return fs.NewKeys(
		fs.Num("id", "the group", func(b *Bucket) *uint32 { return &b.ID }).AsID(),
		fs.Num("index", "number of the slot", func(b *Bucket) *uint32 { return &b.Index }).Always().AsID(),
		fs.Num("nhid", "nexthop in it", func(b *Bucket) *uint32 { return &b.NHID }),
		fs.Secs("idle_time", "seconds since its last packet", func(b *Bucket) *time.Duration { return &b.Idle }).Always().ReadOnly(),
	)
}

func viaKey() fs.Key[Nexthop] {
	k := fs.Addr("via", "address of the next router", func(n *Nexthop) *netip.Addr { return &n.Via }).Or("gateway")
	k.Mods = []string{"inet", "inet6"}
	set := k.Set
	k.Set = func(n *Nexthop, word string) error {
		if _, rest, two := strings.Cut(word, " "); two {
			word = rest
		}
		return set(n, word)
	}
	return k
}

// timer is a time that prints for resilient groups, zero or not.
func timer(name, doc string, at func(n *Nexthop) *time.Duration, bit Timers) fs.Key[Nexthop] {
	k := fs.Secs(name, doc, at).Always()
	get, set := k.Get, k.Set
	k.Get = func(b []byte, n *Nexthop) []byte {
		if n.HasTimers&bit == 0 {
			return b
		}
		return get(b, n)
	}
	k.Set = func(n *Nexthop, word string) error {
		n.HasTimers |= bit
		return set(n, word)
	}
	return k
}

// familyKey prints where the gateway does not tell the family.
func familyKey() fs.Key[Nexthop] {
	return fs.Key[Nexthop]{
		Name: "family", Doc: "inet or inet6; inet when via does not tell", Type: fs.Word, Words: []string{"inet", "inet6"}, Bare: true,
		Hide: func(n *Nexthop) bool { return !n.Inet6 || n.Via.IsValid() },
		Get: func(b []byte, n *Nexthop) []byte {
			switch {
			case len(n.Group) > 0:
				return b
			case n.Inet6:
				return append(b, "inet6"...)
			}
			return append(b, "inet"...)
		},
		Set: func(n *Nexthop, word string) error {
			if word != "inet" && word != "inet6" {
				return errors.New("neither inet nor inet6")
			}
			n.Inet6 = word == "inet6"
			return nil
		},
	}
}

// groupKey is ID or ID,WEIGHT for each member, with slashes between them.
func groupKey() fs.Key[Nexthop] {
	return fs.Key[Nexthop]{
		Name: "group", Doc: "members of a group: ID[,WEIGHT] with slashes between them; weight 1 when not given", Type: fs.Word,
		Get: func(b []byte, n *Nexthop) []byte {
			for i, m := range n.Group {
				if i > 0 {
					b = append(b, '/')
				}
				b = strconv.AppendUint(b, uint64(m.ID), 10)
				if m.Weight > 1 {
					b = strconv.AppendUint(append(b, ','), uint64(m.Weight), 10)
				}
			}
			return b
		},
		Set: func(n *Nexthop, word string) error {
			var all []Member
			for _, s := range strings.Split(word, "/") {
				m, err := parseMember(s)
				if err != nil {
					return err
				}
				all = append(all, m)
			}
			n.Group = all
			return nil
		},
	}
}

func parseMember(s string) (Member, error) {
	id, weight, two := strings.Cut(s, ",")
	n, err := strconv.ParseUint(id, 0, 32)
	w := uint64(1)
	if err == nil && two {
		w, err = strconv.ParseUint(weight, 0, 32)
	}
	if err != nil || n == 0 || w == 0 || w > 1<<16 {
		return Member{}, errors.New("not members such as 10,1/11,2")
	}
	return Member{uint32(n), uint32(w)}, nil
}
