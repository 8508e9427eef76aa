package dhcptest

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/netfs-project/netfs/dhcp/v4"
)

// Serve answers what comes to conn, a UDP socket on port 67 that may broadcast, until it is
// closed. It returns after the last delayed reply is sent or dropped.
func (s *Server) Serve(conn net.PacketConn) {
	var late sync.WaitGroup
	stop := make(chan struct{})
	defer late.Wait()
	defer close(stop)
	began := time.Now()
	buf := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		req, err := v4.Decode(buf[:n])
		if err != nil || req.Damage != nil {
			continue
		}
		for _, r := range s.Handle(req, time.Since(began)) {
			b, err := r.encode()
			if err != nil {
				continue
			}
			to := destination(req, from)
			if r.After == 0 {
				conn.WriteTo(b, to)
				continue
			}
			late.Go(func() {
				t := time.NewTimer(r.After)
				defer t.Stop()
				select {
				case <-t.C:
					conn.WriteTo(b, to)
				case <-stop:
				}
			})
		}
	}
}

// destination is the client's address if it has one, else everybody: a client without one sees
// no unicast of the kernel's. Source: RFC 2131 4.1.
func destination(req *v4.Message, from net.Addr) net.Addr {
	if req.CIAddr.IsValid() && !req.CIAddr.IsUnspecified() {
		if u, ok := from.(*net.UDPAddr); ok && u.AddrPort().Addr().Unmap() == req.CIAddr {
			return from
		}
	}
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 68))
}
