package nft

import (
	"context"
	"errors"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

// A Tx is a transaction: the kernel carries out all of its requests or none.
// It is not safe for concurrent use, and used once.
//
//	t := nft.Begin(c, 0)
//	t.Add(nft.NFT_MSG_NEWTABLE, nl.FlagCreate, &nft.Table{Header: h, Name: "filter"})
//	err := t.Commit(ctx)
type Tx struct {
	b   *nl.Batch
	err error // of an Add: what is not whole must not be sent
}

func mark(gen uint32) *nfnl.Mark {
	return &nfnl.Mark{Header: nfnl.Header{ResID: nfnl.SubsysNFTables}, GenID: gen}
}

// Begin begins a transaction. If gen is not 0 the kernel refuses it (ERESTART)
// unless the ruleset is still of that generation.
func Begin(c *nl.Client, gen uint32) *Tx {
	t := &Tx{b: c.NewTransaction()}
	t.err = t.b.Add(nl.Request{Type: nfnl.NFNL_MSG_BATCH_BEGIN, Body: mark(gen)})
	return t
}

// Add adds a request: msg is one of the NFT_MSG_NEW, DEL and DESTROY numbers.
// The body may be used again.
func (t *Tx) Add(msg uint8, flags uint16, b nl.Body) error {
	r := request(msg, b)
	r.Flags = flags
	err := t.b.Add(r)
	if t.err == nil {
		t.err = err
	}
	return err
}

// Len is how many requests were added.
func (t *Tx) Len() int { return t.b.Len() - 1 }

// Echo has f called during Commit for what the kernel says of requests with
// nl.FlagEcho: the object as it is now, with its handle; i is the index of the
// request.
func (t *Tx) Echo(f func(i int, m nl.Message)) {
	t.b.Echo = func(i int, m nl.Message) { f(i-1, m) }
}

// Commit carries the transaction out. A *nl.BatchError lists the requests that
// are to blame, by their index among those added; then nothing has changed.
func (t *Tx) Commit(ctx context.Context) error {
	if t.err != nil {
		return t.err
	}
	n := t.Len()
	if err := t.b.Add(nl.Request{Type: nfnl.NFNL_MSG_BATCH_END, Body: mark(0)}); err != nil {
		return err
	}
	return blame(t.b.Do(ctx), n)
}

// blame renumbers the failures of a batch whose first and last requests frame
// the n that count.
func blame(err error, n int) error {
	var be *nl.BatchError
	if !errors.As(err, &be) {
		return err
	}
	out := &nl.BatchError{Of: n}
	for _, f := range be.Failed {
		if f.Index == 0 || f.Index > n {
			return f.Err // the transaction as such
		}
		f.Index--
		out.Failed = append(out.Failed, f)
	}
	return out
}
