package bsdtest

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/rtsock"
)

// A Link is an interface.
type Link struct {
	Index uint16
	Name  string
	Addr  []byte
	Flags uint32
	MTU   uint64
	State uint64 // LINK_STATE_*, this system's number

	Domain uint16 // OpenBSD: routing domain

	InPackets, OutBytes uint64

	kind           string // of what was made; "" is hardware
	parent, master uint16
	tag, tagType   uint16
}

// A Kernel is a simulated one. Safe for concurrent use.
type Kernel struct {
	layout *bsd.Layout

	mu      sync.Mutex // guards what follows
	links   []Link
	next    uint16 // number of the last link
	addrs   map[uint16][]address
	routes  []entry
	neighs  []entry
	tables  map[uint16]bool // FIBs, routing tables
	sockets map[*socket]bool
	nomem   int
	refuse  syscall.Errno
	asked   int
	losing  int
	ioctls  []string // names of those that were carried out
	fail    map[bsd.Ioctl]syscall.Errno
	booted  time.Time
}

// An address is one of a link.
type address struct {
	netip.Prefix
	other            netip.Addr // the other end, or the broadcast address
	flags            uint32     // IN6_IFF_*
	valid, preferred uint32
	since            time.Time
}

// An entry is a route as it was written, to be told again.
type entry struct {
	dst   netip.Prefix
	table uint16
	m     bsd.RouteMsg
}

// New returns a kernel with lo0 and nothing else.
func New(l *bsd.Layout) *Kernel {
	k := &Kernel{layout: l, addrs: map[uint16][]address{}, tables: map[uint16]bool{0: true}, sockets: map[*socket]bool{},
		fail: map[bsd.Ioctl]syscall.Errno{}, booted: time.Now().Add(-time.Hour)}
	k.AddLink("lo0", nil)
	return k
}

// AddLink makes a link that is up, and returns its number.
func (k *Kernel) AddLink(name string, addr []byte) uint16 {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := Link{Name: name, Addr: addr, Flags: k.layout.IFF("up") | k.layout.IFF("multicast"), MTU: 1500}
	switch {
	case len(k.links) == 0:
		l.Flags |= k.layout.IFF("loopback")
	case addr == nil:
		l.Flags |= k.layout.IFF("pointopoint")
	default:
		l.Flags |= k.layout.IFF("broadcast")
	}
	return k.add(l)
}

// add makes a link with the next number.
func (k *Kernel) add(l Link) uint16 {
	k.next++
	l.Index = k.next
	k.links = append(k.links, l)
	k.tell(&bsd.AnnounceMsg{Header: bsd.Header{Op: bsd.OpAnnounce}, Index: l.Index, Name: l.Name})
	k.tell(k.linkMsg(&l))
	return l.Index
}

// AddTable makes the routing tables up to n on FreeBSD (net.fibs), one on OpenBSD. The
// others have none but 0.
func (k *Kernel) AddTable(n uint16) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch k.layout.Tables {
	case bsd.SocketTable:
		for i := range n + 1 {
			k.tables[i] = true
		}
	case bsd.MessageTable:
		k.tables[n] = true
	}
}

// Tables is how many there are, or may be on OpenBSD.
func (k *Kernel) Tables() (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.layout.Tables == bsd.MessageTable {
		return 256, nil
	}
	return len(k.tables), nil
}

// AddAddr gives a link an address; its network is then in reach.
func (k *Kernel) AddAddr(link uint16, p netip.Prefix) { k.AddPeer(link, p, last(p)) }

