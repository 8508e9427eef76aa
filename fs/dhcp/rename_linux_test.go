package dhcp_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"

	"github.com/stretchr/testify/require"
)

// A link that gets another name keeps its client, and its lease: under the new name.
func TestRename(t *testing.T) {
	r := newRig(t)
	r.serve(testServer(10 * time.Minute))
	f := r.tree()
	require.NoError(t, f.write("vC/ctl", "start acd=off"))
	f.await("dhcp/status", "dev=vC state=bound")
	leases := func() (list []string) {
		paths, err := filepath.Glob(filepath.Join(r.place.Dir, "*.json"))
		require.NoError(t, err)
		for _, p := range paths {
			list = append(list, strings.SplitN(filepath.Base(p), "-", 2)[0])
		}
		return list
	}
	require.Equal(t, []string{"vC"}, leases())
	events := f.open("dhcp/events", fs.OpenRead)
	defer events.Close(context.Background())

	r.host.Run(t, "ip", "link", "set", "vC", "down")
	r.host.Run(t, "ip", "link", "set", "vC", "name", "new0")
	r.host.Run(t, "ip", "link", "set", "new0", "up")
	f.await("dhcp/status", "dev=new0 state=bound")
	b := make([]byte, 4096)
	n, err := events.ReadAt(context.Background(), b, 0)
	require.NoError(t, err)
	require.Contains(t, string(b[:n]), "the link vC is new0 now")
	require.Contains(t, f.read("dhcp/servers"), "dev=new0")
	require.NotContains(t, f.read("dhcp/status")+f.read("dhcp/servers"), "vC")
	require.Equal(t, []string{"new0"}, leases())
	require.Contains(t, r.host.Run(t, "ip", "addr", "show", "new0"), "10.99.0.100/16")

	require.ErrorContains(t, f.write("dhcp/ctl", "renew dev=vC"), "no client runs here")
	require.NoError(t, f.write("dhcp/ctl", "renew dev=new0"))
	f.await("dhcp/stats", "received_ack=3") // the lease, the link up again, the renewal
	require.NoError(t, f.write("dhcp/ctl", "stop dev=new0 keep"))
	require.Empty(t, f.read("dhcp/status"))
	require.NoError(t, f.write("dhcp/ctl", "start dev=new0 acd=off"))
	f.await("dhcp/status", "dev=new0 state=bound address=10.99.0.100")
	require.NotContains(t, f.read("dhcp/stats"), "sent_discover=1", "it remembers")
}
