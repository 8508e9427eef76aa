package wire

import "errors"

// The kinds of refusal, for counters; the text of an error says more.
var (
	ErrTruncated = errors.New("truncated")
	ErrLength    = errors.New("lengths contradict")
	ErrChecksum  = errors.New("wrong checksum")
	ErrFragment  = errors.New("a fragment")
	ErrOther     = errors.New("another protocol") // well formed, perhaps, but not what was asked for
)

// An Error says which layer refused, and why.
type Error struct {
	Layer  string // "ethernet", "arp", "ipv4", "udp"
	Reason string // may be empty: Kind says it all
	Kind   error
}

func (e *Error) Error() string {
	if e.Reason == "" {
		return e.Layer + ": " + e.Kind.Error()
	}
	return e.Layer + ": " + e.Reason + ": " + e.Kind.Error()
}

func (e *Error) Unwrap() error { return e.Kind }
