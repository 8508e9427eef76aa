package link

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

// A fake has links in memory. It knows as much of the kernel as the page needs:
// names are told apart, a bridge has ports, pairs come and go together.
type fake struct {
	links []Link
	next  int
}

func newFake() *fake {
	lo := Link{Index: 1, Name: "lo", Up: true, MTU: 65536, LLAddr: "00:00:00:00:00:00", ARP: true, OperState: "unknown", LinkType: "loopback", Flags: []string{"LOOPBACK", "UP", "LOWER_UP"}}
	return &fake{links: []Link{lo}, next: 2}
}

func (f *fake) Netns() string { return "/" }

func (f *fake) Links(context.Context) iter.Seq2[*Link, error] {
	return func(yield func(*Link, error) bool) {
		for _, l := range slices.Clone(f.links) {
			if !yield(&l, nil) {
				return
			}
		}
	}
}

func (f *fake) find(name string) int {
	return slices.IndexFunc(f.links, func(l Link) bool { return l.Name == name || slices.Contains(l.AltNames, name) })
}

func (f *fake) Link(_ context.Context, name string) (*Link, error) {
	i := f.find(name)
	if i < 0 {
		return nil, fs.ErrNotExist
	}
	l := f.links[i]
	return &l, nil
}

func (f *fake) Add(_ context.Context, l *Link, _ func(string) bool) error {
	if f.find(l.Name) >= 0 {
		return fs.ErrExist
	}
	if _, ok := Kinds[l.Type]; !ok {
		return errors.ErrUnsupported
	}
	n := *l
	n.Index, n.OperState, n.LinkType, n.ARP = f.next, "down", "ether", true
	f.next++
	if n.MTU == 0 {
		n.MTU = 1500
	}
	if len(n.Peer) > 0 {
		n.Link = n.Peer[0].Name
		n.Peer = nil
		p := n
		p.Name, p.Link, p.Index = n.Link, n.Name, f.next
		f.next++
		f.links = append(f.links, p)
	}
	f.links = append(f.links, n)
	return nil
}

func (f *fake) Set(_ context.Context, old, l *Link, changed func(string) bool) error {
	i := slices.IndexFunc(f.links, func(l Link) bool { return l.Index == old.Index })
	if i < 0 {
		return fs.ErrNotExist
	}
	if changed("mtu") && l.MTU < 68 {
		return &fs.KeyError{Key: "mtu", Err: errors.New("less than the device's minimum")}
	}
	if changed("master") && l.Master != "" && f.find(l.Master) < 0 {
		return &fs.KeyError{Key: "master", Err: errors.New("no such device")}
	}
	if changed("netns") {
		f.links = slices.Delete(f.links, i, i+1)
		return nil
	}
	n := *l
	n.Index = old.Index
	if !changed("name") {
		n.Name = f.links[i].Name
	}
	switch {
	case n.Master == "":
		n.Port = nil
	case len(n.Port) == 0:
		n.Port = []Port{{Kind: "bridge", Data: Data{{"state", "forwarding"}, {"cost", "100"}, {"learning", "1"}}}}
	}
	f.links[i] = n
	return nil
}

func (f *fake) Del(_ context.Context, l *Link) error {
	f.links = slices.DeleteFunc(f.links, func(o Link) bool { return o.Name == l.Name || o.Type == "veth" && o.Link == l.Name })
	return nil
}

func (f *fake) Stats(context.Context, int) (*Stats, error) {
	return &Stats{RxBytes: 1 << 40, TxPackets: 7}, nil
}

func (f *fake) Watch(ctx context.Context) iter.Seq2[fs.Event[Link], error] {
	return func(yield func(fs.Event[Link], error) bool) {
		if !yield(fs.Event[Link]{What: fs.SyncBegin}, nil) {
			return
		}
		for l := range f.Links(ctx) {
			if !yield(fs.Event[Link]{What: fs.Added, Row: l}, nil) {
				return
			}
		}
		if yield(fs.Event[Link]{What: fs.SyncEnd}, nil) {
			<-ctx.Done()
		}
	}
}

func TestTranscripts(t *testing.T) {
	door := func(f *fake) treetest.Door { return treetest.Local(&fs.Tree{Root: Page(f, nil).Root}, treetest.Root) }
	treetest.RunAll(t, "testdata/linux/*.txt", func(*testing.T) treetest.Door { return door(newFake()) })
	treetest.RunAll(t, "testdata/*.txt", func(*testing.T) treetest.Door {
		f := newFake()
		f.links = append(f.links, Link{Index: 2, Name: "eth0", Up: true, MTU: 1500, LLAddr: "02:00:00:00:00:01", ARP: true, Multicast: true,
			OperState: "unknown", LinkType: "ether", Flags: []string{"UP", "BROADCAST", "MULTICAST"}})
		f.next = 3
		return door(f)
	})
}

func TestFakeTree(t *testing.T) {
	f := newFake()
	ctx := context.Background()
	for _, l := range []Link{{Name: "br0", Type: "bridge"}, {Name: "v0", Type: "veth", Link: "v1", Alias: "it's", AltNames: []string{"a b", "c,d"}}} {
		if err := f.Add(ctx, &l, nil); err != nil {
			t.Fatal(err)
		}
	}
	treetest.Check(t, treetest.Local(&fs.Tree{Root: Page(f, nil).Root}, treetest.Root), treetest.Options{Write: true, Values: true})
}
