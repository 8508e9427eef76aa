package rule

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/names"
)

// keys are the words of a rule, in the order in which they print.
func (w *words) keys() *fs.Keys[Rule] {
	return fs.NewKeys(
		fs.Num("priority", "place in the order, the lowest is asked first; before all others but 0 when not given",
			func(r *Rule) *uint32 { return &r.Priority }).Or("pref", "prio", "preference", "order").When(func(r *Rule) *bool { return &r.HasPriority }).AsID(),
		familyKey(),
		fs.Bool("not", "match what the selectors do not", func(r *Rule) *bool { return &r.Not }),
		fs.Prefix("from", "source", func(r *Rule) *netip.Prefix { return &r.From }).Or("src"),
		fs.Prefix("to", "destination", func(r *Rule) *netip.Prefix { return &r.To }).Or("dst"),
		fs.Str("iif", "link the packet came by; lo for this machine's own", func(r *Rule) *string { return &r.Iif }).Or("dev"),
		fs.Str("oif", "link that its socket is bound to", func(r *Rule) *string { return &r.Oif }),
		markKey("fwmark", "mark, or MARK/MASK", func(r *Rule) *Mark { return &r.Mark }, 1<<32-1),
		fs.Enum("tos", "TOS byte", w.dsfields, func(r *Rule) *uint8 { return &r.Tos }).Or("dsfield"),
		markKey("dscp", "DSCP, 0 to 63, or DSCP/MASK", func(r *Rule) *Mark { return &r.DSCP }, 63),
		markKey("flowlabel", "IPv6 flow label, or LABEL/MASK", func(r *Rule) *Mark { return &r.Label }, 1<<20-1),
		fs.Enum("ipproto", "protocol", names.IPProtos(), func(r *Rule) *uint8 { return &r.IPProto }),
		portsKey("sport", "source port, or LOW-HIGH, or PORT/MASK", func(r *Rule) *Ports { return &r.Sport }),
		portsKey("dport", "destination port, or LOW-HIGH, or PORT/MASK", func(r *Rule) *Ports { return &r.Dport }),
		uidsKey(),
		fs.Num("tun_id", "key of the tunnel it came through", func(r *Rule) *uint64 { return &r.TunID }),
		fs.Enum("table", "routing table to ask; main when not given", w.tables, func(r *Rule) *uint32 { return &r.Table }).Or("lookup"),
		typeKey(),
		gotoKey(),
		fs.Bool("l3mdev", "ask the table of the packet's vrf", func(r *Rule) *bool { return &r.L3mdev }),
		smallKey("suppress_prefixlength", "drop answers whose prefix is not longer", func(r *Rule) *Small { return &r.SupPrefix }, decimal(128)).Or("sup_pl", "suppress_prefixlen"),
		smallKey("suppress_ifgroup", "drop answers that leave by links of this group", func(r *Rule) *Small { return &r.SupGroup }, w.groups).Or("sup_group"),
		w.realmsKey(),
		fs.Enum("proto", "who made the rule", w.protos, func(r *Rule) *uint8 { return &r.Proto }).Or("protocol"),
		fs.Bit("unresolved", "goto leads nowhere yet", func(r *Rule) *Detached { return &r.Detached }, Unresolved).ReadOnly(),
		fs.Bit("iif_detached", "there is no link iif now", func(r *Rule) *Detached { return &r.Detached }, IifDetached).ReadOnly(),
		fs.Bit("oif_detached", "there is no link oif now", func(r *Rule) *Detached { return &r.Detached }, OifDetached).ReadOnly(),
		fs.Opts("attribute that netfs does not know, by its number", func(r *Rule) *[]fs.Opt { return &r.Opts }),
	)
}

// familyKey prints where no address tells the family.
func familyKey() fs.Key[Rule] {
	return fs.Key[Rule]{
		Name: "family", Doc: "inet or inet6; inet when neither from nor to tells", Type: fs.Word, Words: []string{"inet", "inet6"}, Bare: true,
		Hide: func(r *Rule) bool { return !r.Inet6 || r.From.IsValid() || r.To.IsValid() },
		Get: func(b []byte, r *Rule) []byte {
			if r.Inet6 {
				return append(b, "inet6"...)
			}
			return append(b, "inet"...)
		},
		Set: func(r *Rule, word string) error {
			if word != "inet" && word != "inet6" {
				return errors.New("neither inet nor inet6")
			}
			r.Inet6 = word == "inet6"
			return nil
		},
	}
}

// typeKey prints what neither table, goto nor l3mdev tells.
func typeKey() fs.Key[Rule] {
	k := fs.Enum("type", "what happens to the packet: lookup, goto, nop, blackhole, unreachable or prohibit", types, func(r *Rule) *Type { return &r.Type }).Or("action")
	k.Hide = func(r *Rule) bool { return r.Type == Lookup || r.Type == Goto }
	k.Words = []string{"nop", "blackhole", "unreachable", "prohibit"}
	k.Bare = true
	return k
}

