package runner

import (
	"net"
	"net/netip"

	"github.com/netfs-project/netfs/dhcp/acd"
	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/rawsock"
	"github.com/netfs-project/netfs/dhcp/wire"
)

// probe begins to look whether somebody has the address. If that cannot be done the
// address is taken as free, and the error told: no lease is lost for a check.
func (r *Runner) probe(a netip.Addr) error {
	if err := r.listenARP(a); err != nil {
		r.step(client.Checked{Addr: a})
		return err
	}
	r.conflicts(r.acd.Start(r.clock.now().Boot))
	return nil
}

func (r *Runner) listenARP(a netip.Addr) error {
	r.closeARP()
	s, err := rawsock.OpenARP(r.cfg.Link, a)
	if err != nil {
		return err
	}
	r.arp, r.about = s, a
	r.acd = acd.New(a, r.mac, *r.cfg.Check, r.rand)
	r.wg.Go(func() {
		for {
			var msg wire.ARP
			if s.Receive(&msg) != nil {
				return
			}
			if !r.hand(func() {
				if r.acd != nil && s == r.arp {
					r.conflicts(r.acd.Receive(r.clock.now().Boot, &msg))
				}
			}) {
				return
			}
		}
	})
	return nil
}

func (r *Runner) closeARP() {
	if r.arp != nil {
		r.arp.Close()
	}
	r.arp, r.acd, r.about = nil, nil, netip.Addr{}
}

// dropCheck ends the watch over an address that is neither checked nor used any more, and
// begins it for one that was not checked.
func (r *Runner) dropCheck() {
	l := r.m.Lease()
	switch {
	case r.cfg.Check == nil:
	case l == nil && r.m.State() != client.Checking:
		r.closeARP()
	case l != nil && r.about != l.Addr && r.m.State() == client.Bound:
		if err := r.listenARP(l.Addr); err != nil {
			r.note(err)
			return
		}
		r.conflicts(r.acd.Announce(r.clock.now().Boot))
	}
}

// conflicts does what the watch says.
func (r *Runner) conflicts(acts []acd.Action) {
	for _, a := range acts {
		switch a := a.(type) {
		case acd.Send:
			if err := r.arp.Send(&a.ARP); err != nil {
				r.unsent++
			}
		case acd.Result:
			r.checked(a.By)
			return // the watch may be another now
		}
	}
}

func (r *Runner) checked(by wire.MAC) {
	about := r.about
	var who net.HardwareAddr
	if by != (wire.MAC{}) {
		who = by[:]
	}
	if r.m.State() == client.Checking {
		r.step(client.Checked{Addr: about, By: who})
	} else if who != nil {
		r.step(client.Conflict{Addr: about, By: who})
	}
}
