package rt

import (
	"net/netip"

	"github.com/netfs-project/netfs/nl/attr"
)

// encapSchema finds the schema of an encapsulation by the attribute beside it that has its type.
func encapSchema(set []byte, by uint16) *attr.Schema {
	v, _ := attr.Find(set, by)
	switch attr.U16(v) {
	case LWTUNNEL_ENCAP_IP:
		return (*EncapIP)(nil).Schema()
	case LWTUNNEL_ENCAP_IP6:
		return (*EncapIP6)(nil).Schema()
	case LWTUNNEL_ENCAP_MPLS:
		return (*EncapMPLS)(nil).Schema()
	case LWTUNNEL_ENCAP_SEG6:
		return (*EncapSeg6)(nil).Schema()
	}
	return nil
}

// EncapIP is the encapsulation LWTUNNEL_ENCAP_IP: for a tunnel link that collects metadata.
//
//nl:nest
//nl:skip LWTUNNEL_IP_PAD
type EncapIP struct {
	ID    uint64     `nl:"LWTUNNEL_IP_ID,be"`
	Dst   netip.Addr `nl:"LWTUNNEL_IP_DST"`
	Src   netip.Addr `nl:"LWTUNNEL_IP_SRC"`
	TTL   uint8      `nl:"LWTUNNEL_IP_TTL"`
	TOS   uint8      `nl:"LWTUNNEL_IP_TOS"`
	Flags uint16     `nl:"LWTUNNEL_IP_FLAGS,be"`
	Opts  []byte     `nl:"LWTUNNEL_IP_OPTS"`

	Has  EncapIPSet
	Rest []attr.Raw `nl:"rest"`
}

// EncapIP6 is LWTUNNEL_ENCAP_IP6.
//
//nl:nest
//nl:skip LWTUNNEL_IP6_PAD
type EncapIP6 struct {
	ID       uint64     `nl:"LWTUNNEL_IP6_ID,be"`
	Dst      netip.Addr `nl:"LWTUNNEL_IP6_DST"`
	Src      netip.Addr `nl:"LWTUNNEL_IP6_SRC"`
	HopLimit uint8      `nl:"LWTUNNEL_IP6_HOPLIMIT"`
	TC       uint8      `nl:"LWTUNNEL_IP6_TC"`
	Flags    uint16     `nl:"LWTUNNEL_IP6_FLAGS,be"`
	Opts     []byte     `nl:"LWTUNNEL_IP6_OPTS"`

	Has  EncapIP6Set
	Rest []attr.Raw `nl:"rest"`
}

// EncapMPLS is LWTUNNEL_ENCAP_MPLS.
//
//nl:nest
type EncapMPLS struct {
	Stack []uint32 `nl:"MPLS_IPTUNNEL_DST,packed,be"` // entries as on the wire (RFC 3032 2.1); see Labels
	TTL   uint8    `nl:"MPLS_IPTUNNEL_TTL"`

	Has  EncapMPLSSet
	Rest []attr.Raw `nl:"rest"`
}

const (
	mplsShift  = 12
	mplsBottom = 1 << 8
)

// Labels appends the labels of the stack, outermost first.
func (m *EncapMPLS) Labels(to []uint32) []uint32 {
	for _, e := range m.Stack {
		to = append(to, e>>mplsShift)
	}
	return to
}

// SetLabels makes the stack of labels; the last has the bottom bit.
func (m *EncapMPLS) SetLabels(labels []uint32) {
	m.Stack = m.Stack[:0]
	for i, l := range labels {
		e := l << mplsShift
		if i == len(labels)-1 {
			e |= mplsBottom
		}
		m.Stack = append(m.Stack, e)
	}
}

// EncapSeg6 is LWTUNNEL_ENCAP_SEG6: struct seg6_iptunnel_encap, the mode in 32 bits
// (SEG6_IPTUN_MODE_ENCAP ...) and a segment routing header (RFC 8754 2).
//
//nl:nest
type EncapSeg6 struct {
	SRH []byte `nl:"SEG6_IPTUNNEL_SRH"`

	Has  EncapSeg6Set
	Rest []attr.Raw `nl:"rest"`
}