// last is the broadcast address of an IPv4 network.
func last(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() {
		return netip.Addr{}
	}
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// AddPeer gives a link an address and that of its other end.
func (k *Kernel) AddPeer(link uint16, p netip.Prefix, peer netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.setAddr(link, address{Prefix: p, other: peer, valid: bsd.Forever, preferred: bsd.Forever})
}

// SetLink changes a link, and tells of it.
func (k *Kernel) SetLink(index uint16, change func(*Link)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.link(index)
	change(l)
	k.tell(k.linkMsg(l))
}

// AddNeigh makes a neighbour as one that was learnt: it expires. Without a link-layer
// address it is one that has not answered. FreeBSD tells nobody of it.
func (k *Kernel) AddNeigh(link uint16, a netip.Addr, lladdr []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := bsd.RouteMsg{Header: bsd.Header{Op: bsd.OpAdd}, Index: link, Flags: k.layout.RTF("up") | k.layout.RTF("host") | k.layout.RTF("llinfo"),
		Metrics: bsd.Metrics{Expire: 1 << 30}}
	m.Set(bsd.RTAX_DST, k.layout.SockaddrOf(scope(a, link)))
	m.Set(bsd.RTAX_GATEWAY, k.layout.SockaddrOfLink(bsd.Link{Index: link, Type: 6, Addr: lladdr}))
	m.Table = k.link(link).Domain
	k.neighs = append(k.neighs, entry{netip.PrefixFrom(a, a.BitLen()), m.Table, m})
	if k.layout.OS != "freebsd" {
		k.tell(&m)
	}
}

// DelAddr takes an address away.
func (k *Kernel) DelAddr(link uint16, p netip.Prefix) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at := k.addrAt(link, p.Addr()); at >= 0 {
		k.delAddr(link, at)
	}
}

// Lose drops what sockets have not read, as an overflow of their buffers does, and
// makes their next read say so.
func (k *Kernel) Lose() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for s := range k.sockets {
		s.overflow()
	}
}

// LoseAnswers makes sockets overflow with each of the next n requests.
func (k *Kernel) LoseAnswers(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.losing = n
}

// NoMemory makes the next n sysctls fail with ENOMEM.
func (k *Kernel) NoMemory(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.nomem = n
}

// Refuse makes the next request fail: it is echoed with the errno.
func (k *Kernel) Refuse(e syscall.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuse = e
}

// Requests returns how many were written.
func (k *Kernel) Requests() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asked
}

// Sockets returns how many are open.
func (k *Kernel) Sockets() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.sockets)
}

// Layout is the one that it was made with.
func (k *Kernel) Layout() *bsd.Layout { return k.layout }

// Socket opens a routing socket, with the filters that this system has.
func (k *Kernel) Socket(table int, f rtsock.Filter) (rtsock.Socket, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.layout.Tables == bsd.SocketTable && !k.tables[uint16(table)] {
		return nil, os.NewSyscallError("SO_SETFIB", syscall.EINVAL)
	}
	switch k.layout.OS {
	case "netbsd", "dragonfly":
		f.Without = 0
	case "openbsd":
	default:
		f = rtsock.Filter{}
	}
	s := &socket{k: k, table: uint16(table), f: f, wake: make(chan struct{}, 1), done: make(chan struct{})}
	k.sockets[s] = true
	return s, nil
}

// Sysctl answers {0, family, op, arg, table}.
func (k *Kernel) Sysctl(mib ...int) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.nomem > 0 {
		k.nomem--
		return nil, os.NewSyscallError("sysctl", syscall.ENOMEM)
	}
	b, e := k.answer(mib)
	if e != 0 {
		return nil, os.NewSyscallError("sysctl", e)
	}
	return append(b, make([]byte, 64)...), nil // the estimate was high
}

func (k *Kernel) answer(mib []int) ([]byte, syscall.Errno) {
	is := func(d bsd.Dump) bool { n, ok := k.layout.Sysctl(d); return ok && n == mib[2] }
	if len(mib) < 4 || len(mib) == 5 && !k.takesTable(is(bsd.DumpRoutes)) {
		return nil, syscall.EINVAL
	}
	family, arg, table := uint8(mib[1]), mib[3], uint16(0)
	if len(mib) > 4 {
		table = uint16(mib[4])
	}
	if !k.tables[table] {
		return nil, k.noTable()
	}
	switch {
	case is(bsd.DumpRoutes):
		b := k.dump(k.routes, family, table, 0)
		if !k.apart() {
			b = append(b, k.dump(k.neighs, family, table, 0)...)
		}
		return b, 0
	case is(bsd.DumpFlags) && uint32(arg) == k.layout.RTF("llinfo"):
		if k.apart() && family == 0 {
			return nil, syscall.EINVAL // it wants a family
		}
		return k.dump(k.neighs, family, table, 0), 0
	case is(bsd.DumpFlags):
		return k.dump(k.routes, family, table, uint32(arg)), 0
	case is(bsd.DumpLinks):
		return k.dumpLinks(arg), 0
	case is(bsd.DumpLinksLong):
		return k.dumpLong(arg), 0
	case is(bsd.DumpTable) && k.tables[uint16(arg)]:
		return []byte{byte(arg), byte(arg >> 8), 0, 0}, 0 // struct rt_tableinfo
	case is(bsd.DumpTable):
		return nil, syscall.ENOENT
	}
	return nil, syscall.EINVAL
}

