package fs

import (
	"context"
	iofs "io/fs"
)

// KeySet is a set of a record type's keys, by their place in the table.
type KeySet [4]uint64

func (s *KeySet) Has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }

// Keys is a record type's list of keys, in the order in which they print.
type Keys[T any] struct {
	list   []Key[T]
	byName map[string]int
}

// NewKeys panics if a name stands twice: a broken program.
func NewKeys[T any](keys ...Key[T]) *Keys[T]     { panic("contract") }
func (k *Keys[T]) index(name string) (int, bool) { i, ok := k.byName[name]; return i, ok }

type table[T any] struct{}
type kind interface{}
type ErrorLog struct{}

func (t *Table[T]) with(key, word string) *Table[T] { panic("contract") }
func (t *Table[T]) events() Node                    { panic("contract") }
func (t *Table[T]) Words() []string                 { panic("contract") }
func (t *Table[T]) Mode() iofs.FileMode             { panic("contract") }
func (t *Table[T]) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	panic("contract")
}
func (d Dir) Mode() iofs.FileMode                                     { panic("contract") }
func (d Dir) Walk(ctx context.Context, name string) (Node, error)     { panic("contract") }
func (d Dir) List(ctx context.Context) ([]Entry, error)               { panic("contract") }
func (e *Each) Mode() iofs.FileMode                                   { panic("contract") }
func (v *Value) Mode() iofs.FileMode                                  { panic("contract") }
func (v *Value) Open(ctx context.Context, m OpenMode) (Handle, error) { panic("contract") }
func (c *Collection[T]) Mode() iofs.FileMode                          { panic("contract") }
func (c *Object[T]) Mode() iofs.FileMode                              { panic("contract") }
func (l *Lookup[Q, A]) Mode() iofs.FileMode                           { panic("contract") }
