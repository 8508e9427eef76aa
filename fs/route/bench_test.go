package route

import (
	"context"
	"iter"
	"net/netip"
	"testing"

	"github.com/netfs-project/netfs/fs"
)

// same is a kernel with one route, which it shows n times.
type same struct {
	fake
	n int
}

func (s *same) Routes(context.Context, *fs.Query[Route]) iter.Seq2[*Route, error] {
	return func(yield func(*Route, error) bool) {
		for range s.n {
			if !yield(&s.routes[0], nil) {
				return
			}
		}
	}
}

// What it costs to print a route and to read the text.
func BenchmarkRead(b *testing.B) {
	r := Route{
		Dst: netip.MustParsePrefix("10.12.131.7/32"), Type: Unicast, Via: netip.MustParseAddr("192.0.2.2"), Dev: "eth0",
		Table: TableMain, Proto: 200,
	}
	k := &same{fake: fake{routes: []Route{r}}, n: 100_000}
	f := Page(k).Root["routes"].(fs.Opener)
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
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*k.n), "ns/route")
}
