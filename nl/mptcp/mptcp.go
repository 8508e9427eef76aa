package mptcp

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/genl"
)

// Address families.
const (
	afInet  = 2
	afInet6 = 10
)

// A Conn speaks to the path manager of one namespace. It is safe for concurrent
// use.
type Conn struct{ g *genl.Conn }

// Open looks the family up on a client of nl.Generic. Where the kernel has no
// MPTCP the error matches errors.ErrUnsupported.
func Open(ctx context.Context, c *nl.Client) (*Conn, error) {
	g, err := genl.Dial(ctx, c, MPTCP_PM_NAME)
	if err != nil {
		return nil, err
	}
	return &Conn{g}, nil
}

func header(cmd uint8) genl.Header { return genl.Header{Cmd: cmd, Version: MPTCP_PM_VER} }

// ready fills the family.
func (e *Endpoint) ready() Endpoint {
	v := *e
	switch {
	case v.Addr.Is4():
		v.Family = afInet
	case v.Addr.Is6():
		v.Family = afInet6
	}
	return v
}

// Endpoints streams the endpoints. The value yielded is borrowed until the
// next step.
func (c *Conn) Endpoints(ctx context.Context) iter.Seq2[*Endpoint, error] {
	return func(yield func(*Endpoint, error) bool) {
		var m Command
		for msg, err := range c.g.Dump(ctx, &Command{Header: header(MPTCP_PM_CMD_GET_ADDR)}) {
			if err == nil {
				err = m.Decode(msg.Data)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if m.Has&CommandAddr != 0 && !yield(&m.Addr, nil) {
				return
			}
		}
	}
}

// Endpoint fetches the endpoint with an ID.
func (c *Conn) Endpoint(ctx context.Context, id uint8) (*Endpoint, error) {
	var m Command
	q := &Command{Header: header(MPTCP_PM_CMD_GET_ADDR), Addr: Endpoint{ID: id, Has: EndpointID}}
	err := c.g.Get(ctx, 0, q, func(msg nl.Message) error { return m.Decode(msg.Data) })
	if err == nil && m.Has&CommandAddr == 0 {
		err = fmt.Errorf("mptcp endpoint %d: the answer has none", id)
	}
	if err != nil {
		return nil, err
	}
	return &m.Addr, nil
}

func (c *Conn) do(ctx context.Context, cmd uint8, m *Command) error {
	m.Header = header(cmd)
	return c.g.Do(ctx, 0, m)
}

// Add makes an endpoint. It needs an address; a Port only with
// MPTCP_PM_ADDR_FLAG_SIGNAL; an ID of 0 lets the kernel choose.
func (c *Conn) Add(ctx context.Context, e *Endpoint) error {
	return c.do(ctx, MPTCP_PM_CMD_ADD_ADDR, &Command{Addr: e.ready()})
}

// Del deletes the endpoint with an ID, and the subflows that use it. ID 0 is
// the address that connections began with; it wants addr to say which.
func (c *Conn) Del(ctx context.Context, e *Endpoint) error {
	v := e.ready()
	key := Endpoint{ID: v.ID, Has: EndpointID}
	if v.ID == 0 {
		key.Family, key.Addr = v.Family, v.Addr
	}
	return c.do(ctx, MPTCP_PM_CMD_DEL_ADDR, &Command{Addr: key})
}

// Flush deletes all endpoints.
func (c *Conn) Flush(ctx context.Context) error {
	return c.do(ctx, MPTCP_PM_CMD_FLUSH_ADDRS, &Command{})
}

// SetFlags sets MPTCP_PM_ADDR_FLAG_BACKUP and MPTCP_PM_ADDR_FLAG_FULLMESH of
// the endpoint with e's ID, or, if that is 0, with its address and port, to
// what e.Flags says, and tells the peers. Other flags are ignored.
func (c *Conn) SetFlags(ctx context.Context, e *Endpoint) error {
	v := e.ready()
	v.Flags &= MPTCP_PM_ADDR_FLAG_BACKUP | MPTCP_PM_ADDR_FLAG_FULLMESH
	v.Has = EndpointFlags
	if v.ID != 0 {
		v = Endpoint{ID: v.ID, Flags: v.Flags, Has: EndpointFlags}
	}
	return c.do(ctx, MPTCP_PM_CMD_SET_FLAGS, &Command{Addr: v})
}

// Limits of the path manager in the kernel, each of one connection.
type Limits struct {
	AcceptAddrs uint32 // addresses of the peer that are used
	Subflows    uint32 // further subflows, at most 8
}

// Limits fetches the limits.
func (c *Conn) Limits(ctx context.Context) (Limits, error) {
	var m Command
	q := &Command{Header: header(MPTCP_PM_CMD_GET_LIMITS)}
	err := c.g.Get(ctx, 0, q, func(msg nl.Message) error { return m.Decode(msg.Data) })
	if err == nil && m.Has&CommandSubflows == 0 {
		err = errors.New("mptcp limits: the answer has none")
	}
	return Limits{AcceptAddrs: m.RcvAddAddr, Subflows: m.Subflows}, err
}

// SetLimits sets the limits.
func (c *Conn) SetLimits(ctx context.Context, l Limits) error {
	return c.do(ctx, MPTCP_PM_CMD_SET_LIMITS, &Command{
		RcvAddAddr: l.AcceptAddrs, Subflows: l.Subflows,
		Has: CommandRcvAddAddr | CommandSubflows,
	})
}

// Announce tells the peer of a connection of an address. It needs an ID and
// MPTCP_PM_ADDR_FLAG_SIGNAL.
func (c *Conn) Announce(ctx context.Context, token uint32, e *Endpoint) error {
	return c.do(ctx, MPTCP_PM_CMD_ANNOUNCE, &Command{Token: token, Addr: e.ready(), Has: CommandToken})
}

// Remove tells the peer of a connection that an address is gone.
func (c *Conn) Remove(ctx context.Context, token uint32, id uint8) error {
	return c.do(ctx, MPTCP_PM_CMD_REMOVE, &Command{Token: token, LocalID: id, Has: CommandToken | CommandLocalID})
}

// CreateSubflow opens a subflow of a connection from local, which may have an
// ID, to an address and port of the peer.
func (c *Conn) CreateSubflow(ctx context.Context, token uint32, local, remote *Endpoint) error {
	return c.do(ctx, MPTCP_PM_CMD_SUBFLOW_CREATE,
		&Command{Token: token, Addr: local.ready(), Remote: remote.ready(), Has: CommandToken})
}

// DestroySubflow closes the subflow of a connection between two addresses and
// ports.
func (c *Conn) DestroySubflow(ctx context.Context, token uint32, local, remote *Endpoint) error {
	return c.do(ctx, MPTCP_PM_CMD_SUBFLOW_DESTROY,
		&Command{Token: token, Addr: local.ready(), Remote: remote.ready(), Has: CommandToken})
}

// SetBackup sets whether the subflow between two addresses and ports is a
// backup, in a connection that user space manages.
func (c *Conn) SetBackup(ctx context.Context, token uint32, local, remote *Endpoint, backup bool) error {
	v := local.ready()
	v.Flags, v.Has = 0, v.Has|EndpointFlags
	if backup {
		v.Flags = MPTCP_PM_ADDR_FLAG_BACKUP
	}
	return c.do(ctx, MPTCP_PM_CMD_SET_FLAGS, &Command{Token: token, Addr: v, Remote: remote.ready(), Has: CommandToken})
}

// UserEndpoints streams the endpoints of one connection that user space
// manages, Linux 6.10.
func (c *Conn) UserEndpoints(ctx context.Context, token uint32) iter.Seq2[*Endpoint, error] {
	return func(yield func(*Endpoint, error) bool) {
		var m Command
		q := &Command{Header: header(MPTCP_PM_CMD_GET_ADDR), Token: token, Has: CommandToken}
		for msg, err := range c.g.Dump(ctx, q) {
			if err == nil {
				err = m.Decode(msg.Data)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if m.Has&CommandAddr != 0 && !yield(&m.Addr, nil) {
				return
			}
		}
	}
}

// Subscribe listens to the events of connections.
func (c *Conn) Subscribe(ctx context.Context) (*nl.Subscription, error) {
	return c.g.Subscribe(ctx, MPTCP_PM_EV_GRP_NAME)
}

// Events yields what a subscription receives until ctx ends; the value is
// borrowed until the next step. An error of nl.ErrOverrun says that events
// were lost; more follow.
func Events(ctx context.Context, s *nl.Subscription) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		var ev Event
		for m, err := range s.Receive(ctx) {
			if err == nil {
				err = ev.Decode(m.Data)
			}
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			if !yield(&ev, nil) {
				return
			}
		}
	}
}
