package rt

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"syscall"

	"github.com/netfs-project/netfs/nl"
)

// A message is a type that a dump yields.
type message[T any] interface {
	*T
	nl.Body
	Decode([]byte) error
	MessageName(uint16) string
}

// dump asks r and yields the messages of type typ, each decoded into m, which is borrowed
// until the next step. keep, if not nil, says which.
func dump[T any, P message[T]](ctx context.Context, c *nl.Client, r nl.Request, typ uint16, m P, keep func(P) bool) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		for msg, err := range c.Dump(ctx, r) {
			if err != nil {
				yield(nil, err)
				return
			}
			if msg.Type != typ {
				continue
			}
			if err := m.Decode(msg.Data); err != nil {
				yield(nil, fmt.Errorf("%s: %w", m.MessageName(typ), err))
				return
			}
			if (keep == nil || keep(m)) && !yield(m, nil) {
				return
			}
		}
	}
}

// get asks r and decodes the one answer of type typ into m. It fails with errNone if none came.
func get[T any, P message[T]](ctx context.Context, c *nl.Client, r nl.Request, typ uint16, m P) error {
	found := false
	err := c.Get(ctx, r, func(msg nl.Message) error {
		if msg.Type != typ || found {
			return nil
		}
		found = true
		if err := m.Decode(msg.Data); err != nil {
			return fmt.Errorf("%s: %w", m.MessageName(typ), err)
		}
		return nil
	})
	if err == nil && !found {
		return fmt.Errorf("%s: %w", m.MessageName(r.Type), errNone)
	}
	return err
}

var errNone = errors.New("no answer")

// families are what a dump of AF_UNSPEC asks for one by one where the kernel would add the
// tables of multicast routing.
func families(family uint8) []uint8 {
	if family == AF_UNSPEC {
		return []uint8{AF_INET, AF_INET6}
	}
	return []uint8{family}
}

// concat yields what each of the sequences does, and ends at the first error that absent does not excuse.
func concat[P any](absent func(error) bool, seqs ...iter.Seq2[P, error]) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		for _, seq := range seqs {
			for m, err := range seq {
				if err != nil && absent(err) {
					break
				}
				if !yield(m, err) || err != nil {
					return
				}
			}
		}
	}
}

// noFamily says whether err is the kernel's word for an address family that it has not got.
func noFamily(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EOPNOTSUPP)
}

const (
	flagsAdd     = nl.FlagCreate | nl.FlagExcl
	flagsReplace = nl.FlagCreate | nl.FlagReplace
	flagsChange  = nl.FlagReplace
	flagsAppend  = nl.FlagCreate | nl.FlagAppend
)
