package addr

import (
	"context"
	"fmt"
	"iter"
	"net/netip"

	"github.com/netfs-project/netfs/fs"
)

// A Kernel has addresses. Its methods are safe for concurrent use.
type Kernel interface {
	// Addrs yields the addresses of a link, of all links if dev is empty. Each is borrowed.
	Addrs(ctx context.Context, dev string) iter.Seq2[*Addr, error]
	// Run carries out steps in order, whatever becomes of each, and returns an error for each.
	Run(ctx context.Context, steps []Step) []error
	// Watch yields changes until ctx ends, present addresses first.
	Watch(ctx context.Context) iter.Seq2[fs.Event[Addr], error]
}

// A Step is one thing that the kernel is to do.
type Step struct {
	Act  fs.Act // Add, Replace (or Add), Change (lifetimes, metric, proto and flags), Del
	Addr *Addr
}

// Page returns the page of the addresses of k.
func Page(k Kernel) fs.Page { return (&page{k: k}).page() }

func (p *page) page() fs.Page {
	t := p.table()
	return fs.Page{
		Root:  fs.Dir{"addrs": t},
		Kinds: []fs.Kind{t},
		Link:  func(l fs.LinkID) fs.Dir { return fs.Dir{"addrs": t.With("dev", l.Name)} },
	}
}

// Table returns the table of the addresses of k.
func Table(k Kernel) *fs.Table[Addr] { return (&page{k: k}).table() }

func (p *page) table() *fs.Table[Addr] {
	return &fs.Table[Addr]{
		Kind: "addr",
		Also: []string{"address", "a"},
		Doc:  "protocol addresses of links",
		Keys: keys,
		Norm: norm,
		Rows: func(ctx context.Context, q *fs.Query[Addr]) iter.Seq2[*Addr, error] {
			if q != nil && q.Has("dev") {
				return p.rows(ctx, q.Want.Dev)
			}
			return p.rows(ctx, "")
		},
		Do:    p.do,
		Watch: p.watch,
	}
}

type page struct {
	k     Kernel
	whole bool // a change takes every key: no address is removed for it
}

// rows yields the addresses as they print.
func (p *page) rows(ctx context.Context, dev string) iter.Seq2[*Addr, error] {
	return func(yield func(*Addr, error) bool) {
		for a, err := range p.k.Addrs(ctx, dev) {
			if a != nil {
				a.shown()
			}
			if !yield(a, err) || err != nil {
				return
			}
		}
	}
}

