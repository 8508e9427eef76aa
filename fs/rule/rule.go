// Package rule serves the routing policy: rules at the root, one line for each
// rule of both families, in the order in which the kernel asks them.
//
//	cat rules
//	echo add priority 100 from 192.0.2.0/24 lookup blue > rules
//	echo add fwmark 0x1/0xff iif eth0 blackhole > rules
//	echo del priority 100 > rules
//
// The kernel has no key by which a rule is known: every word tells it. So a
// line makes one more rule unless there is one that is the same in all words.
// The words are those of ip-rule(8). Rules without an address are IPv4's unless
// the line says family=inet6.
package rule

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/names"
)

// A Rule is one rule.
type Rule struct {
	Priority    uint32
	HasPriority bool
	Inet6       bool
	Not         bool
	From        netip.Prefix
	To          netip.Prefix
	Iif         string
	Oif         string
	Mark        Mark
	Tos         uint8
	DSCP        Mark
	Label       Mark // IPv6 flow label
	IPProto     uint8
	Sport       Ports
	Dport       Ports
	UIDs        Range
	TunID       uint64
	Table       uint32
	Type        Type
	Goto        uint32
	HasGoto     bool
	L3mdev      bool
	SupPrefix   Small // drops answers of this prefix length or less
	SupGroup    Small // drops answers that leave by links of this group
	Realms      uint32
	Proto       uint8
	Detached    Detached
	Opts        []fs.Opt
}

// A Mark is a number and which of its bits count. Mask 0 is none.
type Mark struct{ Value, Mask uint32 }

// A Range is from Low to High, both included.
type Range struct {
	Low, High uint32
	OK        bool
}

// Ports is from Low to High; Mask, when not zero, says which bits of Low count
// instead.
type Ports struct{ Low, High, Mask uint16 }

// A Small is a number that may be absent.
type Small struct {
	N  uint32
	OK bool
}

// Type is what happens to a packet that matches. The numbers are those of
// FR_ACT_* in linux/fib_rules.h.
type Type uint8

const (
	Lookup      Type = 1
	Goto        Type = 2
	Nop         Type = 3
	Blackhole   Type = 6
	Unreachable Type = 7
	Prohibit    Type = 8
)

var types = fs.Names{1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}

// Detached tells what a rule waits for.
type Detached uint8

const (
	Unresolved  Detached = 1 << iota // goto leads nowhere yet
	IifDetached                      // no such link now
	OifDetached
)

const tableMain = 254

// A Kernel has rules.
type Kernel interface {
	// Rules yields the rules of both families in their order, each borrowed
	// until the next step. It may use q (family) to yield fewer.
	Rules(ctx context.Context, q *fs.Query[Rule]) iter.Seq2[*Rule, error]
	// Change carries out ops: Add, Append, Replace (of none) and Del.
	Change(ctx context.Context, ops []fs.Op[Rule])
	Watch(ctx context.Context) iter.Seq2[fs.Event[Rule], error]
}

// Page returns the file of k's rules.
func Page(k Kernel) fs.Page {
	w := &words{protos: names.Protos(), tables: names.Tables(), realms: names.Realms(), dsfields: names.Dsfields(), groups: names.Groups()}
	t := &fs.Table[Rule]{
		Kind:    "rule",
		Also:    []string{"ru", "rules"},
		Doc:     "the routing policy, in the order in which the kernel asks it",
		Keys:    w.keys(),
		Norm:    norm,
		Unkeyed: true,
		Rows: func(ctx context.Context, q *fs.Query[Rule]) iter.Seq2[*Rule, error] {
			w.refresh()
			return k.Rules(ctx, q)
		},
		Watch: k.Watch,
	}
	t.Do = func(ctx context.Context, ops []fs.Op[Rule]) { change(ctx, k, ops) }
	return fs.Page{Root: fs.Dir{"rules": t}, Kinds: []fs.Kind{t}}
}

