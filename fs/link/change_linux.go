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

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/nlerr"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
	"github.com/netfs-project/netfs/nl/rt"
)

// later are the keys that a link cannot be made with: they are set on the new
// link. A port gets them all after its master, and comes up last.
var later = []string{"alias", "altname", "addrgenmode", "proto_down", "port", "master"}

// Add makes a link. What one message cannot say is set on the new link, which is
// removed again if that fails.
func (k *kernel) Add(ctx context.Context, l *Link, given func(string) bool) error {
	after := func(key string) bool {
		return given(key) && slices.Contains(later, key) || l.Master != "" && l.Up && key == "state"
	}
	now := func(key string) bool { return given(key) && !after(key) }
	m := &rt.Link{Name: l.Name}
	done, err := k.space(m, l.Netns)
	if err != nil {
		return err
	}
	defer done()
	rest := slices.ContainsFunc(append(later, "state"), after)
	if rest && l.Netns != "" {
		return &fs.KeyError{Key: "netns", Word: l.Netns, Err: errors.New("what is in another namespace cannot be changed from here: " + strings.Join(later, " ") + " are set there")}
	}
	closePeer, err := k.make(ctx, m, l, now)
	if err != nil {
		return err
	}
	defer closePeer()
	if err := k.c.Do(ctx, m.Add()); err != nil {
		return k.blame(err, l.Type, "")
	}
	if !rest {
		return nil
	}
	made, err := k.Link(ctx, l.Name)
	if err != nil {
		return err
	}
	if err := k.Set(ctx, made, l, after); err != nil {
		return errors.Join(err, k.Del(ctx, made))
	}
	return nil
}

// make fills m with what a new link is to be. done closes what that opened, after
// the message was sent.
func (k *kernel) make(ctx context.Context, m *rt.Link, l *Link, given func(string) bool) (done func(), err error) {
	done = func() {}
	if err := k.fill(ctx, m, l, given); err != nil {
		return done, err
	}
	m.NumTxQueues, m.NumRxQueues = l.NumTxQueues, l.NumRxQueues
	mentioned := func(key string) bool { return key != "active_slave" } // it has no ports yet
	data, err := encode(nil, l.Data, l.Opt, wires[l.Type], Kinds[l.Type], mentioned, k.conv(ctx))
	if err != nil {
		return done, err
	}
	if l.Link != "" && l.Type != "veth" {
		if data, err = k.lower(ctx, m, data, l); err != nil {
			return done, err
		}
	}
	if peer := peerOf(l); peer != nil {
		if data, done, err = k.appendPeer(data, peer); err != nil {
			return done, err
		}
	}
	m.Info.Kind, m.Info.Data = l.Type, data
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
		return nil, &fs.KeyError{Key: "link", Word: l.Link, Err: errors.New("in another namespace a link is named by its number: if7")}
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
	}
	for _, a := range []struct {
		key  string
		at   *[]byte
		word string
	}{{"lladdr", (*[]byte)(&m.Address), l.LLAddr}, {"broadcast", (*[]byte)(&m.Broadcast), l.Broadcast}} {
		if !changed(a.key) || a.word == "" {
			continue
		}
		b, err := hwBytes(a.word)
		if err != nil {
			return &fs.KeyError{Key: a.key, Word: a.word, Err: err}
		}
		*a.at = b
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
	steps, done, err := k.steps(ctx, old, l, changed)
	if err != nil {
		return err
	}
	defer done()
	for i, s := range steps {
		err := k.c.Do(ctx, s)
		if err == nil {
			continue
		}
		err = k.blame(err, old.Type, l.portKind())
		if i == 0 && len(steps) == 1 && single(s.Body.(*rt.Link)) {
			return err
		}
		return k.undo(ctx, old, l, changed, err)
	}
	return nil
}

// single reports whether m changes at most one thing, so that the kernel did
// nothing when it refused.
func single(m *rt.Link) bool {
	n := 0
	for has := m.Has; has != 0; has &= has - 1 {
		n++
	}
	if m.Hdr.Change != 0 {
		n++
	}
	return n <= 1 && len(m.Info.Data) == 0
}

