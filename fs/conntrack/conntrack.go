// Package conntrack serves connection tracking: the table conntrack at the
// root, and ct with the expectations of helpers, counters, events and settings.
//
//	cat conntrack,proto=tcp,dport=443                 the kernel filters
//	echo del tcp src 192.0.2.1 dst 198.51.100.7 sport 40000 dport 443 > conntrack
//	echo flush mark=0x7 > conntrack
//	echo change proto=udp ... timeout=600 mark=0x1 > conntrack
//	cat ct/stats; cat ct/cpu; cat ct/events
//	echo max=524288 tcp_timeout_established=86400 > ct/ctl
//	echo flush all > ct/ctl                           in one request
//
// A connection is known by the tuple of its first packet (proto, src, dst and
// the ports, keys or ICMP words) and its zone. The tuple of answers has the
// same words with "reply." before them; where they are not the reverse of the
// first ones, addresses are translated, and a connection made by a line
// translates so, too. States and status words are those of conntrack(8) in
// lower case but for states.
package conntrack

import (
	"context"
	"iter"
	"net/netip"
	"syscall"

	"github.com/netfs-project/netfs/fs"
)

// A Tuple is what the kernel looks up for a packet in one direction.
type Tuple struct {
	Proto    uint8
	Src, Dst netip.Addr
	Sport    uint16 // of protocols with ports; GRE: the keys
	Dport    uint16
	Type     uint8 // ICMP and ICMPv6
	Code     uint8
	ID       uint16
	Zone     uint16 // if only this direction has one
}

// Numbers of protocols whose tuples have a shape of their own.
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoGRE     = 47
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

// HasPorts reports whether tuples of the protocol have ports.
func (t *Tuple) HasPorts() bool {
	switch t.Proto {
	case protoTCP, protoUDP, protoDCCP, protoGRE, protoSCTP, protoUDPLite:
		return true
	}
	return false
}

// HasICMP reports whether tuples of the protocol have type, code and
// identifier.
func (t *Tuple) HasICMP() bool { return t.Proto == protoICMP || t.Proto == protoICMPv6 }

// IsSet reports whether the tuple says anything.
func (t *Tuple) IsSet() bool { return t.Src.IsValid() || t.Dst.IsValid() }

// An Entry is one tracked connection.
type Entry struct {
	Orig   Tuple
	Reply  Tuple
	Master Tuple // the connection that expected this one
	Zone   uint16

	State   State
	Status  Status
	Timeout uint32 // seconds
	Mark    uint32
	Labels  [2]uint64 // bit n is in Labels[n/64]
	Helper  string
	Secctx  string

	Window   [2]Window // TCP, by direction
	VTag     [2]uint32 // SCTP
	Role     Role      // DCCP
	Seq      uint64    // DCCP
	SeqAdj   [2]SeqAdj // where a helper changed lengths
	Synproxy Synproxy

	// State, not setting.
	ID       uint32
	Use      uint32
	Counters [2]Counters
	HasCount bool
	Start    uint64 // ns since 1970
	Stop     uint64

	said said
}

// said tells which words stood in a line.
type said uint8

const saidReply said = 1

// A Window is what TCP tracking knows of one direction.
type Window struct {
	Scale uint8
	Flags uint8
}

// SeqAdj shifts TCP sequence numbers.
type SeqAdj struct {
	Pos           uint32
	Before, After int32
}

// Synproxy is what a SYN proxy translates.
type Synproxy struct {
	ISN, ITS, Offset uint32
}

// Counters count one direction.
type Counters struct{ Packets, Bytes uint64 }

// Role of DCCP's original direction.
type Role uint8

// An Expect is a connection that will come because of another one.
type Expect struct {
	Tuple   Tuple
	Mask    Tuple // which bits of Tuple count
	Master  Tuple
	NAT     Tuple
	NATDir  uint32 // 1: of the answers
	Timeout uint32 // seconds
	ID      uint32
	Helper  string
	Func    string
	Zone    uint16
	Flags   uint32
	Class   uint32
}

// A CPU is what one CPU counted.
type CPU struct {
	CPU                                                   uint32
	Found, Invalid, Insert, InsertFailed, Drop, EarlyDrop uint64
	Error, SearchRestart, ClashResolve, ChainTooLong      uint64
	ExpectNew, ExpectCreate, ExpectDelete                 uint64
}

