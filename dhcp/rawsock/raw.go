//go:build linux || freebsd || openbsd || netbsd || dragonfly || darwin

package rawsock

import (
	"net/netip"

	"github.com/netfs-project/netfs/dhcp/wire"
)

// A Raw speaks DHCP on a link that may have no address. One goroutine may receive while
// others send.
type Raw struct {
	*packetSocket
	mac wire.MAC
}

// OpenRaw needs CAP_NET_RAW on Linux, and to be root elsewhere.
func OpenRaw(l Link) (*Raw, error) {
	mac, err := l.mac()
	if err != nil {
		return nil, err
	}
	s, err := open(l, wire.TypeIPv4, replies, requests)
	if err != nil {
		return nil, err
	}
	return &Raw{packetSocket: s, mac: mac}, nil
}

// Send sends a message from port 68 of src, which may be the zero Addr, to port 67 of dst at the station
// to.
func (r *Raw) Send(payload []byte, src, dst netip.Addr, to wire.MAC) error {
	if !src.IsValid() {
		src = netip.IPv4Unspecified()
	}
	e := wire.Ethernet{Dst: to, Src: r.mac, Type: wire.TypeIPv4}
	b, err := e.Append(make([]byte, 0, 64+len(payload)))
	if err != nil {
		return err
	}
	d := wire.Datagram{Src: netip.AddrPortFrom(src, ClientPort), Dst: netip.AddrPortFrom(dst, ServerPort), TOS: 0xc0, Payload: payload}
	if b, err = d.Append(b); err != nil {
		return err
	}
	return r.send(b)
}

// Receive waits for the next message. What is not one is counted. After Close it fails with
// os.ErrClosed.
func (r *Raw) Receive(p *Packet) error {
	for {
		f, err := r.next()
		if err != nil {
			return err
		}
		if f.vlan {
			r.vlan.Add(1)
			continue
		}
		if r.decode(f.b, p, f.sums) {
			return nil
		}
	}
}

// An ARP hears who else has, or probes for, one address, and speaks.
type ARP struct {
	*packetSocket
	mac wire.MAC
}

// OpenARP needs what OpenRaw does.
func OpenARP(l Link, about netip.Addr) (*ARP, error) {
	mac, err := l.mac()
	if err != nil {
		return nil, err
	}
	s, err := open(l, wire.TypeARP, func(t tagged) []insn { return claims(t, about) }, anyARP)
	if err != nil {
		return nil, err
	}
	return &ARP{packetSocket: s, mac: mac}, nil
}

// Send broadcasts a message.
func (r *ARP) Send(a *wire.ARP) error {
	e := wire.Ethernet{Dst: wire.Broadcast, Src: r.mac, Type: wire.TypeARP}
	b, err := e.Append(nil)
	if err != nil {
		return err
	}
	if b, err = a.Append(b); err != nil {
		return err
	}
	return r.send(b)
}

// Receive waits for the next message. What is not one is counted.
func (r *ARP) Receive(a *wire.ARP) error {
	for {
		f, err := r.next()
		if err != nil {
			return err
		}
		r.received.Add(1)
		if f.vlan {
			r.vlan.Add(1)
			continue
		}
		var e wire.Ethernet
		b, err := e.Decode(f.b)
		if err == nil {
			err = a.Decode(b)
		}
		if err != nil {
			r.dropped(err)
			continue
		}
		return nil
	}
}
