package p9_test

import (
	"context"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/p9"
)

// A tree of one's own, served to every client of 9P until ctx ends.
func ExampleServer() {
	level := "info"
	tree := &fs.Tree{Root: fs.Dir{
		"level": &fs.Value{
			Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, level...), nil },
			Set: func(_ context.Context, word string) error { level = word; return nil },
		},
	}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, _ := os.MkdirTemp("", "p9")
	defer os.RemoveAll(dir)
	l, err := p9.Listen("unix!" + filepath.Join(dir, "sock"))
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- (&p9.Server{Tree: tree}).Serve(ctx, l) }()

	c, err := p9.Dial(ctx, "unix!"+filepath.Join(dir, "sock"))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := iofs.ReadFile(c.FS(ctx), "level")
	fmt.Printf("%s%v\n", text, err)
	c.Close()
	cancel()
	fmt.Println(<-done)
	// Output:
	// info
	// <nil>
	// <nil>
}
