package fs

import (
	"context"
	iofs "io/fs"
	"time"
)

func (k *Keys[T]) appendJSON(b []byte, v *T) []byte                          { panic("contract") }
func (k *Keys[T]) apply(v *T, items []item, set *KeySet) error               { panic("contract") }
func (n *nested[T, E]) appendJSON(b []byte, v *T) []byte                     { panic("contract") }
func (n *nested[T, E]) help(b []byte, indent string) []byte                  { panic("contract") }
func ParseTime(word string, unit time.Duration) (time.Duration, error)       { panic("contract") }
func (t *Table[T]) matcher(f []wordFilter) (func(v *T) bool, error)          { panic("contract") }
func (t *Table[T]) exists(ctx context.Context, f []wordFilter) (bool, error) { panic("contract") }
func (t *Table[T]) primary() string                                          { panic("contract") }
func (t *Table[T]) hasKey(name string) bool                                  { panic("contract") }
func (t *Table[T]) runner(file string) runner                                { panic("contract") }
func (t *Table[T]) helpText(b []byte) []byte                                 { panic("contract") }
func (t *Table[T]) words(w nameWords) (Node, error)                          { panic("contract") }

func (t *Table[T]) with(key, word string) *Table[T] { panic("contract") }
func (t *Table[T]) Words() []string                 { return append([]string{t.Kind}, t.Also...) }
func (t *Table[T]) Mode() iofs.FileMode             { panic("contract") }
func (t *Table[T]) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	panic("contract")
}
func (c *Collection[T]) Mode() iofs.FileMode { panic("contract") }
func (c *Object[T]) Mode() iofs.FileMode     { panic("contract") }
func (l *Lookup[Q, A]) Mode() iofs.FileMode  { panic("contract") }

func SplitList(word string) ([]string, error) { panic("contract") }

func appendString(b []byte, s string) []byte { panic("contract") }
