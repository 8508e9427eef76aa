package ct

import (
	"context"
	"errors"
	"io/fs"
	"iter"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

func request(msg uint8, flags uint16, b nl.Body) nl.Request {
	return nl.Request{Type: nfnl.Type(nfnl.SubsysConntrack, msg), Flags: flags, Body: b}
}

// Dump streams the entries that f selects; the kernel filters as far as it
// can. The entry yielded is borrowed until the next step.
func Dump(ctx context.Context, c *nl.Client, f *Filter) iter.Seq2[*Entry, error] {
	return dump(ctx, c, f, IPCTNL_MSG_CT_GET)
}

// DumpZero is Dump, and sets the counters of what it yields to zero. Filters
// that the kernel does not know zero more than is yielded.
func DumpZero(ctx context.Context, c *nl.Client, f *Filter) iter.Seq2[*Entry, error] {
	return dump(ctx, c, f, IPCTNL_MSG_CT_GET_CTRZERO)
}

// DumpDying streams entries that are gone but whose end could not be told to
// a listener yet.
func DumpDying(ctx context.Context, c *nl.Client, f *Filter) iter.Seq2[*Entry, error] {
	return dump(ctx, c, f, IPCTNL_MSG_CT_GET_DYING)
}

func dump(ctx context.Context, c *nl.Client, f *Filter, msg uint8) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		var e Entry
		m := f.matcher()
		for _, body := range f.kernel() {
			for msg, err := range c.Dump(ctx, request(msg, 0, body)) {
				if err == nil {
					err = e.Decode(msg.Data)
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if m.match(&e) && !yield(&e, nil) {
					return
				}
			}
		}
	}
}

// Key names the entry.
func (e *Entry) Key() *Key {
	k := &Key{Orig: e.Orig, Zone: e.Zone}
	if !k.Orig.isSet() {
		k.Reply = e.Reply
	}
	if e.Has&EntryID != 0 {
		k.ID, k.Has = e.ID, KeyID
	}
	return k
}

// ready fills what the kernel wants of a key.
func (k *Key) ready() *Key {
	k.Orig.complete()
	k.Reply.complete()
	if k.Header.Family == 0 {
		k.Header.Family = k.Orig.Family() | k.Reply.Family()
	}
	return k
}

// ready is a copy of the entry with what the kernel wants to have said.
func (e *Entry) ready() *Entry {
	v := *e
	v.Orig.complete()
	v.Reply.complete()
	v.Master.complete()
	if v.Header.Family == 0 {
		if v.Header.Family = v.Orig.Family(); v.Header.Family == 0 {
			v.Header.Family = v.Reply.Family()
		}
	}
	if v.Status != 0 || v.Has&EntryStatus != 0 {
		v.Status |= IPS_CONFIRMED
	}
	v.ProtoInfo.TCP.ready(v.ProtoInfo.Has&ProtoInfoTCP != 0)
	return &v
}

// ready marks the state as present and gives flags that were read their mask.
func (i *TCPInfo) ready(present bool) {
	if present || i.State != 0 {
		i.Has |= TCPInfoState
	}
	for _, f := range []struct {
		*TCPFlags
		present bool
	}{{&i.FlagsOrig, i.Has&TCPInfoFlagsOrig != 0}, {&i.FlagsReply, i.Has&TCPInfoFlagsReply != 0}} {
		if f.Mask == 0 && (f.present || f.Flags != 0) {
			f.Mask = 0xff
		}
	}
}

// translate asks for the translations that the status of an entry tells of, as
// its reply tuple shows them. The kernel sets them up only where the reply
// tuple that is sent does not have them yet.
func (e *Entry) translate() {
	asked := e.SrcNAT.Min.IsValid() || e.DstNAT.Min.IsValid()
	if asked || e.Status&(IPS_SRC_NAT|IPS_DST_NAT) == 0 {
		return
	}
	r := e.Reply
	e.Reply = e.Orig.Reverse()
	e.Reply.Zone, e.Reply.Has = r.Zone, r.Has
	if e.Status&IPS_SRC_NAT != 0 {
		e.SrcNAT = NAT{Min: r.IP.Dst, Max: r.IP.Dst, Ports: PortRange{Min: r.Proto.DstPort, Max: r.Proto.DstPort}}
	}
	if e.Status&IPS_DST_NAT != 0 {
		e.DstNAT = NAT{Min: r.IP.Src, Max: r.IP.Src, Ports: PortRange{Min: r.Proto.SrcPort, Max: r.Proto.SrcPort}}
	}
}