// takesTable reports whether a sysctl may name a table: of FreeBSD only the dump of routes.
func (k *Kernel) takesTable(routes bool) bool {
	return k.layout.Tables == bsd.MessageTable || k.layout.Tables == bsd.SocketTable && routes
}

func (k *Kernel) noTable() syscall.Errno {
	if k.layout.Tables == bsd.MessageTable {
		return syscall.ENOENT
	}
	return syscall.EINVAL
}

// apart reports whether neighbours have tables of their own.
func (k *Kernel) apart() bool { return k.layout.OS == "freebsd" || k.layout.OS == "netbsd" }

func (k *Kernel) dump(entries []entry, family uint8, table uint16, flags uint32) (b []byte) {
	for i := range entries {
		e := &entries[i]
		m := e.m
		if e.table != table || flags != 0 && m.Flags&flags == 0 || family != 0 && family != m.At(bsd.RTAX_DST).Family() {
			continue
		}
		m.Op, m.Type, m.Pid, m.Seq = bsd.OpGet, 0, 0, 0
		b = k.append(b, &m)
	}
	return b
}

func (k *Kernel) dumpLinks(index int) (b []byte) {
	for i := range k.links {
		l := &k.links[i]
		if index != 0 && index != int(l.Index) {
			continue
		}
		b = k.append(b, k.linkMsg(l))
		for i := range k.addrs[l.Index] {
			b = k.append(b, k.addrMsg(l.Index, &k.addrs[l.Index][i], bsd.OpNewAddr))
		}
	}
	return b
}

// dumpLong is the answer with all counters: with other headers on FreeBSD, another
// message on Darwin.
func (k *Kernel) dumpLong(index int) (b []byte) {
	layout := k.layout.For(bsd.DumpLinksLong)
	for i := range k.links {
		l := &k.links[i]
		if index != 0 && index != int(l.Index) {
			continue
		}
		m := k.linkMsg(l)
		if k.layout.OS == "darwin" {
			m.Type = 0x12 // RTM_IFINFO2
		}
		b, _ = layout.Append(b, m)
	}
	return b
}

// append encodes what the simulator made itself: an error is a mistake in it, and
// the message would be missed by a test.
func (k *Kernel) append(b []byte, m bsd.Message) []byte {
	b, _ = k.layout.Append(b, m)
	return b
}

func (k *Kernel) linkMsg(l *Link) *bsd.LinkMsg {
	m := &bsd.LinkMsg{Header: bsd.Header{Op: bsd.OpLink}, Index: l.Index, Flags: l.Flags,
		Table: l.Domain, Data: bsd.LinkData{Type: l.ift(), MTU: l.MTU, State: l.State, Domain: uint32(l.Domain), InPackets: l.InPackets, OutBytes: l.OutBytes}}
	m.Set(bsd.RTAX_IFP, k.sockaddr(l))
	return m
}

// ift is the type of a link.
func (l *Link) ift() uint8 {
	if l.Index == 1 {
		return iftLoop
	}
	switch l.kind {
	case "vlan":
		return iftVLAN
	case "bridge":
		return iftBridge
	}
	return iftEther
}

