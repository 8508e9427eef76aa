package link

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
	"github.com/netfs-project/netfs/nl/rt"
)

// later are the keys that a link cannot be made with: they are set on the new
// link. A port gets them all after its master, and comes up last.
var later = []string{"alias", "altname", "addrgenmode", "proto_down", "port", "master"}

// staged are the types that are made with these keys only. The others are set
// where the new link differs: a bond refuses options that its mode does not
// have, a bridge those that the kernel is built without, defaults and all.
var staged = map[string][]string{"bond": {"mode"}, "bridge": {}}

// A making is a link on its way into the world.
type making struct {
	k      *kernel
	l      *Link
	given  func(string) bool
	staged bool
	first  []string // keys of its type that come first, if staged
}

// Add makes a link. What one message cannot say is set on the new link, which is
// removed again if that fails.
func (k *kernel) Add(ctx context.Context, l *Link, given func(string) bool) error {
	m := making{k: k, l: l, given: given}
	if l.Netns == "" {
		m.first, m.staged = staged[l.Type]
	}
	rest := m.rest()
	if rest && l.Netns != "" {
		return &fs.KeyError{Key: "netns", Word: l.Netns, Err: bad("what is in another namespace cannot be changed from here: " + strings.Join(later, " ") + " are set there")}
	}
	if err := m.make(ctx); err != nil || !rest {
		return err
	}
	made, err := k.Link(ctx, l.Name)
	if err != nil {
		return err
	}
	err = k.Set(ctx, made, l, func(key string) bool { return m.after(key) && !same(key, made, l) })
	if err == nil {
		return nil
	}
	if e := k.Del(ctx, made); e != nil {
		err = fmt.Errorf("%w; and the new link could not be removed: %v", err, e)
	}
	return err
}

// after reports whether a key is set on the new link.
func (m *making) after(key string) bool {
	switch {
	case !m.given(key) || key == "active_slave": // that has no ports yet
		return false
	case key == "state":
		return m.l.Up && (m.staged || m.l.Master != "")
	case m.staged && FindKind(m.l.Type, key) != nil:
		return !slices.Contains(m.first, key)
	}
	return slices.Contains(later, key)
}

// rest reports whether anything is set on the new link.
func (m *making) rest() bool {
	return m.after("state") || slices.ContainsFunc(later, m.after) || slices.ContainsFunc(m.l.Data, func(p Pair) bool { return m.after(p.Key) })
}

// make sends the message that makes the link.
func (m *making) make(ctx context.Context) error {
	msg := &rt.Link{Name: m.l.Name}
	done, err := m.k.space(msg, m.l.Netns)
	if err != nil {
		return err
	}
	defer done()
	closePeer, err := m.fill(ctx, msg)
	if err != nil {
		return err
	}
	defer closePeer()
	return m.k.blame(m.k.c.Do(ctx, msg.Add()), m.l.Type, "")
}

// fill says in msg what the new link is to be. done closes what that opened, after
// the message was sent.
func (m *making) fill(ctx context.Context, msg *rt.Link) (done func(), err error) {
	k, l := m.k, m.l
	done = func() {}
	if err := k.fill(ctx, msg, l, func(key string) bool { return m.given(key) && !m.after(key) }); err != nil {
		return done, err
	}
	msg.NumTxQueues, msg.NumRxQueues = l.NumTxQueues, l.NumRxQueues
	now := func(key string) bool { return key != "active_slave" && !m.after(key) }
	data, err := encode(nil, l.Data, l.Opt, wires[l.Type], Kinds[l.Type], now, k.conv(ctx))
	if err != nil {
		return done, err
	}
	if l.Link != "" && l.Type != "veth" {
		if data, err = k.lower(ctx, msg, data, l); err != nil {
			return done, err
		}
	}
	if peer := peerOf(l); peer != nil {
		if data, done, err = k.appendPeer(data, peer); err != nil {
			return done, err
		}
	}
	msg.Info.Kind, msg.Info.Data = l.Type, data
	return done, nil
}

// lower says which link the new one stands on.
func (k *kernel) lower(ctx context.Context, m *rt.Link, data []byte, l *Link) ([]byte, error) {
	if l.LinkNetns != "" {
		return k.lowerElsewhere(m, data, l)
	}
	index, err := k.index(ctx, l.Link)
	if err != nil {
		return nil, &fs.KeyError{Key: "link", Word: l.Link, Err: err}
	}
	if t := lower[l.Type]; t != 0 {
		return attr.AppendU32(data, t, uint32(index)), nil
	}
	m.Link = int32(index)
	return data, nil
}

