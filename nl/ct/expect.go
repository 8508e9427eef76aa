package ct

import (
	"context"
	"errors"
	"iter"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

func expectRequest(msg uint8, flags uint16, b nl.Body) nl.Request {
	return nl.Request{Type: nfnl.Type(nfnl.SubsysConntrackExpect, msg), Flags: flags, Body: b}
}

// ready fills what the kernel wants of an expectation.
func (e *Expect) ready() *Expect {
	e.Master.complete()
	e.Tuple.complete()
	e.Mask.complete()
	if e.NAT.Tuple.isSet() {
		e.NAT.Tuple.complete()
		e.NAT.Has |= NATOfExpectDir
	}
	for _, t := range [...]*Tuple{&e.Master, &e.Tuple} {
		if e.Header.Family == 0 {
			e.Header.Family = t.Family()
		}
	}
	return e
}

// DumpExpect streams the expectations, those of one family if it is not 0. The
// value yielded is borrowed until the next step.
func DumpExpect(ctx context.Context, c *nl.Client, family uint8) iter.Seq2[*Expect, error] {
	return dumpExpect(ctx, c, &Expect{Header: nfnl.Header{Family: family}})
}

// DumpExpectOf streams the expectations of one connection, known by its
// original tuple and zone.
func DumpExpectOf(ctx context.Context, c *nl.Client, master *Key) iter.Seq2[*Expect, error] {
	e := &Expect{Master: master.Orig, Zone: master.Zone}
	return dumpExpect(ctx, c, e.ready())
}

func dumpExpect(ctx context.Context, c *nl.Client, body *Expect) iter.Seq2[*Expect, error] {
	return func(yield func(*Expect, error) bool) {
		var e Expect
		for msg, err := range c.Dump(ctx, expectRequest(IPCTNL_MSG_EXP_GET, 0, body)) {
			if err == nil {
				err = e.Decode(msg.Data)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&e, nil) {
				return
			}
		}
	}
}

// GetExpect fetches the expectation that has e's Tuple, and its ID if that is
// set.
func GetExpect(ctx context.Context, c *nl.Client, e *Expect) (*Expect, error) {
	key := &Expect{Header: e.Header, Tuple: e.Tuple, Zone: e.Zone, ID: e.ID, Has: e.Has & ExpectID}
	var found *Expect
	err := c.Get(ctx, expectRequest(IPCTNL_MSG_EXP_GET, 0, key.ready()), func(m nl.Message) error {
		found = new(Expect)
		return found.Decode(m.Data)
	})
	if err == nil && found == nil {
		err = errors.New("expectation get: none in the answer")
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// CreateExpect makes an expectation. It needs Master, Tuple, Mask and Timeout;
// the master must have a helper, unless Helper names one.
func CreateExpect(ctx context.Context, c *nl.Client, e *Expect) error {
	return c.Do(ctx, expectRequest(IPCTNL_MSG_EXP_NEW, nl.FlagCreate|nl.FlagExcl, e.ready()))
}

// DeleteExpect deletes the expectation that has e's Tuple, and its ID if that
// is set.
func DeleteExpect(ctx context.Context, c *nl.Client, e *Expect) error {
	key := &Expect{Header: e.Header, Tuple: e.Tuple, Zone: e.Zone, ID: e.ID, Has: e.Has & ExpectID}
	return c.Do(ctx, expectRequest(IPCTNL_MSG_EXP_DELETE, 0, key.ready()))
}

// FlushExpect deletes all expectations, or those of one helper if it is not
// empty.
func FlushExpect(ctx context.Context, c *nl.Client, helper string) error {
	return c.Do(ctx, expectRequest(IPCTNL_MSG_EXP_DELETE, 0, &Expect{Helper: helper}))
}
