package rt

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// NhMsg is struct nhmsg (linux/nexthop.h).
//
//nl:struct
type NhMsg struct {
	Family   uint8
	Scope    uint8 // the kernel's
	Protocol uint8 // RTPROT_STATIC ...
	_        uint8
	Flags    uint32 // RTNH_F_ONLINK ...
}

// A Nexthop is a next hop with an id of its own, or a group of such. In messages RTM_NEWNEXTHOPBUCKET it is
// one bucket of a resilient group.
//
//nl:message RTM_NEWNEXTHOP RTM_DELNEXTHOP RTM_GETNEXTHOP RTM_NEWNEXTHOPBUCKET RTM_DELNEXTHOPBUCKET RTM_GETNEXTHOPBUCKET
type Nexthop struct {
	Hdr NhMsg `nl:"header"`

	ID        uint32       `nl:"NHA_ID"`
	Gateway   netip.Addr   `nl:"NHA_GATEWAY"`
	OIF       int32        `nl:"NHA_OIF"`
	Blackhole bool         `nl:"NHA_BLACKHOLE,flag"`
	FDB       bool         `nl:"NHA_FDB,flag"`
	EncapType uint16       `nl:"NHA_ENCAP_TYPE"`
	Encap     []byte       `nl:"NHA_ENCAP,func"` // as that of Route
	Group     []NexthopGrp `nl:"NHA_GROUP,packed"`
	GroupType uint16       `nl:"NHA_GROUP_TYPE"` // NEXTHOP_GRP_TYPE_RES ...
	ResGroup  ResGroup     `nl:"NHA_RES_GROUP"`
	ResBucket ResBucket    `nl:"NHA_RES_BUCKET"`

	// Of requests.
	Groups       bool   `nl:"NHA_GROUPS,flag"` // a dump of groups only
	Master       int32  `nl:"NHA_MASTER"`
	OpFlags      uint32 `nl:"NHA_OP_FLAGS"` // NHA_OP_FLAG_DUMP_STATS ...
	GroupStats   []byte `nl:"NHA_GROUP_STATS,nosend"`
	HWStats      uint32 `nl:"NHA_HW_STATS_ENABLE"`
	HWStatsInUse uint32 `nl:"NHA_HW_STATS_USED,nosend"`

	Has  NexthopSet
	Rest []attr.Raw `nl:"rest"`
}

// NexthopGrp is struct nexthop_grp: a member of a group. Weights count from 0; see SetWeight.
//
//nl:struct
type NexthopGrp struct {
	ID         uint32
	WeightLow  uint8
	WeightHigh uint8 // Linux 6.12
	_          uint16
}

// Weight returns the weight of a member, from 1 on.
func (g NexthopGrp) Weight() int { return int(g.WeightHigh)<<8 + int(g.WeightLow) + 1 }

// SetWeight sets the weight of a member, from 1 on (to 256 before Linux 6.12).
func (g *NexthopGrp) SetWeight(w int) { g.WeightLow, g.WeightHigh = uint8(w-1), uint8((w-1)>>8) }

// ResGroup is what a resilient group has.
//
//nl:nest
//nl:skip NHA_RES_GROUP_PAD
type ResGroup struct {
	Buckets         uint16        `nl:"NHA_RES_GROUP_BUCKETS"`
	IdleTimer       time.Duration `nl:"NHA_RES_GROUP_IDLE_TIMER,unit=jiffies"`
	UnbalancedTimer time.Duration `nl:"NHA_RES_GROUP_UNBALANCED_TIMER,unit=jiffies"`
	UnbalancedTime  time.Duration `nl:"NHA_RES_GROUP_UNBALANCED_TIME,nosend,unit=jiffies,width=64"`

	Has  ResGroupSet
	Rest []attr.Raw `nl:"rest"`
}

// ResBucket is one bucket of a resilient group.
//
//nl:nest
//nl:skip NHA_RES_BUCKET_PAD
type ResBucket struct {
	Index    uint16        `nl:"NHA_RES_BUCKET_INDEX"`
	IdleTime time.Duration `nl:"NHA_RES_BUCKET_IDLE_TIME,nosend,unit=jiffies,width=64"`
	NHID     uint32        `nl:"NHA_RES_BUCKET_NH_ID"`

	Has  ResBucketSet
	Rest []attr.Raw `nl:"rest"`
}