// lowerElsewhere takes the link in another namespace by its number, as it prints.
func (k *kernel) lowerElsewhere(m *rt.Link, data []byte, l *Link) ([]byte, error) {
	index, err := strconv.Atoi(strings.TrimPrefix(l.Link, "if"))
	if err != nil {
		return nil, &fs.KeyError{Key: "link", Word: l.Link, Err: bad("in another namespace a link is named by its number: if7")}
	}
	id, err := strconv.Atoi(l.LinkNetns)
	if err != nil {
		return nil, &fs.KeyError{Key: "link_netnsid", Word: l.LinkNetns, Err: err}
	}
	m.Link, m.LinkNSID = int32(index), int32(id)
	m.Has |= rt.LinkLinkNSID
	return data, nil
}

// peerOf tells how the other end of a pair is to be made: as the line says, or
// under the name that link has.
func peerOf(l *Link) *Peer {
	switch {
	case len(l.Peer) > 0:
		return &l.Peer[0]
	case l.Type == "veth" && l.Link != "" && l.LinkNetns == "":
		return &Peer{Name: l.Link}
	}
	return nil
}

// appendPeer appends VETH_INFO_PEER: struct ifinfomsg, then attributes.
func (k *kernel) appendPeer(b []byte, p *Peer) ([]byte, func(), error) {
	nothing := func() {}
	m := &rt.Link{Hdr: rt.IfInfoMsg{Index: int32(p.Index)}, Name: p.Name, MTU: p.MTU, TxQLen: p.TxQLen}
	if p.LLAddr != "" {
		a, err := fs.ParseMAC(p.LLAddr)
		if err != nil {
			return b, nothing, &fs.KeyError{Key: "lladdr", Word: p.LLAddr, Err: err}
		}
		m.Address = a
	}
	done, err := k.space(m, p.Netns)
	if err != nil {
		return b, nothing, err
	}
	body, err := m.AppendBody(nil)
	if err == nil {
		b, err = attr.AppendBytes(b, rt.VETH_INFO_PEER|attr.FlagNested, body)
	}
	return b, done, err
}

// fill sets what changed says of l in m, but for what belongs to its type, its
// master's port, and its further names.
func (k *kernel) fill(ctx context.Context, m *rt.Link, l *Link, changed func(string) bool) error {
	number := func(key string, at *uint32, v uint32, has rt.LinkSet) {
		if changed(key) {
			*at = v
			m.Has |= has
		}
	}
	number("mtu", &m.MTU, l.MTU, rt.LinkMTU)
	number("group", &m.Group, l.Group, rt.LinkGroup)
	number("txqlen", &m.TxQLen, l.TxQLen, rt.LinkTxQLen)
	number("gso_max_size", &m.GSOMaxSize, l.GSOMaxSize, rt.LinkGSOMaxSize)
	number("gso_max_segs", &m.GSOMaxSegs, l.GSOMaxSegs, rt.LinkGSOMaxSegs)
	number("gro_max_size", &m.GROMaxSize, l.GROMaxSize, rt.LinkGROMaxSize)
	number("gso_ipv4_max_size", &m.GSOIPv4Max, l.GSO4MaxSize, rt.LinkGSOIPv4Max)
	number("gro_ipv4_max_size", &m.GROIPv4Max, l.GRO4MaxSize, rt.LinkGROIPv4Max)
	flag := func(key string, bit uint32, on bool) {
		if changed(key) {
			m.SetFlag(bit, on)
		}
	}
	flag("state", rt.IFF_UP, l.Up)
	flag("promisc", rt.IFF_PROMISC, l.Promisc)
	flag("allmulti", rt.IFF_ALLMULTI, l.AllMulti)
	flag("arp", rt.IFF_NOARP, !l.ARP)
	flag("multicast", rt.IFF_MULTICAST, l.Multicast)
	flag("dynamic", rt.IFF_DYNAMIC, l.Dynamic)
	if changed("linkmode") {
		m.LinkMode = l.LinkMode
		m.Has |= rt.LinkLinkMode
	}
	if changed("proto_down") {
		m.ProtoDown = l.ProtoDown
		m.Has |= rt.LinkProtoDown
	}
	if changed("alias") {
		m.Alias = l.Alias
		m.Has |= rt.LinkAlias
	}
	if changed("addrgenmode") {
		m.AF.Inet6.AddrGenMode = uint8(max(slices.Index(AddrGenModes, l.AddrGenMode), 0))
		m.AF.Inet6.Has |= rt.Inet6SpecAddrGenMode
		m.AF.Has |= rt.AFSpecInet6
		m.Has |= rt.LinkAF
	}
	if changed("name") {
		m.Name = l.Name
		m.Has |= rt.LinkName
	}
	for _, a := range []struct {
		key  string
		at   *[]byte
		word string
		has  rt.LinkSet
	}{{"lladdr", (*[]byte)(&m.Address), l.LLAddr, rt.LinkAddress}, {"broadcast", (*[]byte)(&m.Broadcast), l.Broadcast, rt.LinkBroadcast}} {
		if !changed(a.key) || a.word == "" {
			continue
		}
		b, err := hwBytes(a.word)
		if err != nil {
			return &fs.KeyError{Key: a.key, Word: a.word, Err: err}
		}
		*a.at = b
		m.Has |= a.has
	}
	if !changed("master") {
		return nil
	}
	m.Has |= rt.LinkMaster
	if l.Master == "" {
		return nil
	}
	index, err := k.index(ctx, l.Master)
	if err != nil {
		return &fs.KeyError{Key: "master", Word: l.Master, Err: err}
	}
	m.Master = int32(index)
	return nil
}

