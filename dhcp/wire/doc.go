// Package wire encodes and decodes what carries DHCP below UDP: Ethernet with
// its 802.1Q and 802.1ad tags, ARP, IPv4, and UDP with its checksum. It does no I/O and
// knows no DHCP; a client needs it because it has to speak before the kernel
// has an address to speak from.
//
//	var f wire.Ethernet
//	ip, err := f.Decode(frame)
//	...
//	var d wire.Datagram
//	if err := d.Decode(ip, wire.Partial); err != nil { return err }
//	use(d.Src, d.Dst, d.Payload)
//
// Decoding allocates nothing and borrows: payloads are slices of what was
// decoded. Encoders append, and fail rather than send what the decoder would refuse.
//
// Every length is tested before it is used, and lengths that contradict each
// other are errors. Errors are of one of the kinds ErrTruncated, ErrLength,
// ErrChecksum, ErrFragment and ErrOther, for errors.Is.
//
// Limits: two VLAN tags, no 802.3 frames with a length, no reassembly, IPv4 only (DHCPv6 and
// router advertisements come through sockets of the kernel, which has the
// link-local address that they need).
//
// Sources: IEEE 802.3 and 802.1Q, RFC 791, 768, 826, 1071.
package wire