// appendEncap makes a nest of it, which is asked for here and not in a route (rtm_nh_policy_new).
func (m *Nexthop) appendEncap(b []byte) ([]byte, error) {
	if len(m.Encap) == 0 && m.Has&NexthopEncap == 0 {
		return b, nil
	}
	return attr.AppendBytes(b, NHA_ENCAP|attr.FlagNested, m.Encap)
}

func (m *Nexthop) decodeEncap(v []byte) error {
	m.Encap = append(m.Encap[:0], v...)
	return nil
}

func (*Nexthop) chooseEncap(set []byte) *attr.Schema { return encapSchema(set, NHA_ENCAP_TYPE) }

// A NexthopFilter says which next hops a dump is for. The zero value is all.
type NexthopFilter struct {
	OIF    int32
	Master int32
	Groups bool // groups, and nothing else
	FDB    bool // those of forwarding databases, and nothing else
	Rest   bool // keep unknown attributes in Rest
}

// Nexthops yields the next hops that f describes by id, borrowed until the next step.
func Nexthops(ctx context.Context, c *nl.Client, f NexthopFilter) iter.Seq2[*Nexthop, error] {
	q := &Nexthop{OIF: f.OIF, Master: f.Master, Groups: f.Groups, FDB: f.FDB}
	m := &Nexthop{}
	if f.Rest {
		m.Has = NexthopRest
	}
	return dump(ctx, c, nl.Request{Type: RTM_GETNEXTHOP, Body: q}, RTM_NEWNEXTHOP, m, f.match)
}

func (f *NexthopFilter) match(m *Nexthop) bool {
	return (f.OIF == 0 || m.OIF == f.OIF) && (!f.Groups || len(m.Group) > 0) && (!f.FDB || m.FDB)
}

// Buckets yields the buckets of the resilient group id, borrowed until the next step.
func Buckets(ctx context.Context, c *nl.Client, id uint32) iter.Seq2[*Nexthop, error] {
	q := &Nexthop{ID: id}
	return dump(ctx, c, nl.Request{Type: RTM_GETNEXTHOPBUCKET, Body: q}, RTM_NEWNEXTHOPBUCKET, &Nexthop{Has: NexthopRest}, nil)
}

// GetNexthop asks for the next hop id and decodes it into m. It fails with ENOENT if there is none.
func GetNexthop(ctx context.Context, c *nl.Client, id uint32, m *Nexthop) error {
	return get(ctx, c, nl.Request{Type: RTM_GETNEXTHOP, Body: &Nexthop{ID: id}}, RTM_NEWNEXTHOP, m)
}

// fillFamily: a gateway has a family, a next hop without one needs it for its link, and
// a group or one of a forwarding database has none.
func (m *Nexthop) fillFamily() {
	if m.Hdr.Family != AF_UNSPEC || len(m.Group) > 0 {
		return
	}
	m.Hdr.Family = Family(m.Gateway)
	if m.Hdr.Family == AF_UNSPEC {
		m.Hdr.Family = AF_INET
	}
}

func (m *Nexthop) request(flags uint16) nl.Request {
	m.fillFamily()
	return nl.Request{Type: RTM_NEWNEXTHOP, Flags: flags, Body: m}
}

// Add is the request that makes m; the kernel chooses an ID that is 0. Requests that make a next hop
// find Hdr.Family from Gateway if it is not set.
func (m *Nexthop) Add() nl.Request { return m.request(flagsAdd) }

// Replace is the request that makes m or changes it to be so.
func (m *Nexthop) Replace() nl.Request { return m.request(flagsReplace) }

// Change is the request that changes m, which must be there.
func (m *Nexthop) Change() nl.Request { return m.request(flagsChange) }

// Del is the request that deletes the next hop of m's ID.
func (m *Nexthop) Del() nl.Request {
	return nl.Request{Type: RTM_DELNEXTHOP, Body: &Nexthop{ID: m.ID}}
}
