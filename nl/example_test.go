package nl_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"syscall"

	"github.com/netfs-project/netfs/nl"
)

func ExampleClient_Dump() {
	c, err := nl.Dial(nl.Route, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	n := 0
	for m, err := range c.Dump(context.Background(), nl.Request{Type: rtmGetRoute, Body: route{list: true}}) {
		if errors.Is(err, nl.ErrTorn) {
			log.Fatal("changed under way: read it again")
		}
		if err != nil {
			log.Fatal(err)
		}
		n += len(m.Data) // borrowed until the next step
	}
	fmt.Println("bytes of routes:", n)
}

func ExampleBatch() {
	c, err := nl.Dial(nl.Route, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	b := c.NewBatch()
	for i := range 1000 {
		if err := b.Add(nl.Request{Type: rtmDelRoute, Body: route{dst: prefix(i)}}); err != nil {
			log.Fatal(err)
		}
	}
	var failed *nl.BatchError
	if errors.As(b.Do(context.Background()), &failed) {
		for _, f := range failed.Failed {
			fmt.Printf("request %d: %v, gone before: %v\n", f.Index, f.Err, errors.Is(f.Err, syscall.ESRCH))
		}
	}
}
