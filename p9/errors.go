package p9

import (
	"context"
	"errors"
	iofs "io/fs"
	"strings"
	"syscall"

	"github.com/netfs-project/netfs/fs"
)

// Failures of the protocol itself. Their texts are among those that Linux's 9P
// client turns into an errno.
var (
	errUnknownFid  = &protoError{"fid unknown or out of range", syscall.EBADF}
	errFidInUse    = &protoError{"fid already in use", syscall.EBADF}
	errBadUse      = &protoError{"bad use of fid", syscall.EBADF}
	errDirOffset   = &protoError{"bad offset in directory read", syscall.ESPIPE}
	errBogusStat   = &protoError{"bogus wstat buffer", syscall.EPROTO}
	errNoAuth      = &protoError{"authentication not required", syscall.ENOENT}
	errDirCount    = &protoError{"count too small for a directory entry: invalid argument", syscall.EINVAL}
	errManyFids    = &protoError{"fid table is full: too many open files", syscall.EMFILE}
	errManyTags    = &protoError{"too many requests wait: resource temporarily unavailable", syscall.EAGAIN}
	errDupTag      = &protoError{"tag is in use: protocol error", syscall.EPROTO}
	errNoVersion   = &protoError{"Tversion comes first: protocol error", syscall.EPROTO}
	errReplyType   = &protoError{"a reply where a request is due: protocol error", syscall.EPROTO}
	errIsDirectory = &protoError{"Is a directory", syscall.EISDIR}
	errMsize       = &protoError{"msize is too small: invalid argument", syscall.EINVAL}
	errStuck       = &protoError{"request was abandoned: input/output error", syscall.EIO}
	errConvert     = &protoError{"wstat can't convert between files and directories", syscall.EPERM}
)

type protoError struct {
	text  string
	errno syscall.Errno
}

func (e *protoError) Error() string { return e.text }
func (e *protoError) Unwrap() error { return e.errno }

// errnos are the errno values that have a text which Linux's 9P client knows,
// by their Linux numbers. Source: errno(3); net/9p/error.c for which exist.
var errnos = []struct {
	n    uint32
	text string
}{
	{1, "Operation not permitted"}, {2, "No such file or directory"}, {4, "Interrupted system call"},
	{5, "Input/output error"}, {6, "No such device or address"}, {7, "Argument list too long"},
	{9, "Bad file descriptor"}, {11, "Resource temporarily unavailable"}, {12, "Cannot allocate memory"},
	{13, "Permission denied"}, {14, "Bad address"}, {15, "Block device required"}, {16, "Device or resource busy"},
	{17, "File exists"}, {18, "Invalid cross-device link"}, {19, "No such device"}, {20, "Not a directory"},
	{21, "Is a directory"}, {22, "Invalid argument"}, {23, "Too many open files in system"}, {24, "Too many open files"},
	{26, "Text file busy"}, {27, "File too large"}, {28, "No space left on device"}, {29, "Illegal seek"},
	{30, "Read-only file system"}, {31, "Too many links"}, {33, "Numerical argument out of domain"},
	{34, "Numerical result out of range"}, {35, "Resource deadlock avoided"}, {36, "File name too long"},
	{37, "No locks available"}, {38, "Function not implemented"}, {39, "Directory not empty"},
	{40, "Too many levels of symbolic links"}, {42, "No message of desired type"}, {43, "Identifier removed"},
	{61, "No data available"}, {67, "Link has been severed"}, {71, "Protocol error"}, {74, "Bad message"},
	{75, "Value too large for defined data type"}, {77, "File descriptor in bad state"}, {87, "Too many users"},
	{88, "Socket operation on non-socket"}, {90, "Message too long"}, {92, "Protocol not available"},
	{93, "Protocol not supported"}, {94, "Socket type not supported"}, {95, "Operation not supported"},
	{96, "Protocol family not supported"}, {97, "Address family not supported by protocol"},
	{98, "Address already in use"}, {99, "Cannot assign requested address"}, {100, "Network is down"},
	{101, "Network is unreachable"}, {102, "Network dropped connection on reset"}, {103, "Software caused connection abort"},
	{104, "Connection reset by peer"}, {105, "No buffer space available"}, {106, "Transport endpoint is already connected"},
	{107, "Transport endpoint is not connected"}, {108, "Cannot send after transport endpoint shutdown"},
	{110, "Connection timed out"}, {111, "Connection refused"}, {112, "Host is down"}, {113, "No route to host"},
	{114, "Operation already in progress"}, {115, "Operation now in progress"}, {116, "Stale file handle"},
	{121, "Remote I/O error"}, {122, "Disk quota exceeded"}, {125, "Operation canceled"},
}

