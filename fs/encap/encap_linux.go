package encap

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"syscall"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl/rt"
)

// FromWire reads RTA_ENCAP_TYPE and RTA_ENCAP. What it does not take apart is
// kept in Raw.
func FromWire(typ uint16, data []byte) Encap {
	e := Encap{Kind: Kind(typ)}
	if typ == 0 || e.take(data) {
		return e
	}
	return Encap{Kind: Kind(typ), Raw: slices.Clone(data)}
}

// take fills e and reports whether that is all that data says.
func (e *Encap) take(data []byte) bool {
	switch e.Kind {
	case MPLS:
		return e.takeMPLS(data)
	case IP:
		return e.takeIP(data)
	case IP6:
		return e.takeIP6(data)
	case Seg6:
		return e.takeSeg6(data)
	}
	return false
}

func (e *Encap) takeMPLS(data []byte) bool {
	m := rt.EncapMPLS{Has: rt.EncapMPLSRest}
	if m.Decode(data) != nil || len(m.Rest) > 0 {
		return false
	}
	e.Labels = m.Labels(nil)
	e.TTL, e.HasTTL = m.TTL, m.Has.Has(rt.EncapMPLSTTL)
	// Traffic class bits, and a stack whose bottom is not where it should be.
	var plain rt.EncapMPLS
	plain.SetLabels(e.Labels)
	return slices.Equal(plain.Stack, m.Stack)
}

func (e *Encap) takeIP(data []byte) bool {
	m := rt.EncapIP{Has: rt.EncapIPRest}
	if m.Decode(data) != nil || len(m.Rest) > 0 || len(m.Opts) > 0 {
		return false
	}
	e.ID, e.Src, e.Dst, e.TTL, e.TOS, e.Flags = m.ID, set(m.Src), set(m.Dst), m.TTL, m.TOS, m.Flags
	return true
}

func (e *Encap) takeIP6(data []byte) bool {
	m := rt.EncapIP6{Has: rt.EncapIP6Rest}
	if m.Decode(data) != nil || len(m.Rest) > 0 || len(m.Opts) > 0 {
		return false
	}
	e.ID, e.Src, e.Dst, e.TTL, e.TOS, e.Flags = m.ID, set(m.Src), set(m.Dst), m.HopLimit, m.TC, m.Flags
	return true
}

// set is a, or the zero Addr for 0.0.0.0 and ::, which the kernel shows when
// none was given.
func set(a netip.Addr) netip.Addr {
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// A segment routing header behind the mode (RFC 8754 2). Segments stand in the
// reverse of the order of the way.
//
//	 0      4      5      6     7      8      9     10    12
//	+------+------+------+-----+------+------+-----+-----+-----------
//	| mode | next | len  | type| left | last |flags| tag | segments ...
//	+------+------+------+-----+------+------+-----+-----+-----------
const (
	segHeader = 12
	segType   = 4
)

func (e *Encap) takeSeg6(data []byte) bool {
	m := rt.EncapSeg6{Has: rt.EncapSeg6Rest}
	if m.Decode(data) != nil || len(m.Rest) > 0 || len(m.SRH) < segHeader+16 {
		return false
	}
	b := m.SRH
	n := (len(b) - segHeader) / 16
	mode := binary.NativeEndian.Uint32(b)
	plain := len(b) == segHeader+16*n && int(b[5]) == 2*n && b[6] == segType && int(b[7]) == n-1 && int(b[8]) == n-1 && b[9]|b[10]|b[11] == 0
	if !plain || mode > 4 {
		return false
	}
	e.Mode = Mode(mode + 1)
	for i := n - 1; i >= 0; i-- {
		a, _ := netip.AddrFromSlice(b[segHeader+16*i:][:16])
		e.Segs = append(e.Segs, a)
	}
	return e.inlineTail(n)
}

// inlineTail takes the last segment of an inline list away: the kernel puts the
// packet's destination there.
func (e *Encap) inlineTail(n int) bool {
	if e.Mode != inline {
		return true
	}
	last := e.Segs[n-1]
	e.Segs = e.Segs[:n-1]
	return last.IsUnspecified() && n > 1
}

const inline Mode = 1

// Wire is RTA_ENCAP_TYPE and RTA_ENCAP; type 0 is none.
func (e *Encap) Wire() (typ uint16, data []byte, err error) {
	typ = uint16(e.Kind)
	switch {
	case e.zero():
		return 0, nil, nil
	case typ == 0:
		return 0, nil, &fs.KeyError{Key: "encap", Err: errNoKind}
	case len(e.Raw) > 0:
		return typ, e.Raw, nil
	}
	switch e.Kind {
	case MPLS:
		m := rt.EncapMPLS{TTL: e.TTL}
		m.SetLabels(e.Labels)
		if e.HasTTL {
			m.Has |= rt.EncapMPLSTTL
		}
		data, err = m.AppendBody(nil)
	case IP:
		m := rt.EncapIP{ID: e.ID, Src: e.Src, Dst: e.Dst, TTL: e.TTL, TOS: e.TOS, Flags: e.Flags}
		data, err = m.AppendBody(nil)
	case IP6:
		m := rt.EncapIP6{ID: e.ID, Src: e.Src, Dst: e.Dst, HopLimit: e.TTL, TC: e.TOS, Flags: e.Flags}
		data, err = m.AppendBody(nil)
	case Seg6:
		m := rt.EncapSeg6{SRH: e.srh()}
		data, err = m.AppendBody(nil)
	}
	return typ, data, err
}

var errNoKind = &fs.Error{Text: "is missing: mpls, ip, seg6 ...", Errno: syscall.EINVAL}

func (e *Encap) srh() []byte {
	segs := slices.Clone(e.Segs)
	mode := e.Mode
	if mode == 0 {
		mode = inline + 1
	}
	if mode == inline {
		segs = append(segs, netip.IPv6Unspecified())
	}
	n := len(segs)
	b := binary.NativeEndian.AppendUint32(nil, uint32(mode-1))
	b = append(b, 0, byte(2*n), segType, byte(n-1), byte(n-1), 0, 0, 0)
	for i := n - 1; i >= 0; i-- {
		a := segs[i].As16()
		b = append(b, a[:]...)
	}
	return b
}
