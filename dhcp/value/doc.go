// Package value has the values that options of DHCPv4, of DHCPv6 and of router
// advertisements share: where a host is, its civic address, resolvers of encrypted DNS,
// VPNs, and the ports of a shared address. Packages v4, v6 and ra have getters and
// setters that give them:
//
//	r, err := m.Options.Resolvers()
//	for _, r := range r {
//		fmt.Println(r.Name, r.Addrs, r.ALPN())
//	}
//
// Each value has bytes and text, and both can be read back: Read and Append, Parse
// and AppendText. Text is safe to print. Nothing here does any I/O.
package value

import (
	"errors"
	"fmt"
)

var errShort = errors.New("it ends too early")

// name is the word of a number, or the number.
func name(words []string, n uint8) string {
	if int(n) < len(words) && words[n] != "" {
		return words[n]
	}
	return fmt.Sprint(n)
}
