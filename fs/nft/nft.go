// Package nft is the page of nftables, to read: the tables of every family, their
// chains, sets and maps.
//
//	nft/status                                  generation of the ruleset
//	nft/tables/inet/list                        the tables of a family
//	nft/tables/inet/filter/chains/input/hook    a file per attribute
//	nft/tables/inet/filter/sets/ban/type
//
// Words are those of nft(8). Rules, elements of sets, objects and flowtables are
// not here yet, and nothing can be written.
package nft

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/fs"
)

// A Table is a name space of chains and sets.
type Table struct {
	Name   string
	Family string
	Flags  []string // dormant owner persist
	Handle uint64
	Use    uint32
}

// A Chain is a list of rules; one with a hook is where packets enter.
type Chain struct {
	Name    string
	Type    string // filter route nat
	Hook    string
	Prio    int32
	Policy  string // accept drop
	Devices []string
	Flags   []string
	Handle  uint64
	Use     uint32
	hasHook bool
}

// Hooked sets what a base chain has.
func (c *Chain) Hooked(hook string, prio int32) { c.Hook, c.Prio, c.hasHook = hook, prio, true }

// A Set is a set of keys, or a map from keys to Data.
type Set struct {
	Name       string
	Type       string // of keys: "ipv4_addr . inet_service"
	Data       string // of a map: a type, or the kind of an object
	Flags      []string
	Size       uint32
	Timeout    float64 // seconds
	GCInterval float64
	Policy     string // performance memory
	Comment    string
	Handle     uint64
	IsMap      bool
	Anonymous  bool
}

// A Status tells which ruleset this is.
type Status struct {
	Generation uint32
}

// A Kernel has nftables. What is yielded is borrowed.
type Kernel interface {
	Tables(ctx context.Context, family string) iter.Seq2[*Table, error] // of all families if empty
	Chains(ctx context.Context, family, table string) iter.Seq2[*Chain, error]
	Sets(ctx context.Context, family, table string) iter.Seq2[*Set, error]
	Status(ctx context.Context) (*Status, error)
}

var tableKeys = fs.NewKeys(
	fs.Str("name", "name", func(t *Table) *string { return &t.Name }).AsID(),
	fs.Str("family", "ip ip6 inet arp bridge netdev", func(t *Table) *string { return &t.Family }),
	fs.Strs("flags", "dormant: without effect; owner: goes with the program that made it; persist", func(t *Table) *[]string { return &t.Flags }),
	fs.Num("handle", "the kernel's number", func(t *Table) *uint64 { return &t.Handle }).ReadOnly(),
	fs.Num("use", "chains, sets, objects and flowtables in it", func(t *Table) *uint32 { return &t.Use }).ReadOnly().Always(),
)

var chainKeys = fs.NewKeys(
	fs.Str("name", "name", func(c *Chain) *string { return &c.Name }).AsID(),
	fs.Str("type", "of a base chain: filter route nat", func(c *Chain) *string { return &c.Type }),
	fs.Str("hook", "where packets enter: prerouting input forward output postrouting ingress egress", func(c *Chain) *string { return &c.Hook }),
	fs.Num("prio", "order among chains of the hook, lower comes first", func(c *Chain) *int32 { return &c.Prio }).When(func(c *Chain) *bool { return &c.hasHook }).Or("priority"),
	fs.Str("policy", "what becomes of packets that no rule decides about: accept drop", func(c *Chain) *string { return &c.Policy }),
	fs.Strs("dev", "links, of families that enter there", func(c *Chain) *[]string { return &c.Devices }).Or("devices"),
	fs.Strs("flags", "offload: the hardware does it", func(c *Chain) *[]string { return &c.Flags }),
	fs.Num("handle", "the kernel's number", func(c *Chain) *uint64 { return &c.Handle }).ReadOnly(),
	fs.Num("use", "rules in it, and jumps to it", func(c *Chain) *uint32 { return &c.Use }).ReadOnly().Always(),
)

var setKeys = fs.NewKeys(
	fs.Str("name", "name", func(s *Set) *string { return &s.Name }).AsID(),
	fs.Str("type", "type of its keys", func(s *Set) *string { return &s.Type }),
	fs.Str("data", "of a map: type of what keys lead to", func(s *Set) *string { return &s.Data }).Or("map"),
	fs.Strs("flags", "constant interval timeout dynamic", func(s *Set) *[]string { return &s.Flags }),
	fs.Num("size", "most elements", func(s *Set) *uint32 { return &s.Size }),
	seconds("timeout", "life of elements that have none of their own, in s", func(s *Set) *float64 { return &s.Timeout }),
	seconds("gc_interval", "between collections of dead elements, in s", func(s *Set) *float64 { return &s.GCInterval }).Or("gc-interval"),
	fs.Str("policy", "what it is optimised for: performance memory", func(s *Set) *string { return &s.Policy }),
	fs.Str("comment", "comment", func(s *Set) *string { return &s.Comment }),
	fs.Num("handle", "the kernel's number", func(s *Set) *uint64 { return &s.Handle }).ReadOnly(),
)

