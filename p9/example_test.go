package p9_test

import (
	"context"
	"fmt"
	iofs "io/fs"
	"os"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/p9"
)

// exampleServer serves a small tree on a unix socket, and returns how to dial it.
func exampleServer() (dial string, stop func()) {
	dir, err := os.MkdirTemp("", "p9")
	if err != nil {
		panic(err)
	}
	dial = "unix!" + dir + "/socket"
	end, err := serveOn(dial, treetest.NewNet(2).Tree())
	if err != nil {
		panic(err)
	}
	return dial, func() { end(); os.RemoveAll(dir) }
}

func serveOn(dial string, tree *fs.Tree) (stop func(), err error) {
	l, err := p9.Listen(dial)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- (&p9.Server{Tree: tree}).Serve(ctx, l) }()
	return func() { cancel(); <-done }, nil
}

func ExampleDial() {
	dial, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	c, err := p9.Dial(ctx, dial)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	text, err := c.ReadFile(ctx, "routes")
	fmt.Printf("%v %s%v\n", c.Dialect(), text, err)
	// Output:
	// 9P2000.L dst=10.0.0.0/24 dev=eth0
	// dst=10.0.1.0/24 dev=eth1 metric=1
	// <nil>
}

// Who shows errors to people asks for the dialect whose errors have words.
func ExampleWordsFirst() {
	dial, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	for _, dialects := range [][]p9.Dialect{nil, p9.WordsFirst()} {
		c, err := (&p9.Options{Dialects: dialects}).Dial(ctx, dial)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(c.WriteFile(ctx, "routes", []byte("add 10.8.0.0/16 dev none\n")))
		c.Close()
	}
	// Output:
	// write routes: no such device
	// write routes: routes:1: add 10.8.0.0/16: dev "none": no such device
}

func ExampleClient_FS() {
	dial, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	c, err := p9.Dial(ctx, dial)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	err = iofs.WalkDir(c.FS(ctx), "help", func(path string, d iofs.DirEntry, err error) error {
		fmt.Println(path, err)
		return nil
	})
	fmt.Println(err)
	// Output:
	// help <nil>
	// help/route <nil>
	// <nil>
}

func ExampleClient_Watch() {
	dial, stop := exampleServer()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := p9.Dial(ctx, dial)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	for line, err := range c.Watch(ctx, "routes,dev=eth1") { // or "events", which ends with ctx
		fmt.Println(line, err)
	}
	// Output:
	// dst=10.0.1.0/24 dev=eth1 metric=1 <nil>
}

// A remote tree is a tree: this serves it again, as it would be mounted by
// fs/fusefs.
func ExampleClient_Root() {
	dial, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	far, err := p9.Dial(ctx, dial)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer far.Close()
	l, err := p9.Listen(dial + "2")
	if err != nil {
		fmt.Println(err)
		return
	}
	s := &p9.Server{Tree: &fs.Tree{Root: far.Root(), Trust: true}}
	serving, end := context.WithCancel(ctx)
	defer end()
	done := make(chan error, 1)
	go func() { done <- s.Serve(serving, l) }()

	near, err := p9.Dial(ctx, dial+"2")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := near.ReadFile(ctx, "routes,dev=eth0")
	fmt.Printf("%s%v\n", text, err)
	near.Close()
	end()
	fmt.Println(<-done)
	// Output:
	// dst=10.0.0.0/24 dev=eth0
	// <nil>
	// <nil>
}