// texts finds the errno of a text: errnos in any case, and what Plan 9's
// servers say.
var texts = func() map[string]uint32 {
	m := map[string]uint32{
		"file not found": 2, "file does not exist": 2, "directory entry not found": 2, "fid unknown or out of range": 9,
		"bad use of fid": 9, "fid already in use": 9, "bad offset in directory read": 29, "file already exists": 17,
		"file already open for i/o": 26, "i/o error": 5, "read only file system": 30, "directory is not empty": 39,
		"not owner": 13, "wstat prohibited": 1, "wstat can't convert between files and directories": 1,
		"bogus wstat buffer": 71, "exclusive use file already open": 11, "invalid exchange": 52, "interrupted": 4,
		"authentication failed": 111, "operation not supported on transport endpoint": 95,
		"file has been removed": 43, "illegal name": 36, "unknown user": 22,
	}
	for _, e := range errnos {
		m[strings.ToLower(e.text)] = e.n
	}
	return m
}()

// errnoText returns what Linux's client knows for a Linux errno, or "".
func errnoText(n uint32) string {
	for i := range errnos {
		if errnos[i].n == n {
			return errnos[i].text
		}
	}
	return ""
}

// textErrno returns the Linux errno that a text from a server stands for: that
// of its last words after a colon, without a remark in parentheses. Zero if
// none is known.
func textErrno(s string) uint32 {
	if strings.HasSuffix(s, ")") {
		if i := strings.LastIndex(s, " ("); i > 0 {
			s = s[:i]
		}
	}
	s = strings.ToLower(s)
	for {
		if n := texts[s]; n != 0 {
			return n
		}
		i := strings.Index(s, ": ")
		if i < 0 {
			return 0
		}
		s = s[i+2:]
	}
}

// maxEname bounds an error's text.
const maxEname = 1024

// errorText is the text of an error for Rerror. An error that has no words of
// its own beside the errno, or only the name of a file that the client knows
// better, is the errno's text exactly, which Linux's client maps back; any
// other is the whole text, and ends in the errno's words so that clients which
// look for them find them. One longer than most bytes is cut before that.
func errorText(err error, most int) string {
	if pe, ok := err.(*iofs.PathError); ok {
		err = pe.Err
	}
	if pe, ok := err.(*protoError); ok {
		return pe.text
	}
	no := linuxErrno(fs.Errno(err))
	known := errnoText(no)
	s := strings.ReplaceAll(err.Error(), "\n", " ")
	tail := ""
	switch {
	case known == "":
	case bare(err), texts[strings.ToLower(s)] == no && err != fs.ErrRemoved:
		return known
	case textErrno(s) != no, len(s) > most:
		tail = ": " + strings.ToLower(known)
	}
	if len(s)+len(tail) > most {
		s = strings.ToValidUTF8(s[:most-len(tail)-3], "") + "..."
	}
	return s + tail
}

// bare reports whether an error says no more than its errno does.
func bare(err error) bool {
	switch err {
	case iofs.ErrNotExist, iofs.ErrExist, iofs.ErrPermission, iofs.ErrInvalid, iofs.ErrClosed,
		errors.ErrUnsupported, context.Canceled, context.DeadlineExceeded:
		return true
	}
	_, ok := err.(syscall.Errno)
	return ok
}

// A RemoteError is what the server answered: its words, and the errno that they
// or the dialect tell.
type RemoteError struct {
	Text  string
	Errno syscall.Errno // 0 if the text names none
}

func (e *RemoteError) Error() string { return e.Text }

// Is makes EINVAL ErrInvalid of io/fs, which syscall.Errno leaves out.
func (e *RemoteError) Is(target error) bool {
	return target == iofs.ErrInvalid && e.Errno == syscall.EINVAL
}

// Unwrap gives errors.Is and errors.As the errno; an unknown text is EIO.
func (e *RemoteError) Unwrap() error {
	if e.Errno == 0 {
		return syscall.EIO
	}
	return e.Errno
}
