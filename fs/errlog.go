package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	keptErrors = 32   // failures kept of each user
	keptUsers  = 1024 // users whose failures are kept; the longest silent one makes room
)

// An ErrorLog keeps the last failures of each user, for those who only got an
// errno from their system. It is the file error: everyone reads their own, one
// per line, oldest first:
//
//	n=3 t=1732365639.123456 path=routes line=57 errno=ENETUNREACH text='add 10.9.0.0/16: network is unreachable'
//
// The zero value is ready; safe for concurrent use.
type ErrorLog struct {
	mu    sync.Mutex // guards users and what is in it
	users map[userID]*userErrors
}

type userID struct {
	name string
	uid  uint32
}

type userErrors struct {
	n    int // failures so far; the last one's number
	last [keptErrors]failure
	at   time.Time
}

type failure struct {
	at   time.Time
	path string
	line int // 0: the failure is not of a line
	err  string
	no   string
}

// Node is the file error.
func (l *ErrorLog) Node() Node { return l }

func (l *ErrorLog) Mode() iofs.FileMode { return 0o444 }

// Open takes a snapshot of the caller's failures.
func (l *ErrorLog) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	return textFile(l.text(UserOf(ctx))), nil
}

func (l *ErrorLog) text(u *User) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.users[userID{u.Name, u.UID}]
	if e == nil {
		return nil
	}
	var b []byte
	for n := max(1, e.n-keptErrors+1); n <= e.n; n++ {
		b = e.last[n%keptErrors].append(b, n)
	}
	return b
}

// add keeps one failure of u.
func (l *ErrorLog) add(u *User, path string, err error) {
	f := failure{at: time.Now(), path: path, err: err.Error(), no: errnoName(err)}
	var le *LineError
	if errors.As(err, &le) {
		f.line = le.Line
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.user(userID{u.Name, u.UID})
	e.n++
	e.at = f.at
	e.last[e.n%keptErrors] = f
}

func (l *ErrorLog) user(id userID) *userErrors {
	if e := l.users[id]; e != nil {
		return e
	}
	if l.users == nil {
		l.users = make(map[userID]*userErrors)
	}
	if len(l.users) >= keptUsers {
		l.forgetOne()
	}
	e := new(userErrors)
	l.users[id] = e
	return e
}

func (l *ErrorLog) forgetOne() {
	var oldest userID
	var at time.Time
	for id, e := range l.users {
		if at.IsZero() || e.at.Before(at) {
			oldest, at = id, e.at
		}
	}
	delete(l.users, oldest)
}

func (f *failure) append(b []byte, n int) []byte {
	b = strconv.AppendInt(append(b, "n="...), int64(n), 10)
	b = appendTime(append(b, " t="...), f.at)
	b = appendQuotedWord(append(b, " path="...), f.path)
	if f.line > 0 {
		b = strconv.AppendInt(append(b, " line="...), int64(f.line), 10)
	}
	b = append(append(b, " errno="...), f.no...)
	b = appendQuotedWord(append(b, " text="...), f.err)
	return append(b, '\n')
}

// errnoName is the name a C program knows: "ENETUNREACH".
func errnoName(err error) string {
	n := Errno(err)
	if s := unix.ErrnoName(n); s != "" {
		return s
	}
	return strconv.Itoa(int(n))
}

// appendTime appends seconds and microseconds since 1970.
func appendTime(b []byte, t time.Time) []byte {
	us := t.UnixMicro()
	b = strconv.AppendInt(b, us/1e6, 10)
	frac := strconv.Itoa(int(us%1e6) + 1e6)
	return append(append(b, '.'), frac[1:]...)
}

// appendQuotedWord appends s as a value, in quotes if it needs them.
func appendQuotedWord(b []byte, s string) []byte {
	n := len(b)
	return quoteTail(append(b, s...), n)
}
