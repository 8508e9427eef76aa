package p9

import (
	"context"
	"os/user"
	"strconv"
	"sync"

	"github.com/netfs-project/netfs/fs"
)

// named is the user of a uid, with the name that the system has for it.
func named(uid, gid uint32) *fs.User {
	u := &fs.User{UID: uid, GID: gid, Name: strconv.FormatUint(uint64(uid), 10)}
	if known, err := user.LookupId(u.Name); err == nil {
		u.Name = known.Username
	}
	return u
}

// nobody is the group, and the user, of whom the system does not know.
const nobody = 65534

// known is the user of a uid with the groups that the system has for it.
func known(uid uint32) *fs.User {
	u := named(uid, nobody)
	sys, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return u
	}
	u.GID = number(sys.Gid, nobody)
	groups, err := sys.GroupIds()
	if err != nil {
		return u
	}
	for _, g := range groups {
		if n := number(g, NoUid); n != NoUid {
			u.Groups = append(u.Groups, n)
		}
	}
	return u
}

func number(s string, otherwise uint32) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return otherwise
	}
	return uint32(n)
}

// userContext is the context of an attach. A peer that is root may give away
// its power: Linux's client attaches once for each of its users, and says which.
func (s *session) userContext(uid uint32) context.Context {
	peer := s.c.user
	if peer.UID != 0 && s.c.san == "" || uid == 0 || uid == NoUid {
		return s.ctx
	}
	u := known(uid)
	if s.c.san != "" {
		// Numbers of another machine's users mean nothing here.
		u = &fs.User{Name: peer.Name, UID: nobody, GID: nobody}
	}
	u.From = peer.From
	return fs.WithUser(s.ctx, u)
}

// ids remembers the numbers of the names that own files: two or three in all.
type ids struct {
	mu            sync.Mutex
	users, groups map[string]uint32
}

func (i *ids) user(name string) uint32 {
	return i.get(&i.users, name, func() (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
}

func (i *ids) group(name string) uint32 {
	return i.get(&i.groups, name, func() (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

// are reports whether these are the owners already. NoUid is left as it is.
func (i *ids) are(st *fs.Stat, uid, gid uint32) bool {
	return (uid == NoUid || uid == i.user(st.User)) && (gid == NoUid || gid == i.group(st.Group))
}

// maxIDs bounds what is remembered, should owners ever be many.
const maxIDs = 1024

func (i *ids) get(m *map[string]uint32, name string, look func() (string, error)) uint32 {
	if name == "root" {
		return 0
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if n, ok := (*m)[name]; ok {
		return n
	}
	s, err := look()
	if err != nil {
		s = name
	}
	n := number(s, NoUid)
	if *m == nil || len(*m) >= maxIDs {
		*m = make(map[string]uint32)
	}
	(*m)[name] = n
	return n
}