func hwBytes(w string) ([]byte, error) {
	if a, err := netip.ParseAddr(w); err == nil {
		return a.AsSlice(), nil
	}
	return fs.ParseMAC(w)
}

// fixed are the keys that a link keeps for life.
var fixed = []string{"type", "link", "link_netnsid", "numtxqueues", "numrxqueues", "peer"}

// Set changes a link by as many messages as that takes, and puts back what it
// changed if one fails.
func (k *kernel) Set(ctx context.Context, old, l *Link, changed func(string) bool) error {
	for _, key := range fixed {
		if changed(key) {
			return &fs.KeyError{Key: key, Err: fmt.Errorf("given when the link is made: %w", errors.ErrUnsupported)}
		}
	}
	c, err := k.change(ctx, old, l, changed)
	if err != nil {
		return err
	}
	defer c.done()
	err = c.run(ctx)
	if err == nil || c.sent == 0 && c.single() {
		return c.blame(err)
	}
	c.undo(ctx)
	return c.blame(err)
}

// A change is what turns one link into another, in the order in which the kernel
// takes it: a port of a bond is down while it gets its master; what the master
// knows of it comes after that; the way into another namespace is last.
type change struct {
	k       *kernel
	old, l  *Link
	changed func(string) bool
	first   []nl.Request
	last    []nl.Request
	done    func() // closes what the messages need
	sent    int    // messages that the kernel took
}

func (k *kernel) change(ctx context.Context, old, l *Link, changed func(string) bool) (*change, error) {
	c := &change{k: k, old: old, l: l, changed: changed, done: func() {}}
	if c.enslaves() && old.Up {
		down := c.message()
		down.SetFlag(rt.IFF_UP, false)
		c.first = append(c.first, down.Change())
	}
	main := c.message()
	now := func(key string) bool {
		return changed(key) && !(c.moves() && (key == "name" || key == "state")) && !(c.enslaves() && key == "state")
	}
	if err := k.fill(ctx, main, l, now); err != nil {
		return nil, err
	}
	if err := k.kind(ctx, main, old, l, changed); err != nil {
		return nil, err
	}
	if main.Has != 0 || main.Hdr.Change != 0 || main.Info.Kind != "" {
		c.first = append(c.first, main.Change())
	}
	if c.enslaves() && c.up() && !c.moves() {
		m := c.message()
		m.SetFlag(rt.IFF_UP, true)
		c.last = append(c.last, m.Change())
	}
	if changed("altname") {
		c.last = append(c.last, altNames(main.Hdr.Index, old.AltNames, l.AltNames)...)
	}
	return c, c.move()
}

func (c *change) message() *rt.Link { return &rt.Link{Hdr: rt.IfInfoMsg{Index: int32(c.old.Index)}} }
func (c *change) moves() bool       { return c.changed("netns") && c.l.Netns != "" }
func (c *change) enslaves() bool    { return c.changed("master") && c.l.Master != "" }

// up reports whether the link is to be up in the end.
func (c *change) up() bool { return c.l.Up && (c.changed("state") || c.old.Up) }

// move adds the way into another namespace, where the link arrives down and with
// its new name.
func (c *change) move() error {
	if !c.moves() {
		return nil
	}
	m := c.message()
	done, err := c.k.space(m, c.l.Netns)
	if err != nil {
		return err
	}
	c.done = done
	if c.changed("name") {
		m.Name = c.l.Name
	}
	if c.up() && c.changed("state") {
		m.SetFlag(rt.IFF_UP, true)
	}
	c.last = append(c.last, m.Change())
	return nil
}