// gotoKey makes the rule a jump.
func gotoKey() fs.Key[Rule] {
	k := fs.Num("goto", "priority of the rule to go on with", func(r *Rule) *uint32 { return &r.Goto }).When(func(r *Rule) *bool { return &r.HasGoto })
	set := k.Set
	k.Set = func(r *Rule, word string) error {
		if err := set(r, word); err != nil {
			return err
		}
		r.Type = Goto
		return nil
	}
	return k
}

// markKey is VALUE, or VALUE/MASK where not all bits count.
func markKey(name, doc string, at func(r *Rule) *Mark, all uint32) fs.Key[Rule] {
	return fs.Key[Rule]{
		Name: name, Doc: doc, Type: fs.Word,
		Get: func(b []byte, r *Rule) []byte {
			m := at(r)
			if m.Mask == 0 {
				return b
			}
			b = strconv.AppendUint(append(b, "0x"...), uint64(m.Value), 16)
			if m.Mask == all {
				return b
			}
			return strconv.AppendUint(append(b, "/0x"...), uint64(m.Mask), 16)
		},
		Set: func(r *Rule, word string) error {
			value, mask, two := strings.Cut(word, "/")
			v, err := strconv.ParseUint(value, 0, 32)
			m := uint64(all)
			if err == nil && two {
				m, err = strconv.ParseUint(mask, 0, 32)
			}
			if err != nil || v > uint64(all) || m > uint64(all) {
				return errors.New("not a number such as 0x1, or 0x1/0xff")
			}
			*at(r) = Mark{uint32(v), uint32(m)}
			return nil
		},
	}
}

func portsKey(name, doc string, at func(r *Rule) *Ports) fs.Key[Rule] {
	return fs.Key[Rule]{
		Name: name, Doc: doc, Type: fs.Word,
		Get: func(b []byte, r *Rule) []byte {
			p := at(r)
			if *p == (Ports{}) {
				return b
			}
			b = appendRange(b, uint64(p.Low), uint64(p.High))
			if p.Mask == 0 || p.Mask == 1<<16-1 {
				return b
			}
			return strconv.AppendUint(append(b, "/0x"...), uint64(p.Mask), 16)
		},
		Set: func(r *Rule, word string) error {
			word, mask, two := strings.Cut(word, "/")
			low, high, err := parseRange(word, 16)
			if err != nil {
				return err
			}
			p := Ports{Low: uint16(low), High: uint16(high)}
			if two {
				m, err := strconv.ParseUint(mask, 0, 16)
				if err != nil || low != high {
					return errors.New("not PORT/MASK")
				}
				p.Mask = uint16(m)
			}
			*at(r) = p
			return nil
		},
	}
}

func uidsKey() fs.Key[Rule] {
	return fs.Key[Rule]{
		Name: "uidrange", Doc: "users who send it, LOW-HIGH", Type: fs.Word,
		Get: func(b []byte, r *Rule) []byte {
			if !r.UIDs.OK {
				return b
			}
			b = strconv.AppendUint(b, uint64(r.UIDs.Low), 10)
			return strconv.AppendUint(append(b, '-'), uint64(r.UIDs.High), 10)
		},
		Set: func(r *Rule, word string) error {
			low, high, err := parseRange(word, 32)
			if err == nil {
				r.UIDs = Range{uint32(low), uint32(high), true}
			}
			return err
		},
	}
}

// smallKey is a number for which zero is a value.
func smallKey(name, doc string, at func(r *Rule) *Small, names fs.Namer) fs.Key[Rule] {
	k := fs.Enum(name, doc, names, func(r *Rule) *uint32 { return &at(r).N }).Always().When(func(r *Rule) *bool { return &at(r).OK })
	if _, ok := names.(decimal); ok {
		k.Type = fs.Number
	}
	return k
}

// decimal is numbers up to itself, without names.
type decimal uint32

func (d decimal) Append(b []byte, n uint32) []byte { return strconv.AppendUint(b, uint64(n), 10) }

func (d decimal) Parse(word string) (uint32, error) {
	n, err := strconv.ParseUint(word, 0, 32)
	if err != nil || n > uint64(d) {
		return 0, errors.New("not in 0.." + strconv.FormatUint(uint64(d), 10))
	}
	return uint32(n), nil
}

// realmsKey is FROM/TO, or TO alone.
func (w *words) realmsKey() fs.Key[Rule] {
	return fs.Key[Rule]{
		Name: "realms", Also: []string{"realm"}, Doc: "realms FROM/TO of packets whose route has none", Type: fs.Word,
		Get: func(b []byte, r *Rule) []byte {
			if r.Realms == 0 {
				return b
			}
			if from := r.Realms >> 16; from != 0 {
				b = append(w.realms.Append(b, from), '/')
			}
			return w.realms.Append(b, r.Realms&0xffff)
		},
		Set: func(r *Rule, word string) error {
			from, to, two := strings.Cut(word, "/")
			if !two {
				from, to = "0", word
			}
			f, err := w.realms.Parse(from)
			if err != nil {
				return err
			}
			t, err := w.realms.Parse(to)
			if err != nil {
				return err
			}
			r.Realms = f<<16 | t
			return nil
		},
	}
}