var statusKeys = fs.NewKeys(
	fs.Num("generation", "counts the changes of the ruleset", func(s *Status) *uint32 { return &s.Generation }).ReadOnly().Always(),
)

// Page returns the page of the nftables of k.
func Page(k Kernel) fs.Page {
	p := &page{k}
	return fs.Page{Root: fs.Dir{"nft": fs.Dir{
		"status": p.status(),
		"tables": &fs.Each{Doc: "families that have tables", Names: p.families, Find: p.family},
	}}}
}

type page struct{ k Kernel }

func (p *page) status() fs.Node {
	return &fs.Table[Status]{
		Kind: "nft.status",
		Doc:  "generation of the ruleset",
		Keys: statusKeys,
		Info: true,
		Rows: func(ctx context.Context, _ *fs.Query[Status]) iter.Seq2[*Status, error] {
			return func(yield func(*Status, error) bool) { yield(p.k.Status(ctx)) }
		},
	}
}

// Families are those that nftables knows, in the order in which they are listed.
var Families = []string{"arp", "bridge", "inet", "ip", "ip6", "netdev"}

func (p *page) families(ctx context.Context) ([]string, error) {
	has := map[string]bool{}
	for t, err := range p.k.Tables(ctx, "") {
		if err != nil {
			return nil, err
		}
		has[t.Family] = true
	}
	return slices.DeleteFunc(slices.Clone(Families), func(f string) bool { return !has[f] }), nil
}

// family is the collection of its tables, which may be empty.
func (p *page) family(_ context.Context, family string) (fs.Node, error) {
	if !slices.Contains(Families, family) {
		return nil, fs.ErrNotExist
	}
	rows := func(ctx context.Context) iter.Seq2[*Table, error] { return p.k.Tables(ctx, family) }
	return &fs.Collection[Table]{
		Table:    table("nft.table", "tables of the family "+family, tableKeys, rows),
		Doc:      "tables of the family " + family,
		Find:     finder(rows, func(t *Table) string { return t.Name }),
		Ident:    func(t *Table) uint64 { return t.Handle },
		Member:   func(t *Table) fs.Dir { return p.table(family, t.Name) },
		NoMake:   true,
		NoRemove: true,
	}, nil
}

// table is what is in the directory of a table beside its keys.
func (p *page) table(family, name string) fs.Dir {
	chains := func(ctx context.Context) iter.Seq2[*Chain, error] { return p.k.Chains(ctx, family, name) }
	return fs.Dir{
		"chains": &fs.Collection[Chain]{
			Table:    table("nft.chain", "chains", chainKeys, chains),
			Doc:      "chains",
			Find:     finder(chains, func(c *Chain) string { return c.Name }),
			Ident:    func(c *Chain) uint64 { return c.Handle },
			NoMake:   true,
			NoRemove: true,
		},
		"sets": p.sets(family, name, "sets", false),
		"maps": p.sets(family, name, "maps", true),
	}
}

func (p *page) sets(family, name, doc string, maps bool) fs.Node {
	rows := func(ctx context.Context) iter.Seq2[*Set, error] {
		return only(p.k.Sets(ctx, family, name), func(s *Set) bool { return s.IsMap == maps && !s.Anonymous })
	}
	return &fs.Collection[Set]{
		Table:    table("nft."+strings.TrimSuffix(doc, "s"), doc, setKeys, rows),
		Doc:      doc,
		Find:     finder(rows, func(s *Set) string { return s.Name }),
		Ident:    func(s *Set) uint64 { return s.Handle },
		NoMake:   true,
		NoRemove: true,
	}
}

// table is a table of records that cannot be written.
func table[T any](kind, doc string, keys *fs.Keys[T], rows func(context.Context) iter.Seq2[*T, error]) *fs.Table[T] {
	return &fs.Table[T]{
		Kind: kind,
		Doc:  doc,
		Keys: keys,
		Rows: func(ctx context.Context, _ *fs.Query[T]) iter.Seq2[*T, error] { return rows(ctx) },
	}
}

// finder looks for a record by its name.
func finder[T any](rows func(context.Context) iter.Seq2[*T, error], name func(*T) string) func(context.Context, string) (*T, error) {
	return func(ctx context.Context, want string) (*T, error) {
		for v, err := range rows(ctx) {
			if err != nil {
				return nil, notThere(err)
			}
			if name(v) == want {
				found := *v
				return &found, nil
			}
		}
		return nil, fs.ErrNotExist
	}
}

// notThere keeps a vanished table from being anything but absence.
func notThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	return err
}

// only yields what keep lets through.
func only[T any](rows iter.Seq2[*T, error], keep func(*T) bool) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for v, err := range rows {
			if err == nil && !keep(v) {
				continue
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

func seconds(name, doc string, at func(*Set) *float64) fs.Key[Set] {
	return fs.Key[Set]{Name: name, Doc: doc, Type: fs.Number,
		Get: func(b []byte, s *Set) []byte {
			if *at(s) == 0 {
				return b
			}
			return appendSeconds(b, *at(s))
		}}
}

// appendSeconds appends whole seconds, or as many decimals as there are.
func appendSeconds(b []byte, s float64) []byte {
	return strconv.AppendFloat(b, s, 'f', -1, 64)
}
