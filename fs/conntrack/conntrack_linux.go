package conntrack

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/ct"
)

// New returns the files of connection tracking in the namespace that c, a
// client of nl.Netfilter, speaks to. ns is that namespace, for the settings
// under /proc/sys/net; nil is the process's own. Without connection tracking in
// the kernel the error is errors.ErrUnsupported.
func New(ctx context.Context, c *nl.Client, ns *nl.NS) (fs.Page, error) {
	if _, err := ct.Global(ctx, c); err != nil {
		return fs.Page{}, absent(err)
	}
	return Page(&kernel{c: c, ns: ns}), nil
}

// absent tells a kernel without ctnetlink from one that refuses us.
func absent(err error) error {
	for _, n := range []syscall.Errno{syscall.EINVAL, syscall.EOPNOTSUPP, syscall.EPROTONOSUPPORT} {
		if errors.Is(err, n) {
			return errors.Join(errors.New("no connection tracking in this kernel (nf_conntrack_netlink)"), errors.ErrUnsupported)
		}
	}
	return err
}

// A kernel is Linux by ctnetlink.
type kernel struct {
	c  *nl.Client
	ns *nl.NS
}

func (k *kernel) Entries(ctx context.Context, q *fs.Query[Entry]) iter.Seq2[*Entry, error] {
	return joint.Rows(ct.Dump(ctx, k.c, filter(q)), row)
}

// filter is what q asks of the kernel.
func filter(q *fs.Query[Entry]) *ct.Filter {
	f := &ct.Filter{}
	some := tupleFilter(q, "", &q.Want.Orig, &f.Orig)
	some = tupleFilter(q, "reply.", &q.Want.Reply, &f.Reply) || some
	if q.Has("mark") {
		f.Mark, f.MarkMask, some = q.Want.Mark, 1<<32-1, true
	}
	if q.Has("status") && q.Want.Status != 0 {
		f.Status, some = ct.Status(q.Want.Status), true // at least these bits
	}
	if q.Has("zone") {
		f.Zone, f.HasZone, some = q.Want.Zone, true, true
	}
	if !some {
		return nil
	}
	return f
}

// tupleFilter takes the words of one tuple that are known of the kernel.
func tupleFilter(q *fs.Query[Entry], before string, want *Tuple, f *ct.Tuple) bool {
	some := false
	has := func(key string) bool {
		ok := q.Has(before + key)
		some = some || ok
		return ok
	}
	if has("src") {
		f.IP.Src = want.Src
	}
	if has("dst") {
		f.IP.Dst = want.Dst
	}
	if before == "" && has("proto") {
		f.Proto.Num, f.Proto.Has = want.Proto, f.Proto.Has|ct.ProtoNum
	}
	if has("sport") {
		f.Proto.SrcPort, f.Proto.Has = want.Sport, f.Proto.Has|ct.ProtoSrcPort
	}
	if has("dport") {
		f.Proto.DstPort, f.Proto.Has = want.Dport, f.Proto.Has|ct.ProtoDstPort
	}
	return some
}

// Change sends all ops together.
func (k *kernel) Change(ctx context.Context, ops []fs.Op[Entry]) {
	joint.Batch(ctx, k.c, ops, request, func(_ *fs.Op[Entry], err error) error { return attrs.Blame(err) })
}

func request(o *fs.Op[Entry]) (nl.Request, error) {
	switch {
	case o.Act == fs.Del:
		return ct.DeleteRequest(key(&o.Row)), nil
	case o.Old != nil && o.Act != fs.Add && o.Act != fs.Append:
		return ct.UpdateRequest(update(o)), nil
	case o.Act == fs.Change:
		return nl.Request{}, fs.ErrNotExist
	}
	return ct.CreateRequest(creation(&o.Row)), nil
}

