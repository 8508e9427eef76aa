//go:build linux || darwin || freebsd

package fusefs

import (
	"context"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"

	"github.com/netfs-project/netfs/fs"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// caller tells who asks: the kernel names the uid, gid and pid of the process.
func caller(ctx context.Context) *fs.User {
	c, ok := fuse.FromContext(ctx)
	if !ok {
		return fs.UserOf(ctx)
	}
	return &fs.User{
		Name:   ids.name(c.Uid),
		UID:    c.Uid,
		GID:    c.Gid,
		Groups: groups(c),
		From:   "fuse pid " + strconv.FormatUint(uint64(c.Pid), 10),
	}
}

// groups returns the supplementary groups of the calling process, which FUSE
// does not tell. Only root needs none of them. Source: proc_pid_status(5).
func groups(c *fuse.Caller) []uint32 {
	if c.Uid == 0 {
		return nil
	}
	b, err := os.ReadFile("/proc/" + strconv.FormatUint(uint64(c.Pid), 10) + "/status")
	if err != nil {
		return nil
	}
	_, rest, ok := strings.Cut(string(b), "\nGroups:")
	if !ok {
		return nil
	}
	line, _, _ := strings.Cut(rest, "\n")
	var out []uint32
	for _, w := range strings.Fields(line) {
		if g, err := strconv.ParseUint(w, 10, 32); err == nil {
			out = append(out, uint32(g))
		}
	}
	return out
}

// ids remembers which names and numbers belong together: the system's user
// database is a file that is read anew for each question.
var ids = idCache{names: map[uint32]string{}, uids: map[string]uint32{}, gids: map[string]uint32{}}

type idCache struct {
	mu    sync.Mutex // guards the maps
	names map[uint32]string
	uids  map[string]uint32
	gids  map[string]uint32
}

// maxIDs bounds each map: a machine may have more users than memory.
const maxIDs = 4096

func (c *idCache) name(uid uint32) string {
	return remember(c, c.names, uid, func() string {
		s := strconv.FormatUint(uint64(uid), 10)
		if u, err := user.LookupId(s); err == nil {
			return u.Username
		}
		return s
	})
}

// user returns the number of a user's name, 0 when there is none.
func (c *idCache) user(name string) uint32 {
	return remember(c, c.uids, name, func() uint32 {
		if u, err := user.Lookup(name); err == nil {
			return number(u.Uid)
		}
		return number(name)
	})
}

// group returns the number of a group's name, 0 when there is none.
func (c *idCache) group(name string) uint32 {
	return remember(c, c.gids, name, func() uint32 {
		if g, err := user.LookupGroup(name); err == nil {
			return number(g.Gid)
		}
		return number(name)
	})
}

func remember[K comparable, V any](c *idCache, m map[K]V, k K, find func() V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := m[k]
	if ok {
		return v
	}
	if len(m) >= maxIDs {
		clear(m)
	}
	v = find()
	m[k] = v
	return v
}

func number(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}