// Get fetches the entry that has the key.
func Get(ctx context.Context, c *nl.Client, k *Key) (*Entry, error) {
	var e *Entry
	err := c.Get(ctx, request(IPCTNL_MSG_CT_GET, 0, k.ready()), func(m nl.Message) error {
		e = new(Entry)
		return e.Decode(m.Data)
	})
	if err == nil && e == nil {
		err = errors.New("conntrack get: no entry in the answer")
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// CreateRequest asks for a new entry. It needs Orig and Timeout. Without Reply
// nothing is translated; an entry that was read with a status of IPS_SRC_NAT or
// IPS_DST_NAT is translated again.
func CreateRequest(e *Entry) nl.Request {
	v := e.ready()
	if !v.Reply.isSet() {
		v.Reply = v.Orig.Reverse()
	}
	v.translate()
	return request(IPCTNL_MSG_CT_NEW, nl.FlagCreate|nl.FlagExcl, v)
}

// UpdateRequest asks to change what an entry has: its timeout, mark, status,
// protocol state, labels, helper. Its master stays as it is. The kernel refuses
// translations (EOPNOTSUPP), and to take away IPS_SEEN_REPLY or IPS_ASSURED
// (EBUSY).
func UpdateRequest(e *Entry) nl.Request {
	v := e.ready()
	v.Master.Reset()
	v.Has &^= EntryMaster
	return request(IPCTNL_MSG_CT_NEW, 0, v)
}

// DeleteRequest asks to delete the entry that has the key.
func DeleteRequest(k *Key) nl.Request { return request(IPCTNL_MSG_CT_DELETE, 0, k.ready()) }

// Create makes a new entry. See CreateRequest.
func Create(ctx context.Context, c *nl.Client, e *Entry) error { return c.Do(ctx, CreateRequest(e)) }

// Replace changes an entry, or makes it if it is not there.
func Replace(ctx context.Context, c *nl.Client, e *Entry) error {
	err := Update(ctx, c, e)
	if errors.Is(err, fs.ErrNotExist) {
		err = Create(ctx, c, e)
	}
	return err
}

// Update changes an entry. See UpdateRequest.
func Update(ctx context.Context, c *nl.Client, e *Entry) error { return c.Do(ctx, UpdateRequest(e)) }

// Delete deletes an entry.
func Delete(ctx context.Context, c *nl.Client, k *Key) error { return c.Do(ctx, DeleteRequest(k)) }

// deletesAtOnce bounds the keys that Flush holds while it reads.
const deletesAtOnce = 1024

// Flush deletes the entries that f selects, and all if it is nil. Entries that
// are gone before their turn are no error. A kernel that does not know a part of a filter
// ignores it and would delete more, so that a filter with more than a family
// and a mark is carried out as a dump and deletions.
func Flush(ctx context.Context, c *nl.Client, f *Filter) error {
	if f == nil {
		return c.Do(ctx, request(IPCTNL_MSG_CT_DELETE, 0, &Entry{}))
	}
	if f.simple() {
		body := f.kernel()[0]
		body.Header.Version = 1 // or the family does not count
		return c.Do(ctx, request(IPCTNL_MSG_CT_DELETE, 0, body))
	}
	b := c.NewBatch()
	for e, err := range Dump(ctx, c, f) {
		if err != nil {
			return err
		}
		if err := b.Add(DeleteRequest(e.Key())); err != nil {
			return err
		}
		if b.Len() < deletesAtOnce {
			continue
		}
		if err := doAbsent(ctx, b); err != nil {
			return err
		}
	}
	return doAbsent(ctx, b)
}

// simple tells whether the filter has nothing but a family and a mark, which every
// kernel knows.
func (f *Filter) simple() bool {
	_, smask := f.status()
	return !f.HasZone && smask == 0 && f.Orig.parts()|f.Reply.parts() == 0
}
