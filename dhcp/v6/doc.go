// Package v6 encodes and decodes messages of DHCPv6 and their options: those of
// clients and servers, and of relays. It does no I/O and keeps no state.
//
//	m, err := v6.Decode(payload)
//	...
//	ias, err := m.Options.IANAs()
//	for _, ia := range ias {
//		addrs, err := ia.Options.IAAddrs()
//		...
//	}
//
// As in package v4, a message is its fixed fields and an ordered list of options, which
// holds bytes; getters and setters give them types, and an option that is nonsense fails in its getter
// and spoils nothing else. Options may be there more than once (IA_NA, IA_PD), and
// have options in themselves, which are lists of the same type, read when they are asked for.
//
// Text is safe to print. One table gives names, kinds and lengths: see Describe.
//
// Sources: RFC 8415 (which took in 3315, 3633, 3736), 3646, 4704, 6603, 6422, and the
// documents that the registry of DHCPv6 parameters at IANA names.
package v6