// change sends the ops, but for lines that name no priority and are there with
// any: they ask for what is so.
func change(ctx context.Context, k Kernel, ops []fs.Op[Rule]) {
	var send []fs.Op[Rule]
	var at []int
	for i := range ops {
		o := &ops[i]
		if o.Act == fs.Change {
			o.Err = remake(ctx, k, o)
			continue
		}
		if o.Act == fs.Replace && !o.Row.HasPriority {
			if there, err := exists(ctx, k, &o.Row); there || err != nil {
				o.Err = err
				continue
			}
		}
		send, at = append(send, *o), append(at, i)
	}
	if len(send) == 0 {
		return
	}
	k.Change(ctx, send)
	for i := range send {
		ops[at[i]].Err = send[i].Err
	}
}

// remake makes the changed rule beside the old one and then deletes that: the
// kernel changes no rule.
func remake(ctx context.Context, k Kernel, o *fs.Op[Rule]) error {
	if o.Old == nil {
		return fs.ErrNotExist
	}
	one := []fs.Op[Rule]{*o}
	one[0].Act, one[0].Old = fs.Add, nil
	k.Change(ctx, one)
	if one[0].Err != nil {
		return one[0].Err
	}
	one[0] = *o
	one[0].Act, one[0].Row = fs.Del, *o.Old
	k.Change(ctx, one)
	return one[0].Err
}

func exists(ctx context.Context, k Kernel, want *Rule) (bool, error) {
	for r, err := range k.Rules(ctx, new(fs.Query[Rule])) {
		if err != nil {
			return false, err
		}
		if same(r, want) {
			return true, nil
		}
	}
	return false, nil
}

// same compares what a line can set, but for the priority.
func same(a, b *Rule) bool {
	x, y := plain(a), plain(b)
	return x == y && slices.EqualFunc(a.Opts, b.Opts, func(p, q fs.Opt) bool { return p.N == q.N && bytes.Equal(p.Data, q.Data) })
}

// plain is r without what does not count and what cannot be compared by ==.
func plain(r *Rule) ruleKey {
	return ruleKey{
		r.Inet6, r.Not, r.L3mdev, r.From, r.To, r.Iif, r.Oif, r.Mark, r.Label, r.DSCP, r.Tos, r.IPProto, r.Proto, r.SupPrefix, r.SupGroup,
		r.Sport, r.Dport, r.UIDs, r.TunID, r.Table, r.Goto, r.Realms, r.Type,
	}
}

type ruleKey struct {
	inet6, not, l3mdev  bool
	from, to            netip.Prefix
	iif, oif            string
	mark, label, dscp   Mark
	tos, ipproto, proto uint8
	supPrefix, supGroup Small
	sport, dport        Ports
	uids                Range
	tunID               uint64
	table, goTo, realms uint32
	typ                 Type
}

// norm fills in what ip-rule(8) fills in.
func norm(r *Rule) {
	for _, p := range []*netip.Prefix{&r.From, &r.To} {
		if !p.IsValid() {
			continue
		}
		if p.Addr().Is6() {
			r.Inet6 = true
		}
		if p.Bits() == 0 { // "from all"
			*p = netip.Prefix{}
		}
	}
	switch {
	case r.Type != 0:
	case r.HasGoto:
		r.Type = Goto
	default:
		r.Type = Lookup
	}
	if r.Type == Lookup && r.Table == 0 && !r.L3mdev {
		r.Table = tableMain
	}
	if r.L3mdev {
		r.Table = 0
	}
}

type words struct {
	protos, tables, realms, dsfields, groups *names.Table
}

func (w *words) refresh() {
	for _, t := range []*names.Table{w.protos, w.tables, w.realms, w.dsfields, w.groups} {
		t.Refresh()
	}
}

// parseRange reads LOW-HIGH or one number.
func parseRange(word string, bits int) (low, high uint64, err error) {
	a, b, two := strings.Cut(word, "-")
	if !two {
		b = a
	}
	low, err = strconv.ParseUint(a, 0, bits)
	if err == nil {
		high, err = strconv.ParseUint(b, 0, bits)
	}
	if err != nil || low > high {
		return 0, 0, errors.New("not a number or a range such as 1-5")
	}
	return low, high, nil
}

func appendRange(b []byte, low, high uint64) []byte {
	b = strconv.AppendUint(b, low, 10)
	if high == low {
		return b
	}
	return strconv.AppendUint(append(b, '-'), high, 10)
}
