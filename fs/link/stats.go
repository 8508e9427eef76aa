package link

import (
	"context"
	"iter"

	"github.com/netfs-project/netfs/fs"
)

// Stats are the counters of a link (struct rtnl_link_stats64).
type Stats struct {
	RxBytes, RxPackets, RxErrors, RxDropped, RxMissed, RxFIFO, RxFrame, RxLength, RxOver, RxCRC, RxCompressed, RxNoHandler uint64
	Multicast, Collisions                                                                                                  uint64
	TxBytes, TxPackets, TxErrors, TxDropped, TxAborted, TxCarrier, TxFIFO, TxHeartbeat, TxWindow, TxCompressed             uint64
}

func count(name, doc string, at func(*Stats) *uint64) fs.Key[Stats] {
	return fs.Num(name, doc, at).Always().ReadOnly()
}

var counters = []fs.Key[Stats]{
	count("rx_bytes", "bytes received", func(s *Stats) *uint64 { return &s.RxBytes }),
	count("rx_packets", "packets received", func(s *Stats) *uint64 { return &s.RxPackets }),
	count("rx_errors", "bad packets received", func(s *Stats) *uint64 { return &s.RxErrors }),
	count("rx_dropped", "packets dropped by the host, no room", func(s *Stats) *uint64 { return &s.RxDropped }),
	count("rx_missed_errors", "packets dropped by the device, no room", func(s *Stats) *uint64 { return &s.RxMissed }),
	count("multicast", "multicast packets received", func(s *Stats) *uint64 { return &s.Multicast }),
	count("rx_length_errors", "packets of a wrong length", func(s *Stats) *uint64 { return &s.RxLength }),
	count("rx_over_errors", "packets that overran the receiver", func(s *Stats) *uint64 { return &s.RxOver }),
	count("rx_crc_errors", "packets with a wrong checksum", func(s *Stats) *uint64 { return &s.RxCRC }),
	count("rx_frame_errors", "packets with a wrong frame", func(s *Stats) *uint64 { return &s.RxFrame }),
	count("rx_fifo_errors", "overruns of the receiver's queue", func(s *Stats) *uint64 { return &s.RxFIFO }),
	count("rx_compressed", "compressed packets received", func(s *Stats) *uint64 { return &s.RxCompressed }),
	count("rx_nohandler", "packets on an inactive port", func(s *Stats) *uint64 { return &s.RxNoHandler }),
	count("tx_bytes", "bytes sent", func(s *Stats) *uint64 { return &s.TxBytes }),
	count("tx_packets", "packets sent", func(s *Stats) *uint64 { return &s.TxPackets }),
	count("tx_errors", "packets that could not be sent", func(s *Stats) *uint64 { return &s.TxErrors }),
	count("tx_dropped", "packets dropped before sending, no room", func(s *Stats) *uint64 { return &s.TxDropped }),
	count("tx_aborted_errors", "aborted transmissions", func(s *Stats) *uint64 { return &s.TxAborted }),
	count("tx_carrier_errors", "transmissions without carrier", func(s *Stats) *uint64 { return &s.TxCarrier }),
	count("tx_fifo_errors", "underruns of the sender's queue", func(s *Stats) *uint64 { return &s.TxFIFO }),
	count("tx_heartbeat_errors", "heartbeat errors", func(s *Stats) *uint64 { return &s.TxHeartbeat }),
	count("tx_window_errors", "late collisions", func(s *Stats) *uint64 { return &s.TxWindow }),
	count("tx_compressed", "compressed packets sent", func(s *Stats) *uint64 { return &s.TxCompressed }),
	count("collisions", "collisions", func(s *Stats) *uint64 { return &s.Collisions }),
}

var statKeys = fs.NewKeys(counters...)

// stats is the file of a link's counters: one line.
func (p *page) stats(index int) fs.Node {
	return &fs.Table[Stats]{
		Kind: "stats",
		Doc:  "counters, 64 bits",
		Keys: p.counters,
		Info: true,
		Rows: func(ctx context.Context, _ *fs.Query[Stats]) iter.Seq2[*Stats, error] {
			return func(yield func(*Stats, error) bool) {
				s, err := p.k.Stats(ctx, index)
				yield(s, err)
			}
		},
	}
}