// update is a message of what the op changes, beside the tuple that names the
// entry.
func update(o *fs.Op[Entry]) *ct.Entry {
	e := &o.Row
	m := &ct.Entry{Orig: wireTuple(&e.Orig), Zone: e.Zone}
	if o.Has("status") {
		m.Status, m.Has = ct.Status(e.Status)&settable|ct.Status(o.Old.Status), m.Has|ct.EntryStatus
	}
	if o.Has("timeout") {
		m.Timeout, m.Has = time.Duration(e.Timeout)*time.Second, m.Has|ct.EntryTimeout
	}
	if o.Has("mark") {
		m.Mark, m.Has = e.Mark, m.Has|ct.EntryMark
	}
	if o.Has("labels") {
		m.Labels = labelBytes(e.Labels)
		m.LabelsMask = bytes.Repeat([]byte{0xff}, len(m.Labels))
	}
	if o.Has("helper") {
		m.Helper = ct.Helper{Name: e.Helper, Has: ct.HelperName}
		m.Has |= ct.EntryHelper
	}
	for _, key := range []string{"state", "tcp.wscale", "tcp.flags", "reply.tcp.wscale", "reply.tcp.flags", "sctp.vtag", "reply.sctp.vtag", "dccp.role", "dccp.seq"} {
		if o.Has(key) {
			setInfo(m, e)
			break
		}
	}
	if o.Has("seqadj") {
		m.SeqAdjOrig = wireSeqAdj(e.SeqAdj[0])
	}
	if o.Has("reply.seqadj") {
		m.SeqAdjReply = wireSeqAdj(e.SeqAdj[1])
	}
	if o.Has("synproxy") {
		m.Synproxy = ct.Synproxy{ISN: e.Synproxy.ISN, ITS: e.Synproxy.ITS, TSOff: e.Synproxy.Offset}
	}
	return m
}

func (k *kernel) Flush(ctx context.Context) error { return attrs.Blame(ct.Flush(ctx, k.c, nil)) }

// Watch yields the connections and their changes. An update tells only what
// changed beside the tuples.
func (k *kernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Entry], error] {
	var d ct.Entry
	var e Entry
	src := nl.Source[ct.Entry]{
		Groups: []uint32{ct.New, ct.Updated, ct.Destroyed},
		Dump:   func(ctx context.Context) iter.Seq2[*ct.Entry, error] { return ct.Dump(ctx, k.c, nil) },
		Event: func(m nl.Message) (nl.What, *ct.Entry, error) {
			what := happened(m)
			if what == nl.Ignored {
				return what, nil, nil
			}
			err := d.Decode(m.Data)
			if what == nl.Deleted {
				// The line has to name the connection wherever it is replayed: as it
				// was before it was dying, and without this kernel's number of it.
				d.Status &^= ct.IPS_DYING
				d.ID = 0
			}
			return what, &d, err
		},
	}
	return joint.Watch(ctx, k.c, src, func(m *ct.Entry) *Entry {
		row(m, &e)
		return &e
	})
}

// happened tells what a message of the subsystem says.
func happened(m nl.Message) nl.What {
	switch m.Type & 0xff {
	case ct.IPCTNL_MSG_CT_DELETE:
		return nl.Deleted
	case ct.IPCTNL_MSG_CT_NEW:
		if m.Flags&(nl.FlagCreate|nl.FlagExcl) != 0 {
			return nl.Added
		}
		return nl.Replaced
	}
	return nl.Ignored
}

func (k *kernel) Expects(ctx context.Context) iter.Seq2[*Expect, error] {
	return joint.Rows(ct.DumpExpect(ctx, k.c, 0), expectRow)
}

func expectRow(m *ct.Expect, e *Expect) bool {
	*e = Expect{
		Tuple: tuple(&m.Tuple), Mask: tuple(&m.Mask), Master: tuple(&m.Master), NAT: tuple(&m.NAT.Tuple), NATDir: m.NAT.Dir,
		Timeout: uint32(m.Timeout / time.Second), ID: m.ID, Helper: m.Helper, Func: m.Func, Zone: m.Zone, Flags: m.Flags, Class: m.Class,
	}
	return true
}

// ChangeExpects works one by one: expectations are few.
func (k *kernel) ChangeExpects(ctx context.Context, ops []fs.Op[Expect]) {
	for i := range ops {
		ops[i].Err = attrs.Blame(k.changeExpect(ctx, &ops[i]))
	}
}

func (k *kernel) changeExpect(ctx context.Context, o *fs.Op[Expect]) error {
	e := &o.Row
	m := &ct.Expect{Tuple: wireTuple(&e.Tuple), Zone: e.Zone}
	if o.Act == fs.Del {
		return ct.DeleteExpect(ctx, k.c, m)
	}
	if o.Old != nil {
		old := &ct.Expect{Tuple: m.Tuple, Zone: m.Zone}
		if err := ct.DeleteExpect(ctx, k.c, old); err != nil {
			return err
		}
	}
	m.Mask, m.Master = wireTuple(&e.Mask), wireTuple(&e.Master)
	m.Timeout, m.Has = time.Duration(e.Timeout)*time.Second, ct.ExpectTimeout
	m.Helper, m.Func, m.Flags, m.Class = e.Helper, e.Func, e.Flags, e.Class
	if e.NAT.IsSet() {
		m.NAT.Dir, m.NAT.Tuple = e.NATDir, wireTuple(&e.NAT)
	}
	return ct.CreateExpect(ctx, k.c, m)
}

