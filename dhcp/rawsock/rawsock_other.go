//go:build !(linux || freebsd || openbsd || netbsd || dragonfly || darwin)

package rawsock

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"

	"github.com/netfs-project/netfs/dhcp/wire"
)

func unsupported(l Link) error {
	return fmt.Errorf("%s: DHCP on %s: %w", l.Name, runtime.GOOS, errors.ErrUnsupported)
}

// A Raw speaks DHCP on a link that may have no address.
type Raw struct{ counters }

// OpenRaw fails with errors.ErrUnsupported.
func OpenRaw(l Link) (*Raw, error) { return nil, unsupported(l) }

func (r *Raw) Send(payload []byte, src, dst netip.Addr, to wire.MAC) error {
	return errors.ErrUnsupported
}
func (r *Raw) Receive(p *Packet) error { return errors.ErrUnsupported }
func (r *Raw) Close() error            { return nil }

// Stats returns the counters.
func (r *Raw) Stats() Stats { return r.stats() }

// An ARP hears and speaks ARP.
type ARP struct{}

// OpenARP fails with errors.ErrUnsupported.
func OpenARP(l Link, about netip.Addr) (*ARP, error) { return nil, unsupported(l) }

func (r *ARP) Send(a *wire.ARP) error    { return errors.ErrUnsupported }
func (r *ARP) Receive(a *wire.ARP) error { return errors.ErrUnsupported }
func (r *ARP) Close() error              { return nil }

// A UDP speaks through the kernel.
type UDP struct{}

// OpenUDP fails with errors.ErrUnsupported.
func OpenUDP(l Link, addr netip.Addr) (*UDP, error) { return nil, unsupported(l) }

func (u *UDP) Send(payload []byte, dst netip.Addr) error { return errors.ErrUnsupported }
func (u *UDP) Receive(p *Packet) error                   { return errors.ErrUnsupported }
func (u *UDP) Close() error                              { return nil }
