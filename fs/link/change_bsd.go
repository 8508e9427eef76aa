package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint/pf"
)

// Add makes a link of a kind that the kernel has, and sets the rest of the line on it;
// if that fails it is removed again. A name of another form than the kind and a number
// is given to it afterwards, where links have other names.
func (k *pfKernel) Add(ctx context.Context, l *Link, given func(string) bool) error {
	ask, err := k.named(l)
	if err != nil {
		return err
	}
	name, err := k.c.Create(ask)
	if err != nil {
		return cause(err)
	}
	err = k.complete(ctx, name, l, given)
	if err == nil {
		return nil
	}
	if e := k.c.Destroy(name); e != nil {
		err = fmt.Errorf("%w; and the new link could not be removed: %v", err, e)
	}
	return err
}

// named tells what to ask the kernel for.
func (k *pfKernel) named(l *Link) (string, error) {
	kinds, err := k.c.Cloners()
	if err != nil {
		return "", cause(err)
	}
	kind := l.Type
	if kind == "" {
		if kind = kindOf(l.Name); !slices.Contains(kinds, kind) {
			return "", &fs.KeyError{Key: "type", Err: bad("missing, and the name tells none")}
		}
	}
	switch {
	case !slices.Contains(kinds, kind):
		slices.Sort(kinds)
		return "", &fs.KeyError{Key: "type", Word: kind, Err: fmt.Errorf("the kernel makes %s: %w", strings.Join(kinds, " "), errors.ErrUnsupported)}
	case kindOf(l.Name) == kind:
		return l.Name, nil
	case !k.l.HasIoctl(bsd.Rename):
		return "", &fs.KeyError{Key: "name", Word: l.Name, Err: bad("the name of a " + kind + " is " + kind + " and a number on this kernel")}
	}
	return kind, nil
}

// complete sets what a line says on the link that was made for it.
func (k *pfKernel) complete(ctx context.Context, name string, l *Link, given func(string) bool) error {
	made, err := k.Link(ctx, name)
	if err != nil {
		return err
	}
	return k.Set(ctx, made, l, func(key string) bool {
		switch key {
		case "name":
			return name != l.Name
		case "type":
			return false
		}
		return given(key) && !same(key, made, l)
	})
}

// Del removes a link that was made.
func (k *pfKernel) Del(_ context.Context, l *Link) error { return cause(k.c.Destroy(l.Name)) }

// A step is one request, and what takes it back.
type step struct {
	key      string
	do, undo func() error
}

// Set changes a link request by request. If one fails, those before it are taken back.
func (k *pfKernel) Set(_ context.Context, old, l *Link, changed func(string) bool) error {
	steps, err := k.steps(old, l, changed)
	if err != nil {
		return err
	}
	for i, s := range steps {
		err := s.do()
		if err == nil {
			continue
		}
		err = &fs.KeyError{Key: s.key, Err: cause(err)}
		for _, back := range slices.Backward(steps[:i]) {
			if e := back.undo(); e != nil {
				err = fmt.Errorf("%w; and %s could not be set back: %v", err, back.key, e)
			}
		}
		return err
	}
	return nil
}

// steps are in the order that kernels want: down before other things change, up after
// them, and another name last.
func (k *pfKernel) steps(old, l *Link, changed func(string) bool) ([]step, error) {
	if changed("type") {
		return nil, &fs.KeyError{Key: "type", Err: fmt.Errorf("given when the link is made: %w", errors.ErrUnsupported)}
	}
	if changed("name") && !k.l.HasIoctl(bsd.Rename) {
		return nil, &fs.KeyError{Key: "name", Err: fmt.Errorf("links have their names for life: %w", pf.ErrNotHere)}
	}
	name := old.Name
	var steps []step
	add := func(key string, do, undo func() error) { steps = append(steps, step{key, do, undo}) }
	flag := func(key string, bit uint32, on bool) {
		set := func(on bool) func() error {
			return func() error {
				if on {
					return k.c.SetFlags(name, bit, 0)
				}
				return k.c.SetFlags(name, 0, bit)
			}
		}
		if changed(key) {
			add(key, set(on), set(!on))
		}
	}
	if !l.Up {
		flag("state", k.up, false)
	}
	if changed("mtu") {
		add("mtu", func() error { return k.c.SetMTU(name, int(l.MTU)) }, func() error { return k.c.SetMTU(name, int(old.MTU)) })
	}
	if changed("lladdr") {
		was, _ := fs.ParseMAC(old.LLAddr) // a link that has none
		to, err := fs.ParseMAC(l.LLAddr)
		if err != nil {
			return nil, &fs.KeyError{Key: "lladdr", Word: l.LLAddr, Err: err}
		}
		index := uint16(old.Index)
		add("lladdr", func() error { return k.c.SetLLAddr(name, index, to, was) }, func() error { return k.c.SetLLAddr(name, index, was, to) })
	}
	if changed("link") || changed("id") {
		to, err := vlanOf(l)
		if err != nil {
			return nil, err
		}
		was, err := vlanOf(old)
		if err != nil {
			return nil, err
		}
		key := "link"
		if !changed("link") {
			key = "id"
		}
		add(key, func() error { return k.c.SetVLAN(name, to) }, func() error { return k.c.SetVLAN(name, was) })
	}
	if changed("master") {
		add("master", func() error { return k.setMaster(name, old.Master, l.Master) }, func() error { return k.setMaster(name, l.Master, old.Master) })
	}
	flag("arp", k.noarp, !l.ARP)
	flag("promisc", k.ppromisc, l.Promisc)
	if l.Up {
		flag("state", k.up, true)
	}
	if changed("name") {
		add("name", func() error { return k.c.Rename(name, l.Name) }, func() error { return k.c.Rename(l.Name, name) })
	}
	return steps, nil
}

// vlanOf is what a vlan stands on. Without a link below it has no id either.
func vlanOf(l *Link) (v rtsock.VLAN, err error) {
	if l.Link == "" {
		return v, nil
	}
	if l.Type != "vlan" {
		return v, &fs.KeyError{Key: "link", Word: l.Link, Err: bad("only a vlan stands on another link")}
	}
	v.Parent = l.Link
	if v.ID, err = strconv.Atoi(l.Data.Get("id")); err != nil {
		err = &fs.KeyError{Key: "id", Err: bad("missing: a vlan on a link has one")}
	}
	return v, err
}

func (k *pfKernel) setMaster(name, from, to string) error {
	if from != "" {
		if err := k.c.DelMember(from, name); err != nil {
			return err
		}
	}
	if to == "" {
		return nil
	}
	err := k.c.AddMember(to, name)
	if err == nil || from == "" {
		return err
	}
	if e := k.c.AddMember(from, name); e != nil {
		return fmt.Errorf("%w; and it could not be put back into %s: %v", err, from, e)
	}
	return err
}

// cause is the kernel's reason: the request is told by the line.
func cause(err error) error {
	var e *rtsock.Error
	if errors.As(err, &e) && e == err {
		return e.Err
	}
	return err
}
