package wire_test

import (
	"fmt"
	"net/netip"

	"github.com/netfs-project/netfs/dhcp/wire"
)

// A frame as a client without an address sends it, and what its receiver sees.
func Example() {
	d := wire.Datagram{
		Src:     netip.MustParseAddrPort("0.0.0.0:68"),
		Dst:     netip.MustParseAddrPort("255.255.255.255:67"),
		Payload: []byte("a message"),
	}
	eth := wire.Ethernet{Dst: wire.Broadcast, Src: wire.MAC{2, 0, 0, 0, 0, 1}, Type: wire.TypeIPv4}
	frame, err := eth.Append(nil)
	if err == nil {
		frame, err = d.Append(frame)
	}
	if err != nil {
		fmt.Println(err)
		return
	}

	ip, err := eth.Decode(frame)
	if err == nil {
		err = d.Decode(ip, wire.Verify)
	}
	fmt.Printf("%v → %v %v: %v → %v: %q, sum %v, %v\n", eth.Src, eth.Dst, eth.VID(), d.Src, d.Dst, d.Payload, d.Sum, err)
	// Output: 02:00:00:00:00:01 → ff:ff:ff:ff:ff:ff 0: 0.0.0.0:68 → 255.255.255.255:67: "a message", sum good, <nil>
}