// Stats are the table's size and the sums of what the CPUs counted.
type Stats struct {
	Entries, Max uint32
	Sum          CPU
}

// A Kernel tracks connections.
type Kernel interface {
	// Entries yields the connections, each borrowed until the next step. It may
	// use q (proto src dst sport dport, reply.*, zone mark status) to yield
	// fewer.
	Entries(ctx context.Context, q *fs.Query[Entry]) iter.Seq2[*Entry, error]
	Change(ctx context.Context, ops []fs.Op[Entry])
	Watch(ctx context.Context) iter.Seq2[fs.Event[Entry], error]
	Flush(ctx context.Context) error

	Expects(ctx context.Context) iter.Seq2[*Expect, error]
	ChangeExpects(ctx context.Context, ops []fs.Op[Expect])

	Stats(ctx context.Context) (entries, max uint32, err error)
	CPUs(ctx context.Context) ([]CPU, error)

	// Setting reads and Set writes net.netfilter.nf_conntrack_NAME. A setting
	// that this kernel lacks is fs.ErrNotExist.
	Setting(name string) (uint64, error)
	Set(name string, v uint64) error
}

// Page returns the files of k's connection tracking.
func Page(k Kernel) fs.Page {
	t := &fs.Table[Entry]{
		Kind:  "ct",
		Also:  []string{"conntrack"},
		Doc:   "tracked connections",
		Keys:  entryKeys(),
		Norm:  norm,
		Rows:  k.Entries,
		Do:    func(ctx context.Context, ops []fs.Op[Entry]) { change(ctx, k, ops) },
		Watch: k.Watch,
	}
	expect := &fs.Table[Expect]{
		Kind: "expect",
		Doc:  "connections that helpers expect",
		Keys: expectKeys(),
		Rows: func(ctx context.Context, _ *fs.Query[Expect]) iter.Seq2[*Expect, error] { return k.Expects(ctx) },
		Do:   k.ChangeExpects,
	}
	return fs.Page{
		Root: fs.Dir{
			"conntrack": t,
			"ct": fs.Dir{
				"expect": expect,
				"stats":  statsTable(k),
				"cpu":    cpuTable(k),
				"ctl":    ctlTable(k),
				"events": t.Events(),
			},
		},
		Kinds: []fs.Kind{t, expect},
	}
}

// norm fills in the answers' tuple where nothing is translated.
func norm(e *Entry) {
	e.Reply.Proto = e.Orig.Proto
	rev := e.Orig.reverse()
	r := &e.Reply
	if !r.Src.IsValid() {
		r.Src = rev.Src
	}
	if !r.Dst.IsValid() {
		r.Dst = rev.Dst
	}
	if e.said&saidReply != 0 {
		return
	}
	r.Sport, r.Dport, r.Type, r.Code, r.ID = rev.Sport, rev.Dport, rev.Type, rev.Code, rev.ID
}

// reverse is the tuple of an answer where nothing is translated.
func (t *Tuple) reverse() Tuple {
	r := *t
	r.Src, r.Dst, r.Sport, r.Dport, r.Zone = t.Dst, t.Src, t.Dport, t.Sport, 0
	for _, pair := range answers {
		switch {
		case t.Proto != pair.proto:
		case t.Type == pair.a:
			r.Type = pair.b
		case t.Type == pair.b:
			r.Type = pair.a
		}
	}
	return r
}

// answers are the types of questions and answers that are tracked (RFC 792,
// RFC 950, RFC 4443, RFC 4620).
var answers = []struct{ proto, a, b uint8 }{
	{protoICMP, 8, 0}, {protoICMP, 13, 14}, {protoICMP, 15, 16}, {protoICMP, 17, 18},
	{protoICMPv6, 128, 129}, {protoICMPv6, 139, 140},
}

var errTranslation = &fs.Error{Text: "the translation of a connection cannot be changed", Errno: syscall.EOPNOTSUPP}

// change refuses what no kernel does, by its words, and hands on the rest.
func change(ctx context.Context, k Kernel, ops []fs.Op[Entry]) {
	for i := range ops {
		o := &ops[i]
		if o.Act == fs.Del || o.Old == nil {
			continue
		}
		for _, key := range []string{"reply.src", "reply.dst", "reply.sport", "reply.dport", "reply.icmp.id"} {
			if o.Has(key) {
				o.Err = &fs.KeyError{Key: key, Err: errTranslation}
			}
		}
	}
	k.Change(ctx, ops)
}