func (p *page) watch(ctx context.Context) iter.Seq2[fs.Event[Addr], error] {
	return func(yield func(fs.Event[Addr], error) bool) {
		for e, err := range p.k.Watch(ctx) {
			if e.Row != nil {
				e.Row.shown()
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// shown says that all keys of a record from the kernel are known.
func (a *Addr) shown() { a.scoped, a.hasPreferred = true, !a.bare }

// norm fills in what the kernel and ip-address(8) fill in.
func norm(a *Addr) {
	if a.Peer.IsValid() && a.Peer.Addr() == a.Local.Addr() {
		a.Local, a.Peer = a.Peer, netip.Prefix{}
	}
	if a.Peer.IsValid() && a.Local.IsValid() {
		a.Local = netip.PrefixFrom(a.Local.Addr(), a.Local.Addr().BitLen())
	}
	if a.edge != 0 && a.Local.IsValid() {
		a.Broadcast = edge(a.network(), a.edge == '+')
		a.edge = 0
	}
	if !a.scoped {
		a.Scope, a.scoped = natural(a.Local.Addr()), true
	}
	if a.Label == "" && a.Local.Addr().Is4() {
		a.Label = a.Dev
	}
	if a.Valid == 0 {
		a.Valid = Forever
	}
	if !a.hasPreferred {
		a.Preferred, a.hasPreferred = a.Valid, true
	}
}

// network is the prefix that the address brings.
func (a *Addr) network() netip.Prefix {
	if a.Peer.IsValid() {
		return a.Peer
	}
	return a.Local
}

// Scopes (rtm_scope, linux/rtnetlink.h).
const (
	global    = 0
	site      = 200
	linkScope = 253
	host      = 254
)

// natural is the scope of an address when none is given. That of an IPv6
// address follows from it always (ipv6_addr_scope).
func natural(a netip.Addr) uint8 {
	switch {
	case a.IsLoopback():
		return host
	case a.Is4():
		return global
	case a.IsLinkLocalUnicast():
		return linkScope
	case a.Is6() && a.As16()[0] == 0xfe && a.As16()[1]&0xc0 == 0xc0:
		return site
	}
	return global
}

// do makes steps of the changes, lets the kernel run them, and puts back what
// could not be changed.
func (p *page) do(ctx context.Context, ops []fs.Op[Addr]) {
	var steps []Step
	var owner []int // the op of each step
	for i := range ops {
		s, err := p.steps(ctx, &ops[i])
		ops[i].Err = err
		for range s {
			owner = append(owner, i)
		}
		steps = append(steps, s...)
	}
	for i, err := range p.k.Run(ctx, steps) {
		o := &ops[owner[i]]
		if err == nil || o.Err != nil {
			continue
		}
		o.Err = err
		if i > 0 && owner[i-1] == owner[i] {
			o.Err = p.putBack(ctx, o.Old, err)
		}
	}
}

// putBack adds an address again that was removed to be changed.
func (p *page) putBack(ctx context.Context, old *Addr, why error) error {
	if err := p.k.Run(ctx, []Step{{fs.Add, old}})[0]; err != nil {
		return fmt.Errorf("%w; and it could not be put back: %v", why, err)
	}
	return why
}

// steps tells what the kernel has to do for one change.
func (p *page) steps(ctx context.Context, o *fs.Op[Addr]) ([]Step, error) {
	if err := check(&o.Row); err != nil {
		return nil, err
	}
	switch {
	case o.Act == fs.Del:
		return []Step{{fs.Del, &o.Row}}, nil
	case o.Old == nil && o.Act == fs.Replace: // the kernel may make the same one meanwhile
		return []Step{{fs.Replace, &o.Row}}, nil
	case o.Old == nil && o.Act != fs.Change || o.Act == fs.Add || o.Act == fs.Append:
		return []Step{{fs.Add, &o.Row}}, nil
	case p.whole || !fixed(o):
		return []Step{{fs.Change, &o.Row}}, nil
	}
	if err := p.alone(ctx, o); err != nil {
		return nil, err
	}
	return []Step{{fs.Del, o.Old}, {fs.Add, &o.Row}}, nil
}

// fixed reports whether the change is of a key that an address keeps for life.
func fixed(o *fs.Op[Addr]) bool {
	return o.Has("broadcast") || o.Has("anycast") || o.Has("label") || o.Has("scope")
}

// alone refuses to remove an address that others of its network depend on.
func (p *page) alone(ctx context.Context, o *fs.Op[Addr]) error {
	old := o.Old
	if old == nil || !old.Local.Addr().Is4() || old.Flags&Secondary != 0 {
		return nil
	}
	for a, err := range p.k.Addrs(ctx, old.Dev) {
		if err != nil {
			return err
		}
		if a.Flags&Secondary != 0 && a.network().Masked() == old.network().Masked() {
			return bad("the kernel changes that only by removing the address, and " + a.Local.String() + " with it")
		}
	}
	return nil
}

func check(a *Addr) error {
	local := a.Local.Addr()
	switch {
	case !a.Local.IsValid():
		return &fs.KeyError{Key: "local", Err: bad("missing")}
	case a.Dev == "":
		return &fs.KeyError{Key: "dev", Err: bad("missing: which link?")}
	case a.Peer.IsValid() && a.Peer.Addr().Is4() != local.Is4():
		return &fs.KeyError{Key: "peer", Err: bad("not of the family of local")}
	case a.Broadcast.IsValid() && (!local.Is4() || !a.Broadcast.Is4()):
		return &fs.KeyError{Key: "broadcast", Err: bad("only IPv4 has broadcast addresses")}
	case a.Label != "" && !local.Is4():
		return &fs.KeyError{Key: "label", Err: bad("only IPv4 addresses have labels")}
	case a.scoped && !local.Is4() && a.Scope != natural(local):
		return &fs.KeyError{Key: "scope", Err: bad("the scope of an IPv6 address follows from the address")}
	case a.hasPreferred && a.Valid != 0 && a.Preferred > a.Valid:
		return &fs.KeyError{Key: "preferred_lft", Err: bad("longer than valid_lft")}
	}
	return nil
}
