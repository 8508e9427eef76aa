package conntrack

import (
	"context"
	"errors"
	"iter"
	"syscall"

	"github.com/netfs-project/netfs/fs"
)

// cpuKeys count what one CPU did; with the CPU's number for the lines of ct/cpu.
func cpuKeys[T any](at func(v *T) *CPU) []fs.Key[T] {
	num := func(name, doc string, field func(c *CPU) *uint64) fs.Key[T] {
		return fs.Num(name, doc, func(v *T) *uint64 { return field(at(v)) }).Always().ReadOnly()
	}
	return []fs.Key[T]{
		num("found", "lookups that found an entry", func(c *CPU) *uint64 { return &c.Found }),
		num("invalid", "packets that could not be tracked", func(c *CPU) *uint64 { return &c.Invalid }),
		num("insert", "entries inserted", func(c *CPU) *uint64 { return &c.Insert }),
		num("insert_failed", "entries that lost a race", func(c *CPU) *uint64 { return &c.InsertFailed }),
		num("drop", "packets dropped: no memory, or the table is full", func(c *CPU) *uint64 { return &c.Drop }),
		num("early_drop", "entries dropped to make room", func(c *CPU) *uint64 { return &c.EarlyDrop }),
		num("error", "broken ICMP errors and the like", func(c *CPU) *uint64 { return &c.Error }),
		num("search_restart", "lookups begun again because the table was resized", func(c *CPU) *uint64 { return &c.SearchRestart }),
		num("clash_resolve", "insertions that met their twin", func(c *CPU) *uint64 { return &c.ClashResolve }),
		num("chaintoolong", "entries not inserted because their chain is too long", func(c *CPU) *uint64 { return &c.ChainTooLong }),
		num("expect_new", "connections that were expected", func(c *CPU) *uint64 { return &c.ExpectNew }),
		num("expect_create", "expectations made", func(c *CPU) *uint64 { return &c.ExpectCreate }),
		num("expect_delete", "expectations dropped", func(c *CPU) *uint64 { return &c.ExpectDelete }),
	}
}

func cpuTable(k Kernel) *fs.Table[CPU] {
	number := fs.Num("cpu", "number of the CPU", func(c *CPU) *uint32 { return &c.CPU }).Always().AsID()
	return &fs.Table[CPU]{
		Kind: "cpu",
		Doc:  "what each CPU counted",
		Info: true,
		Keys: fs.NewKeys(append([]fs.Key[CPU]{number}, cpuKeys(func(c *CPU) *CPU { return c })...)...),
		Rows: func(ctx context.Context, _ *fs.Query[CPU]) iter.Seq2[*CPU, error] {
			return func(yield func(*CPU, error) bool) {
				all, err := k.CPUs(ctx)
				if err != nil {
					yield(nil, err)
					return
				}
				for i := range all {
					if !yield(&all[i], nil) {
						return
					}
				}
			}
		},
	}
}

func statsTable(k Kernel) *fs.Table[Stats] {
	keys := []fs.Key[Stats]{
		fs.Num("entries", "connections now", func(s *Stats) *uint32 { return &s.Entries }).Always().ReadOnly(),
		fs.Num("max", "connections at most", func(s *Stats) *uint32 { return &s.Max }).Always().ReadOnly(),
	}
	keys = append(keys, cpuKeys(func(s *Stats) *CPU { return &s.Sum })...)
	return &fs.Table[Stats]{
		Kind: "stats",
		Doc:  "size of the table, and the sums of what the CPUs counted",
		Info: true,
		Keys: fs.NewKeys(keys...),
		Rows: func(ctx context.Context, _ *fs.Query[Stats]) iter.Seq2[*Stats, error] {
			return func(yield func(*Stats, error) bool) { yield(stats(ctx, k)) }
		},
	}
}

func stats(ctx context.Context, k Kernel) (*Stats, error) {
	var s Stats
	var err error
	if s.Entries, s.Max, err = k.Stats(ctx); err != nil {
		return nil, err
	}
	all, err := k.CPUs(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		s.Sum.add(&all[i])
	}
	return &s, nil
}

func (c *CPU) add(o *CPU) {
	c.Found += o.Found
	c.Invalid += o.Invalid
	c.Insert += o.Insert
	c.InsertFailed += o.InsertFailed
	c.Drop += o.Drop
	c.EarlyDrop += o.EarlyDrop
	c.Error += o.Error
	c.SearchRestart += o.SearchRestart
	c.ClashResolve += o.ClashResolve
	c.ChainTooLong += o.ChainTooLong
	c.ExpectNew += o.ExpectNew
	c.ExpectCreate += o.ExpectCreate
	c.ExpectDelete += o.ExpectDelete
}

