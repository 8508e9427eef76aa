package dhcp_test

import (
	"testing"

	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs/dhcp"

	"github.com/stretchr/testify/require"
)

func TestParseRequest(t *testing.T) {
	got, err := dhcp.ParseRequest("1,routers,host-name,hostname,domain_name_servers,224,opt.224")
	require.NoError(t, err)
	require.Equal(t, []v4.Code{1, v4.OptRouters, v4.OptHostname, v4.OptHostname, v4.OptDNS, 224, 224}, got)
	for _, w := range []string{"", "0", "255", "256", "-1", "1,", "1, 3", "router;", "pad", "\x1b"} {
		_, err := dhcp.ParseRequest(w)
		require.ErrorContains(t, err, "is no option: a number from 1 to 254, or a name such as routers", "%q", w)
	}
}

func TestParseClientID(t *testing.T) {
	hw := []byte{2, 0, 0, 0, 0, 1}
	for word, want := range map[string]v4.ClientID{
		"":           {1, 2, 0, 0, 0, 0, 1},
		"none":       nil,
		"ff:00:01:a": {0xff, 0, 1, 10},
		"0:1:2a":     {0, 1, 0x2a},
		"here":       append(v4.ClientID{0}, "here"...),
		"a b\n\"":    append(v4.ClientID{0}, "a b\n\""...),
	} {
		id, err := dhcp.ParseClientID(word, hw)
		require.NoError(t, err, "%q", word)
		require.Equal(t, want, id, "%q", word)
	}
	for word, why := range map[string]string{"01:zz": `"zz" is not a byte`, "01:": `"" is not a byte`, "1:100": `"100" is not a byte`, "01:-2": `"-2"`} {
		_, err := dhcp.ParseClientID(word, hw)
		require.ErrorContains(t, err, why)
	}
}
