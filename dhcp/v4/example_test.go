package v4_test

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/netfs-project/netfs/dhcp/v4"
)

// A DISCOVER, as a client broadcasts it.
func ExampleMessage_Append() {
	m := v4.Message{
		Op:     v4.BootRequest,
		HType:  v4.Ethernet,
		XID:    0x3903f326, // random
		CHAddr: net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1},
	}
	m.Options.SetType(v4.Discover)
	m.Options.SetParameterList(v4.OptSubnetMask, v4.OptRouters, v4.OptClasslessRoutes)
	b, err := m.Append(nil)
	fmt.Println(len(b), err)
	// Output: 300 <nil>
}

// What a server offers; an option that is nonsense spoils only itself.
func ExampleDecode() {
	m := v4.Message{Op: v4.BootReply, HType: v4.Ethernet, YIAddr: netip.MustParseAddr("192.0.2.7")}
	m.Options.SetType(v4.Offer)
	m.Options.Set(v4.OptSubnetMask, []byte{255, 0, 255, 0})
	m.Options.SetString(v4.OptHostname, "$(reboot)")
	packet, err := m.Append(nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	offer, err := v4.Decode(packet)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = offer.Options.SubnetMask()
	fmt.Println(offer.Type(), offer.YIAddr)
	fmt.Println(err)
	for _, o := range offer.Options {
		text, _ := o.Text()
		fmt.Println(o.Code.Name(), text)
	}
	// Output:
	// offer 192.0.2.7
	// option 1 (subnet_mask): 255.0.255.0 is not a mask
	// message_type offer
	// subnet_mask 255.0.255.0
	// host_name "\x24\x28reboot\x29"
}

// Options are named as people write them.
func ExampleParseOption() {
	code, err := v4.ByName("classless_static_routes")
	if err != nil {
		fmt.Println(err)
		return
	}
	o, err := v4.ParseOption(code, "10.0.0.0/8:192.0.2.1")
	fmt.Println(o.Code, o.Hex(), err)
	_, err = v4.ParseOption(code, "10.0.0.0/33:192.0.2.1")
	fmt.Println(err)
	// Output:
	// option 121 (classless_static_routes) 080ac0000201 <nil>
	// option 121 (classless_static_routes): "10.0.0.0/33:192.0.2.1": not a route, PREFIX:GATEWAY
}
