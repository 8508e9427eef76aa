package nl_test

import (
	"encoding/binary"
	"errors"
	"syscall"
	"testing"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
	"github.com/netfs-project/netfs/nl/nltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nfgen is struct nfgenmsg of a family (1: inet), and a table's or a chain's names.
func nfgen(family byte, res uint16, names ...string) raw {
	b := binary.BigEndian.AppendUint16([]byte{family, 0}, res)
	for i, s := range names {
		b, _ = attr.AppendString(b, uint16(i+1), s)
	}
	return b
}

const (
	nfBegin, nfEnd = 16, 17 // NFNL_MSG_BATCH_BEGIN and END
	nfTables       = 10     // NFNL_SUBSYS_NFTABLES
	newTable       = nfTables << 8
	newChain       = nfTables<<8 | 3
)

func TestTransactionInKernel(t *testing.T) {
	ns := nltest.NewNS(t)
	nltest.CheckLeaks(t)
	c, err := nl.Dial(nl.Netfilter, &nl.Options{NS: ns.FD})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no netfilter in this kernel")
	}
	require.NoError(t, err)
	defer c.Close()
	transaction := func(table, chainOf string) error {
		b := c.NewTransaction()
		require.NoError(t, b.Add(nl.Request{Type: nfBegin, Body: nfgen(0, nfTables)}))
		require.NoError(t, b.Add(nl.Request{Type: newTable, Flags: nl.FlagCreate, Body: nfgen(1, 0, table)}))
		for range 3000 { // one piece all the same
			require.NoError(t, b.Add(nl.Request{Type: newTable, Flags: nl.FlagCreate, Body: nfgen(1, 0, table)}))
		}
		chain := nfgen(1, 0, chainOf)
		chain, err := attr.AppendString(chain, 3, "c") // NFTA_CHAIN_NAME
		require.NoError(t, err)
		require.NoError(t, b.Add(nl.Request{Type: newChain, Flags: nl.FlagCreate, Body: chain}))
		require.NoError(t, b.Add(nl.Request{Type: nfEnd, Body: nfgen(0, nfTables)}))
		return b.Do(t.Context())
	}
	err = transaction("one", "one")
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		t.Skip("no nftables in this kernel")
	}
	require.NoError(t, err)
	assert.Contains(t, ns.Run(t, "nft", "list", "ruleset"), "table inet one")

	var e *nl.BatchError
	require.ErrorAs(t, transaction("two", "three"), &e)
	require.Len(t, e.Failed, 1)
	assert.Equal(t, 3002, e.Failed[0].Index)
	assert.ErrorIs(t, e, syscall.ENOENT)
	assert.NotContains(t, ns.Run(t, "nft", "list", "ruleset"), "two", "all or nothing")
}
