package dhcp_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/fs/dhcp"

	"github.com/stretchr/testify/require"
)

// Many links begin at once, and each gets an address of its own from kea: 100 of them, or as many
// as NETFS_DHCP_LINKS says.
func TestManyLinks(t *testing.T) {
	links := 100
	if s := os.Getenv("NETFS_DHCP_LINKS"); s != "" {
		var err error
		links, err = strconv.Atoi(s)
		require.NoError(t, err)
	} else if testing.Short() {
		t.Skip("-short")
	}
	r := newRig(t)
	servers["kea"](r, 3600)
	var batch strings.Builder
	for i := range links {
		fmt.Fprintf(&batch, "link add m%d link vC type macvlan mode private\nlink set m%d up\n", i, i)
	}
	out, err := r.host.Input(t, batch.String(), "ip", "-batch", "-")
	require.NoError(t, err, out)

	bound := make(chan netip.Addr, links)
	var clients []*dhcp.Client
	var mu sync.Mutex
	tries := map[int]int{}
	for i := range links {
		c, err := r.place.Open(context.Background(), fmt.Sprintf("m%d", i), dhcp.Options{ACD: dhcp.ACDOff}, func(n runner.Note) {
			switch a := n.Action.(type) {
			case client.Apply:
				bound <- a.New.Addr
			case client.Send:
				mu.Lock()
				tries[i]++
				mu.Unlock()
			}
		})
		require.NoError(t, err)
		clients = append(clients, c)
	}
	t.Cleanup(func() {
		for _, c := range clients {
			c.Close()
		}
	})
	began := time.Now()
	for _, c := range clients {
		require.NoError(t, c.Start(context.Background()))
	}
	timeout := time.After(3 * time.Minute)
	addrs := map[netip.Addr]bool{}
	for range links {
		select {
		case a := <-bound:
			require.False(t, addrs[a], "%v twice", a)
			addrs[a] = true
		case <-timeout:
			t.Fatalf("%d of %d links have an address", len(addrs), links)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	sent := 0
	for _, n := range tries {
		sent += n
	}
	t.Logf("%d links in %v, %d messages", links, time.Since(began).Round(time.Millisecond), sent)
}
