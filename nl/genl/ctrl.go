package genl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/netfs-project/netfs/nl"
)

// version of the controller's messages.
const ctrlVersion = 2

func ctrl(cmd uint8) Header { return Header{Cmd: cmd, Version: ctrlVersion} }

// Families streams the families that the namespace knows. The value yielded is
// borrowed until the next step.
func Families(ctx context.Context, c *nl.Client) iter.Seq2[*Family, error] {
	return func(yield func(*Family, error) bool) {
		var f Family
		r := nl.Request{Type: GENL_ID_CTRL, Body: &Family{Header: ctrl(CTRL_CMD_GETFAMILY)}}
		for m, err := range c.Dump(ctx, r) {
			if err == nil {
				err = f.Decode(m.Data)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&f, nil) {
				return
			}
		}
	}
}

// Resolve fetches a family by its name. An error for a family that is not
// there matches errors.ErrUnsupported and fs.ErrNotExist.
func Resolve(ctx context.Context, c *nl.Client, name string) (*Family, error) {
	var f *Family
	r := nl.Request{Type: GENL_ID_CTRL, Body: &Family{Header: ctrl(CTRL_CMD_GETFAMILY), Name: name}}
	err := c.Get(ctx, r, func(m nl.Message) error {
		f = new(Family)
		return f.Decode(m.Data)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &absentError{name: name, err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("generic netlink family %q: %w", name, err)
	}
	if f == nil {
		return nil, fmt.Errorf("generic netlink family %q: the controller's answer has none", name)
	}
	return f, nil
}

// absentError says that the kernel has no such family.
type absentError struct {
	name string
	err  error
}

func (e *absentError) Error() string {
	return fmt.Sprintf("generic netlink family %q: not in this kernel", e.name)
}
func (e *absentError) Unwrap() error        { return e.err }
func (e *absentError) Is(target error) bool { return target == errors.ErrUnsupported }

// Group is the number of one of the family's multicast groups.
func (f *Family) Group(name string) (uint32, error) {
	for i := range f.Groups {
		if f.Groups[i].Name == name {
			return f.Groups[i].ID, nil
		}
	}
	return 0, fmt.Errorf("generic netlink family %q has no group %q: %w", f.Name, name, errors.ErrUnsupported)
}

// Op finds a command of the family, nil if it has none of that number.
func (f *Family) Op(cmd uint8) *Op {
	for i := range f.Ops {
		if f.Ops[i].ID == uint32(cmd) {
			return &f.Ops[i]
		}
	}
	return nil
}
