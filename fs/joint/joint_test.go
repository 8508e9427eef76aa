package joint

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl"
)

var words = Words{"RTA_GATEWAY": "via", "RTA_MULTIPATH": "nexthop", "RTAX_MTU": "mtu"}

func TestKey(t *testing.T) {
	for path, want := range map[string]string{
		"RTA_GATEWAY":                   "via",
		"RTA_MULTIPATH[1].RTA_GATEWAY":  "via",
		"RTA_MULTIPATH[1].RTA_WHATEVER": "nexthop",
		"RTA_METRICS.RTAX_MTU":          "mtu",
		"RTA_OTHER.RTAX_OTHER":          "RTA_OTHER.RTAX_OTHER",
		"":                              "",
	} {
		assert.Equal(t, want, words.Key(path), path)
	}
}

func TestBlame(t *testing.T) {
	cases := []struct {
		err  error
		text string
		is   error
	}{
		{&nl.Error{Op: "RTM_NEWROUTE", Errno: syscall.EINVAL, Attr: "RTA_GATEWAY", Msg: "bad"}, "via: bad: invalid argument", fs.ErrInvalid},
		{&nl.Error{Op: "RTM_NEWROUTE", Errno: syscall.EINVAL, Miss: "RTA_GATEWAY"}, "via: is missing: invalid argument", syscall.EINVAL},
		{&nl.Error{Op: "RTM_DELROUTE", Errno: syscall.ESRCH}, "no such process", fs.ErrNotExist},
		{fmt.Errorf("x: %w", &nl.Error{Errno: syscall.EEXIST}), "file exists", fs.ErrExist},
		{errors.New("plain"), "plain", nil},
		{nl.ErrTorn, "changed while it was read", fs.ErrTorn},
	}
	for _, c := range cases {
		got := words.Blame(c.err)
		assert.EqualError(t, got, c.text)
		if c.is != nil {
			assert.ErrorIs(t, got, c.is)
		}
	}
	assert.NoError(t, words.Blame(nil))
}