func (c *change) run(ctx context.Context) error {
	if err := c.send(ctx, c.first); err != nil {
		return err
	}
	if err := c.port(ctx); err != nil {
		return err
	}
	return c.send(ctx, c.last)
}

func (c *change) send(ctx context.Context, list []nl.Request) error {
	for _, r := range list {
		if err := c.k.c.Do(ctx, r); err != nil {
			return err
		}
		c.sent++
	}
	return nil
}

// port sets what the master knows of the link. Of a port that has just become one
// that is what differs from the master's own choice.
func (c *change) port(ctx context.Context) error {
	if len(c.l.Port) == 0 || c.changed("master") && c.l.Master == "" {
		return nil
	}
	was := c.old
	if c.enslaves() {
		m, err := rt.LinkByIndex(ctx, c.k.c, int32(c.old.Index))
		if err != nil {
			return err
		}
		l := record(m, c.k.conv(ctx))
		was = &l
	}
	if p := c.l.Port[0].Kind; p != "" && p != was.portKind() || was.portKind() == "" {
		return &fs.KeyError{Key: "port", Err: bad("the link is no port of a " + quoteType(p))}
	}
	if c.enslaves() && was.portKind() == "bridge" {
		return c.newPort(ctx, was)
	}
	return c.setPort(ctx, was, func(string) bool { return true })
}

// newPort leaves the state to the bridge if that insists: it runs the spanning
// tree itself, or the port has no carrier.
func (c *change) newPort(ctx context.Context, was *Link) error {
	if err := c.setPort(ctx, was, func(key string) bool { return key != "state" }); err != nil {
		return err
	}
	err := c.setPort(ctx, was, func(key string) bool { return key == "state" })
	if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ENETDOWN) {
		return nil
	}
	return err
}

func (c *change) setPort(ctx context.Context, was *Link, send func(string) bool) error {
	p, old := &c.l.Port[0], Port{}
	if len(was.Port) > 0 {
		old = was.Port[0]
	}
	same := slices.EqualFunc(p.Opt, old.Opt, func(a, b fs.Opt) bool { return a.N == b.N && string(a.Data) == string(b.Data) })
	differs := func(key string) bool {
		return send(key) && (key == "opt" && !same || key != "opt" && p.Data.Get(key) != old.Data.Get(key))
	}
	data, err := encode(nil, p.Data, p.Opt, portWires[p.Kind], Ports[p.Kind], differs, c.k.conv(ctx))
	if err != nil || len(data) == 0 {
		return err
	}
	m := c.message()
	m.Info.SlaveKind, m.Info.SlaveData = p.Kind, data
	return c.send(ctx, []nl.Request{m.Change()})
}

// single reports whether the first message changes at most one thing, so that
// the kernel did nothing when it refused.
func (c *change) single() bool {
	if len(c.first) == 0 {
		return true
	}
	m := c.first[0].Body.(*rt.Link)
	n := 0
	for has := m.Has; has != 0; has &= has - 1 {
		n++
	}
	if m.Hdr.Change != 0 {
		n++
	}
	return n <= 1 && len(m.Info.Data) == 0
}

// undo sets what was to be changed to what it was before. What was not changed yet
// may refuse that; the first error is told.
func (c *change) undo(ctx context.Context) {
	now := *c.l
	now.Index = c.old.Index
	back, err := c.k.change(ctx, &now, c.old, func(key string) bool { return key != "netns" && c.changed(key) })
	if err != nil {
		return
	}
	defer back.done()
	for _, r := range back.first {
		_ = c.k.c.Do(ctx, r)
	}
	_ = back.port(ctx)
	for _, r := range back.last {
		_ = c.k.c.Do(ctx, r)
	}
}

func (c *change) blame(err error) error { return c.k.blame(err, c.old.Type, c.l.portKind()) }

// kind adds what changed of the keys of the type. Some types forget what a
// change does not mention and are told all.
func (k *kernel) kind(ctx context.Context, m *rt.Link, old, l *Link, changed func(string) bool) error {
	send := func(key string) bool {
		return key == "opt" && changed("opt") || changed(key) && old.Data.Get(key) != l.Data.Get(key)
	}
	if !slices.ContainsFunc(l.Data, func(p Pair) bool { return send(p.Key) }) && !send("opt") {
		return nil
	}
	if whole[l.Type] {
		send = func(key string) bool { return true }
	}
	data, err := encode(nil, l.Data, l.Opt, wires[l.Type], Kinds[l.Type], send, k.conv(ctx))
	if err != nil || len(data) == 0 {
		return err
	}
	if t := lower[l.Type]; t != 0 && whole[l.Type] && l.Link != "" {
		index, err := k.index(ctx, l.Link)
		if err != nil {
			return &fs.KeyError{Key: "link", Word: l.Link, Err: err}
		}
		data = attr.AppendU32(data, t, uint32(index))
	}
	m.Info.Kind, m.Info.Data = l.Type, data
	return nil
}

