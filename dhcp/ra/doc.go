// Package ra encodes and decodes router solicitations and advertisements, the
// messages by which a link tells hosts of its routers, its prefixes, and whether
// there is DHCPv6. It does no I/O and keeps no state.
//
//	a, err := ra.Decode(icmp)
//	...
//	if a.Managed {
//		// addresses come by DHCPv6
//	}
//	prefixes, err := a.Prefixes()
//
// As with DHCP, an advertisement is its fixed fields and a list of options that holds bytes.
// An option that is nonsense fails in its getter, and spoils nothing else.
//
// What is outside of the message is for who received it to check (RFC 4861 6.1.2): that the hop limit of
// the packet was 255, that the source is link-local, and the checksum, which a raw socket of ICMPv6 has
// seen to. This package makes none: the kernel does.
//
// Sources: RFC 4861 4 and 6.1, 4191 (routes, preference), 8106 (DNS), 8781 (PREF64), 8910
// (captive portal), 9463 (encrypted DNS), 8801 (provisioning domains), 9762 (delegation), 5175 (flags),
// 6275 (mobile hosts), 4389 (proxy).
package ra
