package nl_test

import (
	"testing"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

func benchClient(b *testing.B) *nl.Client {
	ns := nltest.NewNS(b)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

func BenchmarkGet(b *testing.B) {
	c := benchClient(b)
	var body nl.Body = link{name: "lo"}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := c.Get(b.Context(), nl.Request{Type: rtmGetLink, Body: body}, func(nl.Message) error { n++; return nil })
		if err != nil || n != 1 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkGetParallel(b *testing.B) {
	c := benchClient(b)
	var body nl.Body = link{name: "lo"}
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := c.Do(b.Context(), nl.Request{Type: rtmGetLink, Body: body}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkSmallDump(b *testing.B) {
	c := benchClient(b)
	var body nl.Body = link{}
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range c.Dump(b.Context(), nl.Request{Type: rtmGetLink, Body: body}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
