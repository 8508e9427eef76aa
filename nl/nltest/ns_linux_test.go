package nltest

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewNS(t *testing.T) {
	ns := NewNS(t)
	home, err := os.Readlink("/proc/thread-self/ns/net")
	require.NoError(t, err)
	there, err := os.Readlink(ns.Path)
	require.NoError(t, err)
	assert.NotEqual(t, home, there)

	var inside string
	var ifs []net.Interface
	ns.Do(func() {
		inside, _ = os.Readlink("/proc/thread-self/ns/net")
		ifs, _ = net.Interfaces()
	})
	assert.Equal(t, there, inside)
	require.NotEmpty(t, ifs)
	for _, i := range ifs {
		assert.Equal(t, i.Name == "lo", i.Flags&net.FlagUp != 0, i.Name)
	}
	back, err := os.Readlink("/proc/thread-self/ns/net")
	require.NoError(t, err)
	assert.Equal(t, home, back)

	assert.Equal(t, there, strings.TrimSpace(ns.Run(t, "readlink", "/proc/self/ns/net")))
	_, err = ns.Try(t, "false")
	assert.Error(t, err)
	out, err := ns.Input(t, "hello", "cat")
	require.NoError(t, err)
	assert.Equal(t, "hello", out)
	assert.NotContains(t, ns.Run(t, "ip", "-o", "link", "show", "up"), "eth0")
}
