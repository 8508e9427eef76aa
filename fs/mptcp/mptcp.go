// Package mptcp serves the path manager of Multipath TCP: its endpoints, its
// limits, and what happens to connections.
//
//	echo add 192.0.2.1 dev eth0 subflow > mptcp/endpoints
//	echo del id=4 > mptcp/endpoints
//	echo subflows=4 add_addr_accepted=2 > mptcp/limits
//	echo 4 > mptcp/subflows
//	cat mptcp/events
//
// The words are those of ip-mptcp(8).
package mptcp

import (
	"context"
	"iter"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/netfs-project/netfs/fs"
)

// An Endpoint is a local address that the path manager may use.
type Endpoint struct {
	Addr  netip.Addr
	Port  uint16
	ID    uint8 // 0: the kernel chooses
	Dev   string
	Flags Flags
}

// Flags of an endpoint: MPTCP_PM_ADDR_FLAG_* of linux/mptcp.h.
type Flags uint32

const (
	Signal Flags = 1 << iota
	Subflow
	Backup
	Fullmesh
	Implicit
	Laminar
)

// Limits are those of each connection.
type Limits struct {
	Subflows        uint32
	AddAddrAccepted uint32
}

// An Event is what happened to a connection.
type Event struct {
	Token      uint32
	Src, Dst   netip.Addr
	Sport      uint16
	Dport      uint16
	LocalID    uint8
	RemoteID   uint8
	Dev        string
	Backup     bool
	Server     bool
	DenyJoin   bool
	Errno      uint8
	Timeout    uint32 // seconds
	Reset      Reason
	ResetFlags uint32
	Has        Has
}

// Has tells which of the numbers that may be zero are there.
type Has uint8

const (
	HasLocalID Has = 1 << iota
	HasRemoteID
	HasReset
)

// Reason of a subflow's reset (RFC 8684 3.6).
type Reason uint8

// A Kernel has a path manager.
type Kernel interface {
	// Endpoints yields the endpoints, each borrowed until the next step.
	Endpoints(ctx context.Context) iter.Seq2[*Endpoint, error]
	Add(ctx context.Context, e *Endpoint) error
	// Del deletes the endpoint by its ID, or ID 0 by its address.
	Del(ctx context.Context, e *Endpoint) error
	// SetFlags sets Backup and Fullmesh as e.Flags has them.
	SetFlags(ctx context.Context, e *Endpoint) error
	Limits(ctx context.Context) (Limits, error)
	SetLimits(ctx context.Context, l Limits) error
	// Watch yields what happens to connections, as Notices.
	Watch(ctx context.Context) iter.Seq2[fs.Event[Event], error]
}

// Page returns the directory of k's path manager.
func Page(k Kernel) fs.Page {
	endpoints := endpointTable(k)
	events := &fs.Table[Event]{
		Kind:  "mptcp",
		Doc:   "what happens to Multipath TCP connections",
		Keys:  eventKeys(),
		Watch: k.Watch,
	}
	return fs.Page{
		Root: fs.Dir{"mptcp": fs.Dir{
			"endpoints":         endpoints,
			"limits":            limitsTable(k),
			"subflows":          limitValue(k, "additional subflows of a connection at most", func(l *Limits) *uint32 { return &l.Subflows }),
			"add_addr_accepted": limitValue(k, "addresses of a peer that are used at most", func(l *Limits) *uint32 { return &l.AddAddrAccepted }),
			"events":            events.Events(),
		}},
		Kinds: []fs.Kind{endpoints, events},
	}
}

func endpointTable(k Kernel) *fs.Table[Endpoint] {
	return &fs.Table[Endpoint]{
		Kind: "endpoint",
		Also: []string{"mptcp endpoint", "mptcp endpoints"},
		Doc:  "local addresses that Multipath TCP may use",
		Keys: fs.NewKeys(
			fs.Addr("addr", "local address", func(e *Endpoint) *netip.Addr { return &e.Addr }).Or("address").AsID(),
			fs.Num("port", "port that it listens on; the connection's when not given", func(e *Endpoint) *uint16 { return &e.Port }).AsID(),
			fs.Num("id", "number of the address, 1 to 255; the kernel chooses when not given", func(e *Endpoint) *uint8 { return &e.ID }),
			fs.Str("dev", "link that subflows leave by", func(e *Endpoint) *string { return &e.Dev }),
			flag("signal", "announce it to peers", Signal),
			flag("subflow", "open subflows from it", Subflow),
			flag("backup", "its subflows carry data only when no other can", Backup),
			flag("fullmesh", "open a subflow to every address of the peer", Fullmesh),
			flag("laminar", "use it to answer announced addresses", Laminar),
			flag("implicit", "made by the kernel", Implicit).ReadOnly(),
		),
		Rows: func(ctx context.Context, _ *fs.Query[Endpoint]) iter.Seq2[*Endpoint, error] { return k.Endpoints(ctx) },
		Do:   fs.One(func(ctx context.Context, o *fs.Op[Endpoint]) error { return change(ctx, k, o) }),
	}
}

func flag(name, doc string, bit Flags) fs.Key[Endpoint] {
	return fs.Bit(name, doc, func(e *Endpoint) *Flags { return &e.Flags }, bit)
}

