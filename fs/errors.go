package fs

import (
	"errors"
	iofs "io/fs"
	"strconv"
	"syscall"
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
	ErrRemoved = &Error{Text: "file has been removed", Errno: syscall.Errno(0x2b)}
)

// An Error is a failure with its own words and the errno that front ends send
// beside or instead of them.
type Error struct {
	Text  string
	Errno syscall.Errno
}

func (e *Error) Error() string { return e.Text }
func (e *Error) Unwrap() error { return e.Errno }

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
		return e.Key + " " + strconv.Quote(e.Word) + ": " + e.Err.Error()
	}
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
	if e.Head != "" {
		s += e.Head + ": "
	}
	s += e.Err.Error()
	if e.Of > 1 {
		s += " (" + strconv.Itoa(e.Failed) + " of " + strconv.Itoa(e.Of) + " lines failed)"
	}
	return s
}

func (e *LineError) Unwrap() error { return e.Err }
