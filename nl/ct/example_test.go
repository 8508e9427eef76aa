package ct_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/ct"
)

// Who asks which name server, and how long the kernel remembers it.
func ExampleDump() {
	ctx := context.Background()
	c, err := nl.Dial(nl.Netfilter, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	dns := ct.Tuple{Proto: ct.Proto{Num: 17, DstPort: 53}}
	for e, err := range ct.Dump(ctx, c, &ct.Filter{Orig: dns}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Orig.IP.Src, e.Orig.IP.Dst, e.Timeout)
	}
}

// An entry that lets the answers to a datagram in for ten minutes.
func ExampleCreate() {
	ctx := context.Background()
	c, err := nl.Dial(nl.Netfilter, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	e := &ct.Entry{Timeout: 10 * time.Minute, Status: ct.IPS_ASSURED}
	e.Orig.IP = ct.IP{Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2")}
	e.Orig.Proto = ct.Proto{Num: 17, SrcPort: 5000, DstPort: 6000}
	if err := ct.Create(ctx, c, e); err != nil {
		fmt.Println(err)
	}
}

// Events as they happen, until ctx ends.
func ExampleSubscribe() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := nl.Dial(nl.Netfilter, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	s, err := ct.Subscribe(ctx, c, ct.New, ct.Destroyed)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for ev, err := range ct.Events(ctx, s) {
		if err != nil {
			fmt.Println(err) // nl.ErrOverrun: some were lost
			continue
		}
		fmt.Println(ev.Kind == ct.New, ev.Entry.Orig)
	}
}