// change carries out one line. The kernel changes backup and fullmesh in
// place; for the rest the endpoint is made again, and the subflows that use it
// end.
func change(ctx context.Context, k Kernel, o *fs.Op[Endpoint]) error {
	switch {
	case o.Act == fs.Del:
		return del(ctx, k, &o.Row)
	case o.Old == nil && o.Act == fs.Change:
		return fs.ErrNotExist
	case o.Old == nil || o.Act == fs.Add || o.Act == fs.Append:
		return k.Add(ctx, &o.Row)
	}
	if !o.Has("id") && !o.Has("dev") && (o.Row.Flags^o.Old.Flags)&^(Backup|Fullmesh) == 0 {
		return k.SetFlags(ctx, &o.Row)
	}
	if err := k.Del(ctx, o.Old); err != nil {
		return err
	}
	return k.Add(ctx, &o.Row)
}

// del finds the number of an endpoint that is named by its address.
func del(ctx context.Context, k Kernel, want *Endpoint) error {
	if want.ID != 0 {
		return k.Del(ctx, want)
	}
	for e, err := range k.Endpoints(ctx) {
		if err != nil {
			return err
		}
		if e.Addr == want.Addr && e.Port == want.Port {
			return k.Del(ctx, e)
		}
	}
	return fs.ErrNotExist
}

func limitsTable(k Kernel) *fs.Table[Limits] {
	return &fs.Table[Limits]{
		Kind:    "limits",
		Also:    []string{"mptcp limits"},
		Doc:     "limits of each Multipath TCP connection",
		Ordered: true,
		Keys: fs.NewKeys(
			fs.Num("subflows", "additional subflows at most, 0 to 8", func(l *Limits) *uint32 { return &l.Subflows }).Or("subflow").Always(),
			fs.Num("add_addr_accepted", "addresses of the peer that are used at most, 0 to 8", func(l *Limits) *uint32 { return &l.AddAddrAccepted }).Always(),
		),
		Rows: func(ctx context.Context, _ *fs.Query[Limits]) iter.Seq2[*Limits, error] {
			return func(yield func(*Limits, error) bool) {
				l, err := k.Limits(ctx)
				yield(&l, err)
			}
		},
		Do: fs.One(func(ctx context.Context, o *fs.Op[Limits]) error {
			if o.Act != fs.Change && o.Act != fs.Replace {
				return &fs.Error{Text: "limits are there always: name them without a verb", Errno: syscall.EEXIST}
			}
			return k.SetLimits(ctx, o.Row)
		}),
	}
}

func limitValue(k Kernel, doc string, at func(l *Limits) *uint32) *fs.Value {
	return &fs.Value{
		Doc: doc,
		Get: func(ctx context.Context, b []byte) ([]byte, error) {
			l, err := k.Limits(ctx)
			if err != nil {
				return b, err
			}
			return strconv.AppendUint(b, uint64(*at(&l)), 10), nil
		},
		Set: func(ctx context.Context, word string) error {
			n, err := strconv.ParseUint(word, 0, 32)
			if err != nil {
				return &fs.Error{Text: "not a number", Errno: syscall.EINVAL}
			}
			l, err := k.Limits(ctx)
			if err != nil {
				return err
			}
			if *at(&l) == uint32(n) {
				return nil
			}
			*at(&l) = uint32(n)
			return k.SetLimits(ctx, l)
		},
	}
}

var reasons = fs.Names{0: "unspec", 1: "mptcp", 2: "resource", 3: "prohibited", 4: "wq2big", 5: "badperf", 6: "middlebox"}

func eventKeys() *fs.Keys[Event] {
	return fs.NewKeys(
		fs.HexNum("token", "the connection", func(e *Event) *uint32 { return &e.Token }).AsID().ReadOnly(),
		fs.Addr("src", "local address", func(e *Event) *netip.Addr { return &e.Src }).ReadOnly(),
		fs.Num("sport", "local port", func(e *Event) *uint16 { return &e.Sport }).ReadOnly(),
		fs.Addr("dst", "address of the peer", func(e *Event) *netip.Addr { return &e.Dst }).ReadOnly(),
		fs.Num("dport", "port of the peer", func(e *Event) *uint16 { return &e.Dport }).ReadOnly(),
		has(fs.Num("local_id", "number of the local address", func(e *Event) *uint8 { return &e.LocalID }), HasLocalID),
		has(fs.Num("remote_id", "number of the peer's address", func(e *Event) *uint8 { return &e.RemoteID }), HasRemoteID),
		fs.Str("dev", "link of the subflow", func(e *Event) *string { return &e.Dev }).ReadOnly(),
		fs.Bool("backup", "the subflow is a backup", func(e *Event) *bool { return &e.Backup }).ReadOnly(),
		fs.Bool("server", "this end accepted the connection", func(e *Event) *bool { return &e.Server }).ReadOnly(),
		fs.Bool("deny_join_id0", "the peer takes no subflow to its first address", func(e *Event) *bool { return &e.DenyJoin }).ReadOnly(),
		fs.Num("errno", "why a subflow ended", func(e *Event) *uint8 { return &e.Errno }).ReadOnly(),
		fs.Num("timeout", "seconds", func(e *Event) *uint32 { return &e.Timeout }).ReadOnly(),
		has(fs.Enum("reset", "reason of a reset (RFC 8684)", reasons, func(e *Event) *Reason { return &e.Reset }), HasReset),
		fs.HexNum("reset_flags", "flags of a reset", func(e *Event) *uint32 { return &e.ResetFlags }).ReadOnly(),
	)
}

// has prints a number, zero or not, where the event has it.
func has(k fs.Key[Event], bit Has) fs.Key[Event] {
	get, set := k.Always().Get, k.Set
	k.Get = func(b []byte, e *Event) []byte {
		if e.Has&bit == 0 {
			return b
		}
		return get(b, e)
	}
	k.Set = func(e *Event, word string) error {
		e.Has |= bit
		return set(e, word)
	}
	return k.ReadOnly()
}
