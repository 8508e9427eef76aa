// Package v4 encodes and decodes messages of DHCPv4 and their options. It does
// no I/O and keeps no state.
//
//	m, err := v4.Decode(payload)
//	...
//	if m.Type() == v4.Offer {
//		server, err := m.Options.ServerID()
//		routes, err := m.Options.ClasslessRoutes()
//	}
//
// A message is its fixed fields and an ordered list of options. The list holds
// bytes; getters and setters give them types. So an option that is nonsense, or that nobody
// knows, kills no message: it is kept, its getter fails and says which option
// and why, and it can be sent on. What makes a message unreadable is an error of
// Decode: too few bytes, no cookie. An option that ends behind its field is told in
// Damage, and what is before it can be used: whether it should is for the receiver to say.
//
// The encoding of options is the codec's matter: overload (52), the end (255) and
// padding (0) never are in the list, values longer than 255 bytes are split
// and put together (RFC 3396), the message type is written first and the relay's
// information last.
//
// One table, Options by number with name, kind and length, drives getters, text and
// JSON: Describe, ByName, Option.Text, ParseOption. docs/dhcp-options.md is made of it.
//
// Text is safe to print: what is not plain is quoted and escaped (see Quote).
//
// Sources: RFC 951, 1542, 2131, 2132, 3396; each kind of option names its own.
package v4
