//go:build !unix

package rawsock

import (
	"errors"
	"net/netip"
)

// A UDP6 speaks DHCPv6. Unix only.
type UDP6 struct{}

// OpenUDP6 fails with errors.ErrUnsupported.
func OpenUDP6(l Link, addr netip.Addr) (*UDP6, error) { return nil, unsupported(l) }

func (u *UDP6) Send(payload []byte) error { return errors.ErrUnsupported }
func (u *UDP6) Receive() ([]byte, error)  { return nil, errors.ErrUnsupported }
func (u *UDP6) Other() uint64             { return 0 }
func (u *UDP6) Close() error              { return nil }
