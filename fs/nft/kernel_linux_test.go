package nft

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

const ruleset = `
table inet filter {
	comment "of the host"
	set ban { type ipv4_addr . inet_service; flags interval, timeout; timeout 60s; gc-interval 30s; size 1000; comment "bad ones"; }
	map ports { type inet_service : verdict; }
	chain input { type filter hook input priority -5; policy drop; tcp dport 22 accept; ip saddr { 192.0.2.1, 192.0.2.2 } drop; }
	chain mine { }
}
table ip nat {
	chain post { type nat hook postrouting priority srcnat; }
}
table netdev in {
	chain ingress { type filter hook ingress device lo priority 0; }
}
`

func TestTables(t *testing.T) {
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Netfilter, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	defer c.Close()
	page, err := New(context.Background(), c)
	if err != nil {
		t.Skip(err)
	}
	out, err := ns.Input(t, ruleset, "nft", "-f", "-")
	require.NoError(t, err, out)
	d := treetest.Local(&fs.Tree{Root: page.Root}, treetest.Root)
	for path, want := range map[string]string{
		"nft/tables/inet/list":                        "name=filter family=inet handle=* use=*",
		"nft/tables/inet/filter/chains/input/type":    "filter",
		"nft/tables/inet/filter/chains/input/hook":    "input",
		"nft/tables/inet/filter/chains/input/prio":    "-5",
		"nft/tables/inet/filter/chains/input/policy":  "drop",
		"nft/tables/inet/filter/chains/input/use":     "2",
		"nft/tables/inet/filter/chains/mine/hook":     "",
		"nft/tables/inet/filter/chains/mine/prio":     "",
		"nft/tables/inet/filter/sets/ban/type":        "ipv4_addr . inet_service",
		"nft/tables/inet/filter/sets/ban/flags":       "interval,timeout",
		"nft/tables/inet/filter/sets/ban/timeout":     "60",
		"nft/tables/inet/filter/sets/ban/gc_interval": "30",
		"nft/tables/inet/filter/sets/ban/size":        "1000",
		"nft/tables/inet/filter/sets/ban/comment":     "bad ones",
		"nft/tables/inet/filter/maps/ports/data":      "verdict",
		"nft/tables/ip/nat/chains/post/prio":          "100",
		"nft/tables/netdev/in/chains/ingress/dev":     "lo",
	} {
		f, err := d.Open(path, fs.OpenRead)
		if path == "nft/tables/netdev/in/chains/ingress/dev" && err != nil {
			continue
		}
		require.NoError(t, err, path)
		buf := make([]byte, 4096)
		n, err := f.ReadAt(buf, 0)
		require.NoError(t, err, path)
		require.NoError(t, f.Close())
		got := strings.TrimSuffix(string(buf[:n]), "\n")
		if head, _, ok := strings.Cut(want, "*"); ok {
			assert.True(t, strings.HasPrefix(got, head), "%s: %s", path, got)
			continue
		}
		assert.Equal(t, want, got, path)
	}
	list, err := d.List("nft/tables/inet/filter/sets")
	require.NoError(t, err)
	var names []string
	for _, i := range list {
		names = append(names, i.Name)
	}
	assert.Equal(t, []string{"list", "ban"}, names, "the anonymous set is not there")
	_, err = d.Stat("nft/tables/inet/filter/chains/nosuch")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = d.Stat("nft/tables/inet/nosuch/chains")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	treetest.Check(t, d, treetest.Options{})
}