func (k *Kernel) addrMsg(link uint16, a *address, op bsd.Op) *bsd.AddrMsg {
	m := &bsd.AddrMsg{Header: bsd.Header{Op: op}, Index: link, AddrFlags: a.flags}
	m.Set(bsd.RTAX_NETMASK, k.mask(a.Prefix))
	m.Set(bsd.RTAX_IFP, k.sockaddr(k.link(link)))
	m.Set(bsd.RTAX_IFA, k.layout.SockaddrOf(scope(a.Addr(), link)))
	if a.other.IsValid() {
		m.Set(bsd.RTAX_BRD, k.layout.SockaddrOf(a.other))
	}
	return m
}

// scope gives a link-local address the zone of its link.
func scope(a netip.Addr, link uint16) netip.Addr {
	if a.IsLinkLocalUnicast() && a.Is6() && a.Zone() == "" {
		return a.WithZone(strconv.Itoa(int(link)))
	}
	return a
}

func (k *Kernel) link(index uint16) *Link {
	for i := range k.links {
		if k.links[i].Index == index {
			return &k.links[i]
		}
	}
	return nil
}

func (k *Kernel) sockaddr(l *Link) bsd.Sockaddr {
	return k.layout.SockaddrOfLink(bsd.Link{Index: l.Index, Type: l.ift(), Name: l.Name, Addr: l.Addr})
}

// mask is a netmask as this system tells it: NetBSD and Darwin leave its end away.
func (k *Kernel) mask(p netip.Prefix) bsd.Sockaddr {
	m := k.layout.Mask(p.Bits(), p.Addr().Is6())
	if k.layout.OS != "netbsd" && k.layout.OS != "darwin" {
		return m
	}
	n := len(m)
	for n > 2 && m[n-1] == 0 {
		n--
	}
	if p.Bits() == 0 {
		return nil
	}
	m = slices.Clone(m[:n])
	for i := 1; i < 4; i++ {
		m[i] = 0xff
	}
	m[0] = byte(n)
	return m
}

// tell sends a message to every socket that is to hear it.
func (k *Kernel) tell(m bsd.Message) {
	b, err := k.layout.Append(nil, m)
	if err != nil {
		return // this system has no such message
	}
	r, ok := m.(*bsd.RouteMsg)
	for s := range k.sockets {
		if k.layout.Tables == bsd.SocketTable && ok && r.Table != s.table {
			continue
		}
		if s.f.Wants(m) {
			s.put(b)
		}
	}
}

// A socket is one end of a routing socket.
type socket struct {
	k     *Kernel
	table uint16 // FreeBSD: its FIB
	f     rtsock.Filter
	wake  chan struct{}
	done  chan struct{}
	queue [][]byte // guarded by k.mu, as is lost
	lost  bool
}

// As many as a buffer of the kernel holds, or so.
const room = 256

func (s *socket) put(b []byte) {
	if len(s.queue) == room {
		s.overflow()
		return
	}
	if !s.lost {
		s.queue = append(s.queue, b)
	}
	s.ring()
}

func (s *socket) overflow() {
	s.queue, s.lost = nil, true
	s.ring()
}

func (s *socket) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *socket) Read(ctx context.Context, b []byte) (int, error) {
	for {
		s.k.mu.Lock()
		switch {
		case len(s.queue) > 0:
			n := copy(b, s.queue[0])
			s.queue = s.queue[1:]
			s.k.mu.Unlock()
			return n, nil
		case s.lost:
			s.lost = false
			s.k.mu.Unlock()
			return s.overrun(b)
		}
		s.k.mu.Unlock()
		select {
		case <-s.wake:
		case <-s.done:
			return 0, os.ErrClosed
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// overrun is RTM_DESYNC where there is one, else ENOBUFS.
func (s *socket) overrun(b []byte) (int, error) {
	m, err := s.k.layout.Append(nil, &bsd.RouteMsg{Header: bsd.Header{Op: bsd.OpDesync}})
	if err != nil {
		return 0, os.NewSyscallError("read", syscall.ENOBUFS)
	}
	return copy(b, m), nil
}

func (s *socket) Close() error {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	if !s.k.sockets[s] {
		return os.ErrClosed
	}
	delete(s.k.sockets, s)
	close(s.done)
	return nil
}

func (s *socket) Write(b []byte) (int, error) {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	if err := s.k.request(b, s.table); err != nil {
		return 0, os.NewSyscallError("write", err)
	}
	return len(b), nil
}
