package conntrack

import (
	"context"
	"iter"
	"net/netip"
	"testing"

	"github.com/netfs-project/netfs/fs"
)

// same is a kernel with one connection, which it shows n times.
type same struct {
	fake
	n int
}

func (s *same) Entries(context.Context, *fs.Query[Entry]) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		for range s.n {
			if !yield(&s.list[0], nil) {
				return
			}
		}
	}
}

// What it costs to print a connection and to read the text.
func BenchmarkRead(b *testing.B) {
	e := Entry{
		Orig:   Tuple{Proto: protoUDP, Src: netip.MustParseAddr("10.12.131.7"), Dst: netip.MustParseAddr("198.51.100.1"), Sport: 40123, Dport: 53},
		Status: 8, Timeout: 3531, ID: 2345678901, Use: 1,
	}
	e.Reply = e.Orig.reverse()
	k := &same{fake: fake{list: []Entry{e}}, n: 100_000}
	f := Page(k).Root["conntrack"].(fs.Opener)
	p := make([]byte, 256<<10)
	b.ReportAllocs()
	for b.Loop() {
		h, err := f.Open(b.Context(), fs.OpenRead)
		if err != nil {
			b.Fatal(err)
		}
		for off, n := int64(0), 1; n > 0; off += int64(n) {
			if n, err = h.ReadAt(b.Context(), p, off); err != nil {
				b.Fatal(err)
			}
		}
		h.Close(b.Context())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*k.n), "ns/connection")
}
