package dhcp

import (
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
)

// A note is what is ours on a link, where the kernel does not mark it. It is written before
// something is set and after it is taken away: what it names may not be there, and what it does
// not name is not ours.
type note struct {
	Addrs  []netip.Prefix `json:"addrs,omitempty"`
	Routes []way          `json:"routes,omitempty"`
}

// A way is a route as it was set.
type way struct {
	Dst    netip.Prefix `json:"dst"`
	Via    netip.Addr   `json:"via,omitzero"`
	Src    netip.Addr   `json:"src,omitzero"`
	OnLink bool         `json:"onlink,omitempty"` // a way of its own leads to Via
}

// gateway is the way to the gateway.
func (w way) gateway() way {
	return way{Dst: netip.PrefixFrom(w.Via, w.Via.BitLen()), Src: w.Src}
}

// at is the place of the way to a destination, -1 if there is none.
func (n *note) at(dst netip.Prefix) int {
	return slices.IndexFunc(n.Routes, func(w way) bool { return w.Dst == dst.Masked() })
}

// notes are a file for each link of a directory, which is replaced whole. Not safe for
// concurrent use.
type notes struct{ dir string }

func (s *notes) name(link string) string {
	return filepath.Join(s.dir, url.PathEscape(link)+".set")
}

// load returns an empty note if there is none.
func (s *notes) load(link string) (*note, error) {
	n := &note{}
	b, err := os.ReadFile(s.name(link))
	if errors.Is(err, iofs.ErrNotExist) {
		return n, nil
	}
	if err == nil {
		err = json.Unmarshal(b, n)
	}
	if err != nil {
		return nil, fmt.Errorf("what DHCP set: %s: %w", s.name(link), err)
	}
	return n, nil
}

// save removes the file of an empty note.
func (s *notes) save(link string, n *note) error {
	if len(n.Addrs) == 0 && len(n.Routes) == 0 {
		if err := os.Remove(s.name(link)); !errors.Is(err, iofs.ErrNotExist) {
			return err
		}
		return nil
	}
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, ".set-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.name(link))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