// altNames are the messages that turn one list of further names into another.
func altNames(index int32, old, want []string) []nl.Request {
	var steps []nl.Request
	without := func(list, less []string) *rt.Link {
		m := &rt.Link{Hdr: rt.IfInfoMsg{Index: index}, Has: rt.LinkProps}
		m.Props.AltNames = slices.DeleteFunc(slices.Clone(list), func(n string) bool { return slices.Contains(less, n) })
		return m
	}
	if m := without(old, want); len(m.Props.AltNames) > 0 {
		steps = append(steps, m.DelNames())
	}
	if m := without(want, old); len(m.Props.AltNames) > 0 {
		steps = append(steps, m.AddNames())
	}
	return steps
}

func (k *kernel) Del(ctx context.Context, l *Link) error {
	err := k.c.Do(ctx, (&rt.Link{Hdr: rt.IfInfoMsg{Index: int32(l.Index)}}).Del())
	return words.Blame(err)
}

// space puts the namespace that is meant into m. done closes what it opened, after
// the message was sent.
func (k *kernel) space(m *rt.Link, name string) (done func(), err error) {
	done = func() {}
	path := name
	kind, value, _ := strings.Cut(name, ":")
	switch {
	case name == "":
		return done, nil
	case kind == "pid" || isNumber(name):
		pid, err := strconv.ParseUint(strings.TrimPrefix(name, "pid:"), 10, 32)
		if err != nil {
			return done, &fs.KeyError{Key: "netns", Word: name, Err: bad("not the number of a process")}
		}
		m.NetNSPID = uint32(pid)
		return done, nil
	case kind == "id":
		id, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return done, &fs.KeyError{Key: "netns", Word: name, Err: bad("not an id")}
		}
		m.TargetNSID = int32(id)
		m.Has |= rt.LinkTargetNSID
		return done, nil
	case name == "/":
		path = "/proc/self/ns/net"
	case !strings.Contains(name, "/"):
		path = "/run/netns/" + name
	}
	f, err := os.Open(path)
	if err != nil {
		return done, &fs.KeyError{Key: "netns", Word: name, Err: errors.Unwrap(err)}
	}
	m.NetNSFD = uint32(f.Fd())
	return func() { f.Close() }, nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

// lowerIndex reads the link below from the attributes of a type.
func lowerIndex(data []byte, t uint16) int {
	v, _ := attr.Find(data, t)
	if len(v) != 4 {
		return 0
	}
	return int(binary.NativeEndian.Uint32(v))
}

// blame names the key that the kernel points at, that of a type or a port too.
func (k *kernel) blame(err error, kind, port string) error {
	var e *nl.Error
	if !errors.As(err, &e) {
		return err
	}
	path := e.Attr
	if path == "" {
		path = e.Miss
	}
	last := path[strings.LastIndexByte(path, '.')+1:]
	if _, known := words[last]; known || last == "" {
		return words.Blame(err)
	}
	for _, set := range []struct {
		prefix string
		keys   []KindKey
	}{{"IFLA_BRPORT_", Ports[port]}, {"IFLA_BOND_SLAVE_", Ports[port]}, {attrPrefix[kind], Kinds[kind]}} {
		name, ok := strings.CutPrefix(last, set.prefix)
		if key := find(set.keys, strings.ToLower(name)); ok && key != nil && set.prefix != "" {
			return joint.Words{last: key.Name}.Blame(err)
		}
	}
	return words.Blame(err)
}

// attrPrefix begins the names of the attributes of a type.
var attrPrefix = map[string]string{
	"bridge": "IFLA_BR_", "vlan": "IFLA_VLAN_", "vxlan": "IFLA_VXLAN_", "macvlan": "IFLA_MACVLAN_", "macvtap": "IFLA_MACVLAN_",
	"ipvlan": "IFLA_IPVLAN_", "ipvtap": "IFLA_IPVLAN_", "vrf": "IFLA_VRF_", "bond": "IFLA_BOND_", "geneve": "IFLA_GENEVE_",
	"xfrm": "IFLA_XFRM_", "vti": "IFLA_VTI_", "vti6": "IFLA_VTI_", "bareudp": "IFLA_BAREUDP_",
}
