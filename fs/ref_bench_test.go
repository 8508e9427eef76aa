package fs

import "testing"

// The cycle of a small file, as a 9P client asks for it.
func BenchmarkSmallFile(b *testing.B) {
	mtu := "1500"
	tree := &Tree{Root: Dir{"links": Dir{"eth0": Dir{"mtu": word(&mtu)}}}}
	ctx := asRoot()
	root := tree.Attach()
	dir, _ := root.Walk(ctx, "links")
	dir, _ = dir.Walk(ctx, "eth0")
	p := make([]byte, 8192)
	b.ReportAllocs()
	for b.Loop() {
		r, err := dir.Walk(ctx, "mtu")
		if err != nil {
			b.Fatal(err)
		}
		f, err := r.Open(ctx, OpenRead)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := f.ReadAt(ctx, p, 0); n != 5 || err != nil {
			b.Fatal(n, err)
		}
		if err := f.Close(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
