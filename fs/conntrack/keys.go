package conntrack

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/names"
)

// tupleKeys are the words of a tuple, with a word before each. What the
// protocol has prints, zero or not; words that it has not are absent.
func tupleKeys[T any](before, of string, at func(v *T) *Tuple, also ...string) []fs.Key[T] {
	ports := func(v *T) bool { return at(v).HasPorts() }
	icmp := func(v *T) bool { return at(v).HasICMP() }
	all := []fs.Key[T]{
		fs.Addr(before+"src", of+"source", func(v *T) *netip.Addr { return &at(v).Src }),
		fs.Addr(before+"dst", of+"destination", func(v *T) *netip.Addr { return &at(v).Dst }),
	}
	all = append(all, fs.Section(func(v *T) bool { t := at(v); return t.Sport|t.Dport != 0 || t.HasPorts() },
		where(fs.Num(before+"sport", of+"source port; GRE: key", func(v *T) *uint16 { return &at(v).Sport }), ports),
		where(fs.Num(before+"dport", of+"destination port; GRE: key", func(v *T) *uint16 { return &at(v).Dport }), ports),
	)...)
	return append(all, fs.Section(func(v *T) bool { t := at(v); return t.Type|t.Code != 0 || t.ID != 0 || t.HasICMP() },
		where(fs.Num(before+"icmp.type", of+"ICMP type", func(v *T) *uint8 { return &at(v).Type }), icmp),
		where(fs.Num(before+"icmp.code", of+"ICMP code", func(v *T) *uint8 { return &at(v).Code }), icmp),
		where(fs.Num(before+"icmp.id", of+"ICMP identifier", func(v *T) *uint16 { return &at(v).ID }), icmp),
	)...)
}

// where prints the key, zero or not, for records that have it. Others, such as
// that of a filter which names no protocol, print what is not zero.
func where[T any](k fs.Key[T], has func(v *T) bool) fs.Key[T] {
	get, full := k.Get, k.Always().Get
	k.Get = func(b []byte, v *T) []byte {
		n := len(b)
		if b = get(b, v); len(b) > n || !has(v) {
			return b
		}
		return full(b, v)
	}
	return k
}

func asID[T any](keys []fs.Key[T]) []fs.Key[T] {
	for i := range keys {
		keys[i].ID = true
	}
	return keys
}

func protoKey[T any](name, doc string, at func(v *T) *Tuple) fs.Key[T] {
	return fs.Enum(name, doc, names.IPProtos(), func(v *T) *uint8 { return &at(v).Proto })
}

