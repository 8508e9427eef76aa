package route

import (
	"context"
	"net/netip"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/names"
)

// A Question is a packet whose way one wants to know.
type Question struct {
	To       netip.Addr
	From     netip.Addr
	Iif      string // came in by this link; "": sent by this machine
	Oif      string
	Mark     uint32
	Tos      uint8
	IPProto  uint8
	Sport    uint16
	Dport    uint16
	UID      uint32
	HasUID   bool
	Table    uint32 // of a kernel that can be asked so; 0 is main
	FibMatch bool   // the table's entry, not the way made from it
}

func (p *page) lookup() *fs.Lookup[Question, Route] {
	return &fs.Lookup[Question, Route]{
		Doc:    "the route that the kernel takes for a packet: write its address, read the answer",
		Ask:    p.w.questionKeys(),
		Answer: p.w.keys(),
		Do: func(ctx context.Context, q *fs.Query[Question], yield func(*Route) bool) error {
			p.w.refresh()
			r, err := p.k.Lookup(ctx, &q.Want)
			if err != nil {
				return err
			}
			yield(r)
			return nil
		},
	}
}

func (w *words) questionKeys() *fs.Keys[Question] {
	all := []fs.Key[Question]{
		fs.Addr("to", "address that the packet goes to", func(q *Question) *netip.Addr { return &q.To }).Or("dst").AsID(),
		fs.Addr("from", "address that it comes from", func(q *Question) *netip.Addr { return &q.From }).Or("src"),
		fs.Str("iif", "link that it came by; this machine sends it when not given", func(q *Question) *string { return &q.Iif }),
		fs.Str("oif", "link that it has to leave by", func(q *Question) *string { return &q.Oif }).Or("dev"),
		fs.HexNum("mark", "its mark", func(q *Question) *uint32 { return &q.Mark }).Or("fwmark"),
		fs.Enum("tos", "its TOS byte", w.dsfields, func(q *Question) *uint8 { return &q.Tos }).Or("dsfield"),
		fs.Enum("ipproto", "its protocol", names.IPProtos(), func(q *Question) *uint8 { return &q.IPProto }),
		fs.Num("sport", "its source port", func(q *Question) *uint16 { return &q.Sport }),
		fs.Num("dport", "its destination port", func(q *Question) *uint16 { return &q.Dport }),
		fs.Num("uid", "the user who sends it", func(q *Question) *uint32 { return &q.UID }).When(func(q *Question) *bool { return &q.HasUID }),
		fs.Bool("fibmatch", "answer with the entry of the table", func(q *Question) *bool { return &q.FibMatch }),
	}
	if w.asked {
		all = append(all, fs.Enum("table", "the routing table to look in; main when not given", w.tables, func(q *Question) *uint32 { return &q.Table }))
	}
	return fs.NewKeys(all...)
}
