package fs

import (
	"context"
	"slices"
)

// A User is the identity of a caller. It travels in the context, and nothing
// else does.
type User struct {
	Name   string
	UID    uint32
	GID    uint32
	Groups []uint32
	From   string // transport and peer, for the log: "unix", "fuse pid 71", "tcp 127.0.0.1:4711"
}

// in reports whether u is a member of the group.
func (u *User) in(gid uint32) bool { return u.GID == gid || slices.Contains(u.Groups, gid) }

type userKey struct{}

// WithUser returns a context that carries u.
func WithUser(ctx context.Context, u *User) context.Context {
	return context.WithValue(ctx, userKey{}, u)
}

// UserOf returns the caller's identity. Without one it is nobody.
func UserOf(ctx context.Context) *User {
	if u, ok := ctx.Value(userKey{}).(*User); ok {
		return u
	}
	return &nobody
}

var nobody = User{Name: "none", UID: 65534, GID: 65534}
