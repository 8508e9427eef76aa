package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"
)

// Kinds of failure, for errors.Is. The first four are those of io/fs.
var (
	ErrNotExist   = iofs.ErrNotExist
	ErrExist      = iofs.ErrExist
	ErrPermission = iofs.ErrPermission
	ErrInvalid    = iofs.ErrInvalid

	// ErrTorn ends a dump that the kernel flagged as changed while it was read.
	ErrTorn = errors.New("changed while it was read")
	// ErrRemoved is what open files of a vanished object answer (EIDRM).
	ErrRemoved = &Error{Text: "file has been removed", Errno: syscall.EIDRM}
)

// What the tree itself refuses. The texts are those that Plan 9 and v9fs know.
var (
	errNoFile   = &Error{Text: "file does not exist", Errno: syscall.ENOENT}
	errNotDir   = &Error{Text: "not a directory", Errno: syscall.ENOTDIR}
	errIsDir    = &Error{Text: "file is a directory", Errno: syscall.EISDIR}
	errAccess   = &Error{Text: "permission denied", Errno: syscall.EACCES}
	errNotPerm  = &Error{Text: "operation not permitted", Errno: syscall.EPERM}
	errReadOnly = &Error{Text: "read only file system", Errno: syscall.EROFS}
	errNotOpen  = &Error{Text: "file not open for that", Errno: syscall.EBADF}
	errClosed   = &Error{Text: "file is closed", Errno: syscall.EBADF}
)

const (
	errInval    = syscall.EINVAL
	errTimedOut = syscall.ETIMEDOUT
)

// An Error is a failure with its own words and the errno that front ends send
// beside or instead of them.
type Error struct {
	Text  string
	Errno syscall.Errno
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the errno, through which errors.Is finds ErrNotExist and its
// like; nil if there is none.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// Errno returns the number that stands for err: the errno inside it where there
// is one, else that of the kind of failure, else EIO. Nil is 0.
func Errno(err error) syscall.Errno {
	var n syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &n) && n != 0:
		return n
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.errno
		}
	}
	return syscall.EIO
}

var kinds = []struct {
	err   error
	errno syscall.Errno
}{
	{context.Canceled, syscall.EINTR},
	{context.DeadlineExceeded, syscall.ETIMEDOUT},
	{os.ErrDeadlineExceeded, syscall.ETIMEDOUT},
	{ErrNotExist, syscall.ENOENT},
	{ErrExist, syscall.EEXIST},
	{ErrPermission, syscall.EACCES},
	{ErrInvalid, syscall.EINVAL},
	{iofs.ErrClosed, syscall.EBADF},
	{errors.ErrUnsupported, syscall.EOPNOTSUPP},
	{ErrTorn, syscall.EAGAIN},
}

// Is makes EINVAL ErrInvalid, which syscall.Errno leaves out.
func (e *Error) Is(target error) bool { return target == ErrInvalid && e.Errno == errInval }

// A KeyError blames one key of a record: the word that was wrong, or the one
// whose attribute the kernel's extended acknowledgement points at.
type KeyError struct {
	Key  string
	Word string // filled in by fs from the line when empty
	Err  error
}

func (e *KeyError) Error() string {
	switch {
	case e.Word == "":
		return e.Key + ": " + e.Err.Error()
	default:
		return e.Key + " " + strconv.Quote(cutWord(e.Word)) + ": " + e.Err.Error()
	}
}

// cutWord keeps the beginning of a word that is too long for an error.
func cutWord(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	n := most
	for n > most-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

func (e *KeyError) Unwrap() error { return e.Err }

// A LineError says which line of which file failed, and how many did.
type LineError struct {
	File   string
	Line   int
	Head   string // the line's verb and primary value: "add 10.9.0.0/16"
	Err    error
	Failed int // lines of the same write that failed, this one included
	Of     int // lines of the same write
}

func (e *LineError) Error() string {
	s := e.File + ":" + strconv.Itoa(e.Line) + ": "
	why := e.Err.Error()
	if e.Head != "" && !strings.HasPrefix(why, e.Head+": ") { // the first word may be the one that is wrong
		s += e.Head + ": "
	}
	s += why
	if e.Of > 1 {
		s += " (" + strconv.Itoa(e.Failed) + " of " + strconv.Itoa(e.Of) + " lines failed)"
	}
	return s
}

func (e *LineError) Unwrap() error { return e.Err }
