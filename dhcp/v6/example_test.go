package v6_test

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/dhcp/v6"
)

// A Solicit for an address and a prefix.
func ExampleMessage_Append() {
	m := v6.Message{Type: v6.Solicit, XID: 0x1a2b3c}
	m.Options.SetClientID(v6.NewDUIDLL(1, net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}))
	m.Options.SetElapsed(0)
	m.Options.SetRequested(v6.OptDNS, v6.OptSolMaxRT)
	err := m.Options.AddIANA(v6.IA{IAID: 1})
	if err == nil {
		err = m.Options.AddIAPD(v6.IA{IAID: 1})
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := m.Append(nil)
	fmt.Println(len(b), err)
	fmt.Println(&m)
	// Output:
	// 64 <nil>
	// solicit xid=1a2b3c client_id=00:03:00:01:02:00:5e:00:53:01 elapsed_time=0 option_request=dns_servers,sol_max_rt ia_na[iaid=1 t1=0 t2=0] ia_pd[iaid=1 t1=0 t2=0]
}

// The addresses of a Reply.
func ExampleOptions_IANAs() {
	ia := v6.IA{IAID: 1, T1: time.Hour, T2: 2 * time.Hour}
	m := v6.Message{Type: v6.Reply}
	err := ia.Options.AddIAAddr(v6.IAAddr{Addr: netip.MustParseAddr("2001:db8::7"), Preferred: time.Hour, Valid: v6.Forever})
	if err == nil {
		err = m.Options.AddIANA(ia)
	}
	if err != nil {
		fmt.Println(err)
		return
	}

	ias, err := m.Options.IANAs()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, ia := range ias {
		addrs, err := ia.Options.IAAddrs()
		for _, a := range addrs {
			fmt.Println(ia.IAID, a.Addr, a.Preferred, a.Valid == v6.Forever)
		}
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output: 1 2001:db8::7 1h0m0s true
}