func (k *kernel) Stats(ctx context.Context) (entries, max uint32, err error) {
	s, err := ct.Global(ctx, k.c)
	return s.Entries, s.MaxEntries, attrs.Blame(err)
}

func (k *kernel) CPUs(ctx context.Context) ([]CPU, error) {
	list, err := ct.CPUs(ctx, k.c)
	if err != nil {
		return nil, attrs.Blame(err)
	}
	expect, err := ct.ExpectCPUs(ctx, k.c)
	if err != nil {
		return nil, attrs.Blame(err)
	}
	all := make([]CPU, len(list))
	for i := range list {
		s := &list[i]
		all[i] = CPU{
			CPU: uint32(s.Header.ResID), Found: uint64(s.Found), Invalid: uint64(s.Invalid), Insert: uint64(s.Insert),
			InsertFailed: uint64(s.InsertFailed), Drop: uint64(s.Drop), EarlyDrop: uint64(s.EarlyDrop), Error: uint64(s.Error),
			SearchRestart: uint64(s.SearchRestart), ClashResolve: uint64(s.ClashResolve), ChainTooLong: uint64(s.ChainTooLong),
		}
		at := slices.IndexFunc(expect, func(x ct.ExpectCPUStats) bool { return x.Header.ResID == s.Header.ResID })
		if at >= 0 {
			x := &expect[at]
			all[i].ExpectNew, all[i].ExpectCreate, all[i].ExpectDelete = uint64(x.New), uint64(x.Create), uint64(x.Delete)
		}
	}
	return all, nil
}

const settingsDir = "/proc/sys/net/netfilter/nf_conntrack_"

// inside calls f where /proc/sys/net is that of the namespace.
func (k *kernel) inside(f func() error) error {
	if k.ns == nil {
		return f()
	}
	return k.ns.Do(f)
}

func (k *kernel) Setting(name string) (n uint64, err error) {
	err = k.inside(func() error {
		b, err := os.ReadFile(settingsDir + name)
		if err == nil {
			n, err = strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 64)
		}
		return err
	})
	return n, errnoOf(err)
}

func (k *kernel) Set(name string, v uint64) error {
	return errnoOf(k.inside(func() error {
		f, err := os.OpenFile(settingsDir+name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteString(strconv.FormatUint(v, 10))
		return err
	}))
}

// errnoOf leaves the path out, which is not what the reader of the file asked for.
func errnoOf(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

var attrs = joint.Words{
	"CTA_TUPLE_ORIG": "src", "CTA_TUPLE_REPLY": "reply.src", "CTA_STATUS": "status", "CTA_PROTOINFO": "state", "CTA_HELP": "helper",
	"CTA_NAT_SRC": "reply.dst", "CTA_NAT_DST": "reply.src", "CTA_TIMEOUT": "timeout", "CTA_MARK": "mark", "CTA_ZONE": "zone",
	"CTA_LABELS": "labels", "CTA_TUPLE_MASTER": "master.src", "CTA_SEQ_ADJ_ORIG": "seqadj", "CTA_SEQ_ADJ_REPLY": "reply.seqadj",
	"CTA_SYNPROXY": "synproxy", "CTA_PROTO_NUM": "proto", "CTA_PROTO_SRC_PORT": "sport", "CTA_PROTO_DST_PORT": "dport",
	"CTA_EXPECT_TUPLE": "src", "CTA_EXPECT_MASK": "mask.src", "CTA_EXPECT_MASTER": "master.src", "CTA_EXPECT_TIMEOUT": "timeout",
	"CTA_EXPECT_ZONE": "zone", "CTA_EXPECT_HELP_NAME": "helper", "CTA_EXPECT_FLAGS": "flags", "CTA_EXPECT_CLASS": "class",
	"CTA_EXPECT_NAT": "nat.src", "CTA_EXPECT_FN": "func",
}