// entryKeys are the words of a connection, in the order in which they print.
func entryKeys() *fs.Keys[Entry] {
	orig := func(e *Entry) *Tuple { return &e.Orig }
	reply := func(e *Entry) *Tuple { return &e.Reply }
	master := func(e *Entry) *Tuple { return &e.Master }
	all := []fs.Key[Entry]{protoKey("proto", "protocol above IP", orig).AsID()}
	all = append(all, asID(tupleKeys("", "", orig))...)
	all = append(all, fs.Section(func(e *Entry) bool { return e.Zone|e.Orig.Zone != 0 },
		fs.Num("zone", "zone of both directions", func(e *Entry) *uint16 { return &e.Zone }).AsID(),
		fs.Num("orig.zone", "zone of the first packet's direction", func(e *Entry) *uint16 { return &e.Orig.Zone }).Or("orig-zone").AsID(),
	)...)
	for _, k := range tupleKeys("reply.", "of answers: ", reply) {
		all = append(all, saysReply(k))
	}
	all = append(all,
		fs.Num("reply.zone", "zone of the answers' direction", func(e *Entry) *uint16 { return &e.Reply.Zone }).Or("reply-zone"),
		stateKey(),
		bitsKey("status", "what happened to it; seen_reply, assured and fixed_timeout can be set", statusBits, func(e *Entry) *Status { return &e.Status }),
		runs(fs.Num("timeout", "seconds until it ends if no packet comes", func(e *Entry) *uint32 { return &e.Timeout }).Always()),
	)
	all = append(all, fs.Section((*Entry).marked,
		fs.HexNum("mark", "mark", func(e *Entry) *uint32 { return &e.Mark }),
		labelsKey(),
		fs.Str("helper", "what understands the protocol above it: ftp, sip ...", func(e *Entry) *string { return &e.Helper }),
	)...)
	for dir, before := range []string{"", "reply."} {
		all = append(all, fs.Section(func(e *Entry) bool { return e.directed(dir) }, directionKeys(before, dir)...)...)
	}
	all = append(all, fs.Section((*Entry).rare, append([]fs.Key[Entry]{
		fs.Enum("dccp.role", "DCCP: client or server, of the original direction", fs.Names{1: "client", 2: "server"}, func(e *Entry) *Role { return &e.Role }),
		fs.Num("dccp.seq", "DCCP: sequence number of the handshake", func(e *Entry) *uint64 { return &e.Seq }),
		synproxyKey(),
		protoKey("master.proto", "of the connection that expected it: protocol", master),
	}, tupleKeys("master.", "of the connection that expected it: ", master)...)...)...)
	all = append(all, fs.Section((*Entry).counted,
		counter("packets", "packets of the original direction", 0, false),
		counter("bytes", "bytes of the original direction, with IP headers", 0, true),
		counter("reply.packets", "packets of answers", 1, false),
		counter("reply.bytes", "bytes of answers, with IP headers", 1, true),
	)...)
	all = append(all, fs.Section(func(e *Entry) bool { return e.Secctx != "" || e.Start|e.Stop != 0 },
		fs.Str("secctx", "security context", func(e *Entry) *string { return &e.Secctx }).ReadOnly(),
		fs.Num("start", "when it began, ns since 1970", func(e *Entry) *uint64 { return &e.Start }).ReadOnly(),
		fs.Num("stop", "when it ended, ns since 1970", func(e *Entry) *uint64 { return &e.Stop }).ReadOnly(),
	)...)
	return fs.NewKeys(append(all,
		useKey(),
		fs.Num("id", "tells it from a later one with the same words", func(e *Entry) *uint32 { return &e.ID }).ReadOnly(),
	)...)
}

// marked reports whether there is anything of what rules give a connection.
func (e *Entry) marked() bool { return e.Mark != 0 || e.Helper != "" || e.Labels != [2]uint64{} }

// counted reports whether there are counters.
func (e *Entry) counted() bool { return e.HasCount || e.Counters != [2]Counters{} }

// directed reports whether there is anything of directionKeys.
func (e *Entry) directed(dir int) bool {
	return e.Window[dir] != Window{} || e.VTag[dir] != 0 || e.SeqAdj[dir] != SeqAdj{}
}

// rare reports whether there is anything of what few connections have.
func (e *Entry) rare() bool {
	return e.Role != 0 || e.Seq != 0 || e.Synproxy != Synproxy{} || e.Master.Proto != 0 || e.Master.IsSet()
}

// useKey hides the one reference that every entry has.
func useKey() fs.Key[Entry] {
	k := fs.Num("use", "references held in the kernel", func(e *Entry) *uint32 { return &e.Use }).ReadOnly()
	k.Hide = func(e *Entry) bool { return e.Use == 1 }
	return k
}

func runs(k fs.Key[Entry]) fs.Key[Entry] { k.Runs = true; return k }

// saysReply notes that the answers' words are not left to the kernel.
func saysReply(k fs.Key[Entry]) fs.Key[Entry] {
	if k.Name == "reply.src" || k.Name == "reply.dst" {
		return k
	}
	set := k.Set
	k.Set = func(e *Entry, word string) error {
		if e.said&saidReply == 0 {
			fill(e)
			e.Reply.Proto = e.Orig.Proto // which tells what the answers' words are, and prints their zeroes
		}
		e.said |= saidReply
		return set(e, word)
	}
	return k
}