// undo sets what was to be changed to what it was before.
func (k *kernel) undo(ctx context.Context, old, l *Link, changed func(string) bool, why error) error {
	now := *l
	now.Index = old.Index
	back := func(key string) bool { return key != "netns" && changed(key) }
	steps, done, err := k.steps(ctx, &now, old, back)
	if err != nil {
		return why
	}
	defer done()
	for _, s := range steps {
		_ = k.c.Do(ctx, s) // what was not changed yet may refuse; the first error is told
	}
	return why
}

// steps are the messages that change old into l, in the order in which the
// kernel takes them: a port of a bond is down while it gets its master; what the
// master knows of it comes after that; the way into another namespace is last.
func (k *kernel) steps(ctx context.Context, old, l *Link, changed func(string) bool) ([]nl.Request, func(), error) {
	var steps []nl.Request
	hdr := rt.IfInfoMsg{Index: int32(old.Index)}
	send := func(m *rt.Link) {
		m.Hdr.Index = hdr.Index
		steps = append(steps, m.Change())
	}
	done := func() {}
	moves := changed("netns") && l.Netns != ""
	enslaves := changed("master") && l.Master != ""
	up := l.Up && (changed("state") || old.Up)
	if enslaves && old.Up {
		down := new(rt.Link)
		down.SetFlag(rt.IFF_UP, false)
		send(down)
	}
	main := new(rt.Link)
	first := func(key string) bool {
		return changed(key) && !(moves && (key == "name" || key == "state")) && !(enslaves && key == "state")
	}
	if err := k.fill(ctx, main, l, first); err != nil {
		return nil, done, err
	}
	if err := k.kind(ctx, main, old, l, changed); err != nil {
		return nil, done, err
	}
	if main.Has != 0 || main.Hdr.Change != 0 || main.Info.Kind != "" {
		send(main)
	}
	if m, err := k.portOf(ctx, old, l); err != nil {
		return nil, done, err
	} else if m != nil {
		send(m)
	}
	if enslaves && up && !moves {
		m := new(rt.Link)
		m.SetFlag(rt.IFF_UP, true)
		send(m)
	}
	if changed("altname") {
		steps = append(steps, altNames(hdr, old.AltNames, l.AltNames)...)
	}
	if !moves {
		return steps, done, nil
	}
	m := new(rt.Link)
	done, err := k.space(m, l.Netns)
	if err != nil {
		return nil, func() {}, err
	}
	if changed("name") {
		m.Name = l.Name
	}
	if up && changed("state") {
		m.SetFlag(rt.IFF_UP, true)
	}
	send(m)
	return steps, done, nil
}

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

// portOf is the message that sets what the master knows of a link, nil if that
// stays.
func (k *kernel) portOf(ctx context.Context, old, l *Link) (*rt.Link, error) {
	if len(l.Port) == 0 {
		return nil, nil
	}
	p := &l.Port[0]
	var was Port
	if len(old.Port) > 0 {
		was = old.Port[0]
	}
	send := func(key string) bool {
		return p.Data.Get(key) != was.Data.Get(key)
	}
	opt := p.Opt
	if slices.EqualFunc(opt, was.Opt, func(a, b fs.Opt) bool { return a.N == b.N && string(a.Data) == string(b.Data) }) {
		opt = nil
	}
	data, err := encode(nil, p.Data, opt, portWires[p.Kind], Ports[p.Kind], func(key string) bool { return key == "opt" || send(key) }, k.conv(ctx))
	if err != nil || len(data) == 0 {
		return nil, err
	}
	m := new(rt.Link)
	m.Info.SlaveKind, m.Info.SlaveData = p.Kind, data
	return m, nil
}

// altNames are the messages that turn one list of further names into another.
func altNames(hdr rt.IfInfoMsg, old, want []string) []nl.Request {
	var steps []nl.Request
	without := func(list, less []string) *rt.Link {
		m := &rt.Link{Hdr: hdr, Has: rt.LinkProps}
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
			return done, &fs.KeyError{Key: "netns", Word: name, Err: errors.New("not the number of a process")}
		}
		m.NetNSPID = uint32(pid)
		return done, nil
	case kind == "id":
		id, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return done, &fs.KeyError{Key: "netns", Word: name, Err: errors.New("not an id")}
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
			return nlerr.Words{last: key.Name}.Blame(err)
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
