package nft

import (
	"context"
	"errors"
	"iter"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

func request(msg uint8, b nl.Body) nl.Request {
	return nl.Request{Type: nfnl.Type(nfnl.SubsysNFTables, msg), Body: b}
}

// message is a type that can be dumped.
type message[T any] interface {
	*T
	nl.Body
	Decode([]byte) error
}

// dump streams what answers a request and passes keep, which may be nil.
func dump[T any, P message[T]](ctx context.Context, c *nl.Client, r nl.Request, keep func(P) bool) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		var v T
		p := P(&v)
		for m, err := range c.Dump(ctx, r) {
			if err == nil {
				err = p.Decode(m.Data)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if keep != nil && !keep(p) {
				continue
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

func header(family uint8) nfnl.Header { return nfnl.Header{Family: family} }

// Tables streams the tables of a family, of all for nfnl.NFPROTO_UNSPEC. The
// value yielded, as in all of the package, is borrowed until the next step.
func Tables(ctx context.Context, c *nl.Client, family uint8) iter.Seq2[*Table, error] {
	return dump[Table](ctx, c, request(NFT_MSG_GETTABLE, &Table{Header: header(family)}), nil)
}

// Chains streams the chains of a table, of all tables if the name is empty.
func Chains(ctx context.Context, c *nl.Client, family uint8, table string) iter.Seq2[*Chain, error] {
	r := request(NFT_MSG_GETCHAIN, &Chain{Header: header(family), Table: table})
	return dump(ctx, c, r, func(v *Chain) bool { return table == "" || v.Table == table })
}

// Rules streams the rules of a chain, of all chains, or all tables, if a name
// is empty.
func Rules(ctx context.Context, c *nl.Client, family uint8, table, chain string) iter.Seq2[*Rule, error] {
	r := request(NFT_MSG_GETRULE, &Rule{Header: header(family), Table: table, Chain: chain})
	return dump(ctx, c, r, func(v *Rule) bool {
		return (table == "" || v.Table == table) && (chain == "" || v.Chain == chain)
	})
}

// Sets streams the sets and maps of a table, of all tables if the name is
// empty; anonymous ones, which belong to rules, too.
func Sets(ctx context.Context, c *nl.Client, family uint8, table string) iter.Seq2[*Set, error] {
	r := request(NFT_MSG_GETSET, &Set{Header: header(family), Table: table})
	return dump(ctx, c, r, func(v *Set) bool { return table == "" || v.Table == table })
}

// Objects streams the objects of a table, of all tables if the name is empty,
// of one type if it is not 0.
func Objects(ctx context.Context, c *nl.Client, family uint8, table string, typ uint32) iter.Seq2[*Object, error] {
	r := request(NFT_MSG_GETOBJ, &Object{Header: header(family), Table: table, Type: typ})
	return dump(ctx, c, r, func(v *Object) bool {
		return (table == "" || v.Table == table) && (typ == 0 || v.Type == typ)
	})
}

// Flowtables streams the flowtables of a table, of all tables if the name is
// empty.
func Flowtables(ctx context.Context, c *nl.Client, family uint8, table string) iter.Seq2[*Flowtable, error] {
	r := request(NFT_MSG_GETFLOWTABLE, &Flowtable{Header: header(family), Table: table})
	return dump(ctx, c, r, func(v *Flowtable) bool { return table == "" || v.Table == table })
}

// Elements streams the elements of a set or map.
func Elements(ctx context.Context, c *nl.Client, family uint8, table, set string) iter.Seq2[*Elem, error] {
	r := request(NFT_MSG_GETSETELEM, &Elems{Header: header(family), Table: table, SetName: set})
	return func(yield func(*Elem, error) bool) {
		for v, err := range dump[Elems](ctx, c, r, nil) {
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range v.Elems {
				if !yield(&v.Elems[i], nil) {
					return
				}
			}
		}
	}
}

// get fetches one.
func get[T any, P message[T]](ctx context.Context, c *nl.Client, msg uint8, body P) (P, error) {
	var found P
	err := c.Get(ctx, request(msg, body), func(m nl.Message) error {
		found = new(T)
		return found.Decode(m.Data)
	})
	if err == nil && found == nil {
		err = errors.New("nft get: nothing in the answer")
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// GetTable fetches a table.
func GetTable(ctx context.Context, c *nl.Client, family uint8, name string) (*Table, error) {
	return get(ctx, c, NFT_MSG_GETTABLE, &Table{Header: header(family), Name: name})
}

// GetChain fetches a chain.
func GetChain(ctx context.Context, c *nl.Client, family uint8, table, name string) (*Chain, error) {
	return get(ctx, c, NFT_MSG_GETCHAIN, &Chain{Header: header(family), Table: table, Name: name})
}

// GetSet fetches a set or map.
func GetSet(ctx context.Context, c *nl.Client, family uint8, table, name string) (*Set, error) {
	return get(ctx, c, NFT_MSG_GETSET, &Set{Header: header(family), Table: table, Name: name})
}

// GetObject fetches an object.
func GetObject(ctx context.Context, c *nl.Client, family uint8, table, name string, typ uint32) (*Object, error) {
	return get(ctx, c, NFT_MSG_GETOBJ, &Object{Header: header(family), Table: table, Name: name, Type: typ})
}

// Probe is nil if the kernel has nftables; the error matches
// errors.ErrUnsupported if it has not.
func Probe(ctx context.Context, c *nl.Client) error {
	_, err := Generation(ctx, c)
	return nfnl.Probe(err, "nftables")
}

// Generation fetches the generation of the ruleset.
func Generation(ctx context.Context, c *nl.Client) (*Gen, error) {
	return get(ctx, c, NFT_MSG_GETGEN, &Gen{})
}
