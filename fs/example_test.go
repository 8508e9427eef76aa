package fs_test

import (
	"context"
	"fmt"
	"iter"
	"net/netip"

	"github.com/netfs-project/netfs/fs"
)

type exampleHop struct {
	Dst    netip.Prefix
	Via    netip.Addr
	Metric uint32
}

// A table of records is a file: what it reads can be written to it, and lines
// may be typed as ip(8) has them.
func ExampleTable() {
	keys := fs.NewKeys(
		fs.Prefix("dst", "destination", func(h *exampleHop) *netip.Prefix { return &h.Dst }).AsID().Or("to"),
		fs.Addr("via", "gateway", func(h *exampleHop) *netip.Addr { return &h.Via }),
		fs.Num("metric", "preference, lower wins", func(h *exampleHop) *uint32 { return &h.Metric }),
	)
	var hops []exampleHop
	table := &fs.Table[exampleHop]{
		Kind: "hop", Keys: keys,
		Rows: func(ctx context.Context, q *fs.Query[exampleHop]) iter.Seq2[*exampleHop, error] {
			return func(yield func(*exampleHop, error) bool) {
				for i := range hops {
					if !yield(&hops[i], nil) {
						return
					}
				}
			}
		},
		Do: fs.One(func(ctx context.Context, o *fs.Op[exampleHop]) error {
			fmt.Println("kernel: makes", o.Row.Dst)
			hops = append(hops, o.Row)
			return nil
		}),
	}
	root := (&fs.Tree{Root: fs.Dir{"hops": table}, Trust: true}).Attach()

	put := func(text string) {
		file, _ := root.Walk(context.Background(), "hops")
		f, _ := file.Open(context.Background(), fs.OpenWrite)
		if _, err := f.WriteAt(context.Background(), []byte(text), 0); err != nil {
			fmt.Println(err)
		}
		f.Close(context.Background())
	}
	get := func(name string) string {
		file, _ := root.Walk(context.Background(), name)
		f, _ := file.Open(context.Background(), fs.OpenRead)
		p := make([]byte, 1000)
		n, _ := f.ReadAt(context.Background(), p, 0)
		f.Close(context.Background())
		return string(p[:n])
	}

	put("add 10.0.0.0/8 via 192.0.2.1\ndefault via fe80::1 metric 100\n")
	put(get("hops"))
	put("10.1.0.0/16 vai 192.0.2.1\n")
	fmt.Print(get("hops"), get("hops,metric=100.json"))
	// Output:
	// kernel: makes 10.0.0.0/8
	// kernel: makes ::/0
	// hops:1: 10.1.0.0/16: vai: no such key (via?); known: dst via metric
	// dst=10.0.0.0/8 via=192.0.2.1
	// dst=::/0 via=fe80::1 metric=100
	// [
	// {"dst":"::/0","via":"fe80::1","metric":100}
	// ]
}
