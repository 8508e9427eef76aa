package mptcp

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/mptcp"
	"github.com/netfs-project/netfs/nl/rt"
)

// New returns the directory of the path manager in the namespace that generic, a
// client of nl.Generic, and route, one of nl.Route, speak to. Without MPTCP in
// the kernel the error is errors.ErrUnsupported.
func New(ctx context.Context, generic, route *nl.Client) (fs.Page, error) {
	c, err := mptcp.Open(ctx, generic)
	if err != nil {
		return fs.Page{}, err
	}
	return Page(&kernel{c: c, links: joint.Links{C: route}}), nil
}

// A kernel is Linux by the family mptcp_pm.
type kernel struct {
	c     *mptcp.Conn
	links joint.Links
}

func (k *kernel) Endpoints(ctx context.Context) iter.Seq2[*Endpoint, error] {
	return func(yield func(*Endpoint, error) bool) {
		names, err := k.links.Names(ctx, 0)
		if err != nil {
			yield(nil, err)
			return
		}
		joint.Rows(k.c.Endpoints(ctx), func(m *mptcp.Endpoint, e *Endpoint) bool {
			*e = Endpoint{Addr: m.Addr, Port: m.Port, ID: m.ID, Flags: Flags(m.Flags)}
			if m.IfIndex != 0 {
				e.Dev = names.Name(ctx, int(m.IfIndex))
			}
			return true
		})(yield)
	}
}

func (k *kernel) wire(ctx context.Context, e *Endpoint) (*mptcp.Endpoint, error) {
	m := &mptcp.Endpoint{Addr: e.Addr, Port: e.Port, ID: e.ID, Flags: uint32(e.Flags)}
	if e.Dev == "" {
		return m, nil
	}
	names, err := k.links.Names(ctx, joint.Lately)
	if err != nil {
		return nil, err
	}
	if m.IfIndex, err = joint.Index(ctx, names, "dev", e.Dev); err != nil {
		return nil, err
	}
	return m, nil
}

// with calls do with e as the kernel wants it, and puts its error into words.
func (k *kernel) with(ctx context.Context, e *Endpoint, do func(context.Context, *mptcp.Endpoint) error) error {
	m, err := k.wire(ctx, e)
	if err != nil {
		return err
	}
	return attrs.Blame(do(ctx, m))
}

func (k *kernel) Add(ctx context.Context, e *Endpoint) error { return k.with(ctx, e, k.c.Add) }

func (k *kernel) SetFlags(ctx context.Context, e *Endpoint) error {
	return k.with(ctx, e, k.c.SetFlags)
}

// Del names the endpoint by its number and its address alone: its link may be
// gone.
func (k *kernel) Del(ctx context.Context, e *Endpoint) error {
	return attrs.Blame(k.c.Del(ctx, &mptcp.Endpoint{ID: e.ID, Addr: e.Addr}))
}

func (k *kernel) Limits(ctx context.Context) (Limits, error) {
	l, err := k.c.Limits(ctx)
	return Limits{Subflows: l.Subflows, AddAddrAccepted: l.AcceptAddrs}, attrs.Blame(err)
}

func (k *kernel) SetLimits(ctx context.Context, l Limits) error {
	return attrs.Blame(k.c.SetLimits(ctx, mptcp.Limits{Subflows: l.Subflows, AcceptAddrs: l.AddAddrAccepted}))
}

// happenings are the events by their command.
var happenings = map[uint8]string{
	mptcp.MPTCP_EVENT_CREATED:          "created",
	mptcp.MPTCP_EVENT_ESTABLISHED:      "established",
	mptcp.MPTCP_EVENT_CLOSED:           "closed",
	mptcp.MPTCP_EVENT_ANNOUNCED:        "announced",
	mptcp.MPTCP_EVENT_REMOVED:          "removed",
	mptcp.MPTCP_EVENT_SUB_ESTABLISHED:  "sub_established",
	mptcp.MPTCP_EVENT_SUB_CLOSED:       "sub_closed",
	mptcp.MPTCP_EVENT_SUB_PRIORITY:     "sub_priority",
	mptcp.MPTCP_EVENT_LISTENER_CREATED: "listener_created",
	mptcp.MPTCP_EVENT_LISTENER_CLOSED:  "listener_closed",
}