// fill makes the answers' words those of a connection without translation,
// before one of them is set.
func fill(e *Entry) {
	rev := e.Orig.reverse()
	r := &e.Reply
	r.Sport, r.Dport, r.Type, r.Code, r.ID = rev.Sport, rev.Dport, rev.Type, rev.Code, rev.ID
}

// stateKey reads its word by the protocol, which stands before it.
func stateKey() fs.Key[Entry] {
	return fs.Key[Entry]{
		Name: "state", Doc: "state of TCP, SCTP or DCCP", Type: fs.Word, Words: tcpStates,
		Get: func(b []byte, e *Entry) []byte {
			if e.State == 0 {
				return b
			}
			return e.State.append(b)
		},
		Set: func(e *Entry, word string) error {
			if e.Orig.Proto == 0 { // a filter, or a line whose proto comes later
				return setAnyState(e, word)
			}
			s, err := parseState(e.Orig.Proto, word)
			if err == nil {
				e.State = s
			}
			return err
		},
	}
}

// setAnyState takes the first protocol that has the state.
func setAnyState(e *Entry, word string) (err error) {
	for _, proto := range []uint8{protoTCP, protoSCTP, protoDCCP} {
		if e.State, err = parseState(proto, word); err == nil {
			return nil
		}
	}
	return errors.New("not a state of TCP, SCTP or DCCP")
}

// labelsKey is the numbers of the bits that are set.
func labelsKey() fs.Key[Entry] {
	return fs.Key[Entry]{
		Name: "labels", Also: []string{"label"}, Doc: "labels, by their numbers from 0 to 127", Type: fs.List,
		Get: func(b []byte, e *Entry) []byte {
			if e.Labels == [2]uint64{} {
				return b
			}
			first := true
			for n := range 128 {
				if e.Labels[n/64]>>(n%64)&1 == 0 {
					continue
				}
				if !first {
					b = append(b, ',')
				}
				first = false
				b = strconv.AppendUint(b, uint64(n), 10)
			}
			return b
		},
		Set: func(e *Entry, word string) error {
			var set [2]uint64
			for word != "" {
				var w string
				w, word, _ = strings.Cut(word, ",")
				n, err := strconv.ParseUint(w, 10, 8)
				if err != nil || n > 127 {
					return errors.New("not numbers in 0..127")
				}
				set[n/64] |= 1 << (n % 64)
			}
			e.Labels = set
			return nil
		},
	}
}

// directionKeys are what protocols know of one direction.
func directionKeys(before string, dir int) []fs.Key[Entry] {
	return []fs.Key[Entry]{
		fs.Num(before+"tcp.wscale", "TCP: shift of the window", func(e *Entry) *uint8 { return &e.Window[dir].Scale }),
		fs.HexNum(before+"tcp.flags", "TCP: what tracking knows, bits IP_CT_TCP_FLAG_", func(e *Entry) *uint8 { return &e.Window[dir].Flags }),
		fs.HexNum(before+"sctp.vtag", "SCTP: verification tag", func(e *Entry) *uint32 { return &e.VTag[dir] }),
		{
			Name: before + "seqadj", Doc: "shift of TCP sequence numbers: POSITION/BEFORE/AFTER", Type: fs.Word,
			Get: func(b []byte, e *Entry) []byte {
				s := e.SeqAdj[dir]
				if s == (SeqAdj{}) {
					return b
				}
				return appendNumbers(b, int64(s.Pos), int64(s.Before), int64(s.After))
			},
			Set: func(e *Entry, word string) error {
				n, err := parseNumbers(word)
				if err == nil {
					e.SeqAdj[dir] = SeqAdj{uint32(n[0]), int32(n[1]), int32(n[2])}
				}
				return err
			},
		},
	}
}