// A Setting is a number of net.netfilter, by its name behind nf_conntrack_.
var settings = []struct{ name, doc string }{
	{"max", "connections at most"},
	{"buckets", "size of the hash table, of all namespaces"},
	{"expect_max", "expectations at most"},
	{"acct", "1: count packets and bytes of connections made from now on"},
	{"timestamp", "1: note when connections begin and end"},
	{"events", "1: tell of changes; 2: only while somebody listens"},
	{"checksum", "1: packets with a wrong checksum are invalid"},
	{"log_invalid", "protocol whose invalid packets are logged; 255: all"},
	{"tcp_be_liberal", "1: only packets that reset outside of the window are invalid"},
	{"tcp_ignore_invalid_rst", "1: resets outside of the window do not count"},
	{"tcp_loose", "1: connections may be picked up in the middle"},
	{"tcp_max_retrans", "retransmissions without an answer before the shorter timeout"},
	{"generic_timeout", "seconds, of protocols without a tracker"},
	{"icmp_timeout", "seconds, of ICMP"},
	{"icmpv6_timeout", "seconds, of ICMPv6"},
	{"udp_timeout", "seconds, of UDP without answers"},
	{"udp_timeout_stream", "seconds, of UDP with answers"},
	{"gre_timeout", "seconds, of GRE without answers"},
	{"gre_timeout_stream", "seconds, of GRE with answers"},
	{"tcp_timeout_syn_sent", "seconds, of TCP in SYN_SENT"},
	{"tcp_timeout_syn_recv", "seconds, of TCP in SYN_RECV"},
	{"tcp_timeout_established", "seconds, of TCP in ESTABLISHED"},
	{"tcp_timeout_fin_wait", "seconds, of TCP in FIN_WAIT"},
	{"tcp_timeout_close_wait", "seconds, of TCP in CLOSE_WAIT"},
	{"tcp_timeout_last_ack", "seconds, of TCP in LAST_ACK"},
	{"tcp_timeout_time_wait", "seconds, of TCP in TIME_WAIT"},
	{"tcp_timeout_close", "seconds, of TCP in CLOSE"},
	{"tcp_timeout_max_retrans", "seconds, of TCP that retransmits in vain"},
	{"tcp_timeout_unacknowledged", "seconds, of TCP with data not acknowledged"},
	{"sctp_timeout_closed", "seconds, of SCTP in CLOSED"},
	{"sctp_timeout_cookie_wait", "seconds, of SCTP in COOKIE_WAIT"},
	{"sctp_timeout_cookie_echoed", "seconds, of SCTP in COOKIE_ECHOED"},
	{"sctp_timeout_established", "seconds, of SCTP in ESTABLISHED"},
	{"sctp_timeout_shutdown_sent", "seconds, of SCTP in SHUTDOWN_SENT"},
	{"sctp_timeout_shutdown_recd", "seconds, of SCTP in SHUTDOWN_RECD"},
	{"sctp_timeout_shutdown_ack_sent", "seconds, of SCTP in SHUTDOWN_ACK_SENT"},
	{"sctp_timeout_heartbeat_sent", "seconds, of SCTP in HEARTBEAT_SENT"},
	{"dccp_timeout_request", "seconds, of DCCP in REQUEST"},
	{"dccp_timeout_respond", "seconds, of DCCP in RESPOND"},
	{"dccp_timeout_partopen", "seconds, of DCCP in PARTOPEN"},
	{"dccp_timeout_open", "seconds, of DCCP in OPEN"},
	{"dccp_timeout_closereq", "seconds, of DCCP in CLOSEREQ"},
	{"dccp_timeout_closing", "seconds, of DCCP in CLOSING"},
	{"dccp_timeout_timewait", "seconds, of DCCP in TIMEWAIT"},
}

// Ctl is the settings that this kernel has.
type Ctl struct {
	n   [64]uint64
	has [64]bool
}

func ctlTable(k Kernel) *fs.Table[Ctl] {
	var keys []fs.Key[Ctl]
	for i, s := range settings {
		keys = append(keys, fs.Num(s.name, s.doc, func(c *Ctl) *uint64 { return &c.n[i] }).Always().When(func(c *Ctl) *bool { return &c.has[i] }))
	}
	return &fs.Table[Ctl]{
		Kind:    "ctsettings",
		Doc:     "settings of connection tracking; flush all forgets every connection",
		Ordered: true,
		Keys:    fs.NewKeys(keys...),
		Rows: func(context.Context, *fs.Query[Ctl]) iter.Seq2[*Ctl, error] {
			return func(yield func(*Ctl, error) bool) { yield(readCtl(k)) }
		},
		Do: fs.One(func(ctx context.Context, o *fs.Op[Ctl]) error { return changeCtl(ctx, k, o) }),
	}
}

func readCtl(k Kernel) (*Ctl, error) {
	var c Ctl
	for i, s := range settings {
		n, err := k.Setting(s.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, &fs.KeyError{Key: s.name, Err: err}
		}
		c.n[i], c.has[i] = n, true
	}
	return &c, nil
}

func changeCtl(ctx context.Context, k Kernel, o *fs.Op[Ctl]) error {
	switch o.Act {
	case fs.Del: // flush all
		return k.Flush(ctx)
	case fs.Change, fs.Replace:
	default:
		return &fs.Error{Text: "settings are there always: name them without a verb", Errno: syscall.EEXIST}
	}
	for i, s := range settings {
		if !o.Has(s.name) {
			continue
		}
		if err := k.Set(s.name, o.Row.n[i]); err != nil {
			return &fs.KeyError{Key: s.name, Err: err}
		}
	}
	return nil
}