// Watch yields what happens to connections. There is no table of them to begin
// with.
func (k *kernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Event], error] {
	return func(yield func(fs.Event[Event], error) bool) {
		sub, err := k.c.Subscribe(ctx)
		if err != nil {
			yield(fs.Event[Event]{}, attrs.Blame(err))
			return
		}
		defer sub.Close()
		if !yield(fs.Event[Event]{What: fs.SyncBegin}, nil) || !yield(fs.Event[Event]{What: fs.SyncEnd}, nil) {
			return
		}
		names, err := k.links.Names(ctx, 0)
		if err != nil {
			yield(fs.Event[Event]{}, err)
			return
		}
		var e Event
		for m, err := range mptcp.Events(ctx, sub) {
			if !k.tell(ctx, names, m, &e, err, yield) {
				return
			}
		}
	}
}

func (k *kernel) tell(ctx context.Context, names *rt.Names, m *mptcp.Event, e *Event, err error, yield func(fs.Event[Event], error) bool) bool {
	switch {
	case joint.Overrun(err):
		return yield(fs.Event[Event]{What: fs.Lost}, nil)
	case err != nil:
		yield(fs.Event[Event]{}, err)
		return false
	}
	what, ok := happenings[m.Header.Cmd]
	if !ok {
		what = "event_" + strconv.Itoa(int(m.Header.Cmd))
	}
	k.event(ctx, names, m, e)
	return yield(fs.Event[Event]{What: fs.Notice, Row: e, Verb: what}, nil)
}

func (k *kernel) event(ctx context.Context, names *rt.Names, m *mptcp.Event, e *Event) {
	*e = Event{
		Token: m.Token, Src: m.Src, Dst: m.Dst, Sport: m.SrcPort, Dport: m.DstPort, LocalID: m.LocalID, RemoteID: m.RemoteID,
		Backup: m.Backup, Server: m.ServerSide || m.Flags&mptcp.MPTCP_PM_EV_FLAG_SERVER_SIDE != 0,
		DenyJoin: m.Flags&mptcp.MPTCP_PM_EV_FLAG_DENY_JOIN_ID0 != 0, Errno: m.Error, Timeout: uint32(m.Timeout / time.Second),
		Reset: Reason(m.ResetReason), ResetFlags: m.ResetFlags,
	}
	if m.IfIndex != 0 {
		e.Dev = names.Name(ctx, int(m.IfIndex))
	}
	for _, b := range []struct {
		kernel mptcp.EventSet
		ours   Has
	}{{mptcp.EventLocalID, HasLocalID}, {mptcp.EventRemoteID, HasRemoteID}, {mptcp.EventResetReason, HasReset}} {
		if m.Has.Has(b.kernel) {
			e.Has |= b.ours
		}
	}
}

var attrs = joint.Words{
	"MPTCP_PM_ADDR_ATTR_FAMILY": "addr", "MPTCP_PM_ADDR_ATTR_ID": "id", "MPTCP_PM_ADDR_ATTR_ADDR4": "addr", "MPTCP_PM_ADDR_ATTR_ADDR6": "addr",
	"MPTCP_PM_ADDR_ATTR_PORT": "port", "MPTCP_PM_ADDR_ATTR_FLAGS": "signal", "MPTCP_PM_ADDR_ATTR_IF_IDX": "dev", "MPTCP_PM_ATTR_ADDR": "addr",
	"MPTCP_PM_ATTR_RCV_ADD_ADDRS": "add_addr_accepted", "MPTCP_PM_ATTR_SUBFLOWS": "subflows",
}