func synproxyKey() fs.Key[Entry] {
	return fs.Key[Entry]{
		Name: "synproxy", Doc: "what a SYN proxy translates: ISN/ITS/OFFSET", Type: fs.Word,
		Get: func(b []byte, e *Entry) []byte {
			s := e.Synproxy
			if s == (Synproxy{}) {
				return b
			}
			return appendNumbers(b, int64(s.ISN), int64(s.ITS), int64(s.Offset))
		},
		Set: func(e *Entry, word string) error {
			n, err := parseNumbers(word)
			if err == nil {
				e.Synproxy = Synproxy{uint32(n[0]), uint32(n[1]), uint32(n[2])}
			}
			return err
		},
	}
}

func appendNumbers(b []byte, n ...int64) []byte {
	for i, v := range n {
		if i > 0 {
			b = append(b, '/')
		}
		b = strconv.AppendInt(b, v, 10)
	}
	return b
}

func parseNumbers(word string) (n [3]int64, err error) {
	parts := strings.Split(word, "/")
	if len(parts) != 3 {
		return n, errors.New("not three numbers with slashes between them")
	}
	for i, s := range parts {
		if n[i], err = strconv.ParseInt(s, 0, 64); err != nil || n[i] > 1<<32-1 || n[i] < -1<<31 {
			return n, errors.New("not three numbers with slashes between them")
		}
	}
	return n, nil
}

// counter prints, zero or not, where the kernel counts.
func counter(name, doc string, dir int, bytes bool) fs.Key[Entry] {
	at := func(e *Entry) *uint64 {
		if bytes {
			return &e.Counters[dir].Bytes
		}
		return &e.Counters[dir].Packets
	}
	return where(fs.Num(name, doc, at), func(e *Entry) bool { return e.HasCount }).ReadOnly()
}

// expectKeys are the words of an expectation.
func expectKeys() *fs.Keys[Expect] {
	tuple := func(e *Expect) *Tuple { return &e.Tuple }
	mask := func(e *Expect) *Tuple { return &e.Mask }
	master := func(e *Expect) *Tuple { return &e.Master }
	nat := func(e *Expect) *Tuple { return &e.NAT }
	all := []fs.Key[Expect]{protoKey("proto", "protocol above IP", tuple).AsID()}
	all = append(all, asID(tupleKeys("", "", tuple))...)
	all = append(all, fs.Num("zone", "zone", func(e *Expect) *uint16 { return &e.Zone }).AsID())
	all = append(all, protoKey("mask.proto", "bits that count: protocol", mask))
	all = append(all, tupleKeys("mask.", "bits that count: ", mask)...)
	all = append(all, protoKey("master.proto", "of the connection that expects it: protocol", master))
	all = append(all, tupleKeys("master.", "of the connection that expects it: ", master)...)
	timeout := fs.Num("timeout", "seconds until it is dropped", func(e *Expect) *uint32 { return &e.Timeout }).Always()
	timeout.Runs = true
	all = append(all,
		timeout,
		fs.Str("helper", "the helper that expects it", func(e *Expect) *string { return &e.Helper }),
		fs.Str("func", "what is called when it comes", func(e *Expect) *string { return &e.Func }),
		bitsKey("flags", "permanent, inactive, userspace", expectFlags, func(e *Expect) *uint32 { return &e.Flags }),
		fs.Num("class", "the helper's own", func(e *Expect) *uint32 { return &e.Class }),
		fs.Enum("nat.dir", "direction that is translated; the original one when not given", fs.Names{1: "reply"}, func(e *Expect) *uint32 { return &e.NATDir }),
		protoKey("nat.proto", "translated to: protocol", nat),
	)
	all = append(all, tupleKeys("nat.", "translated to: ", nat)...)
	return fs.NewKeys(append(all, fs.Num("id", "tells it from a later one with the same words", func(e *Expect) *uint32 { return &e.ID }).ReadOnly())...)
}
