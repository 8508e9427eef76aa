package nl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"github.com/netfs-project/netfs/nl/attr"
)

var (
	// ErrTorn: the kernel says that the table changed while it was dumped; rows may be
	// missing or stand twice. It is not said for every table (never for IPv4 routes).
	ErrTorn = errors.New("dump changed while it was read")
	// ErrOverrun: the kernel dropped events because the reader was slower than they came.
	ErrOverrun = errors.New("events lost: receive buffer overrun")
	// ErrUnknown: the request was sent and its answer was lost. It may have been carried out.
	ErrUnknown = errors.New("outcome unknown: answer lost")
	// ErrStuck: a dump repeats itself or stops without an end.
	ErrStuck = errors.New("dump makes no progress")
	// ErrClosed: the client or the subscription was closed.
	ErrClosed = fs.ErrClosed
)

// An Error is what the kernel said to a request.
type Error struct {
	Op     string // "RTM_NEWROUTE", or the number when the body names none
	Errno  syscall.Errno
	Msg    string // extended-ack text
	Attr   string // path of the attribute it points at: "RTA_MULTIPATH[1].RTA_GATEWAY"
	Miss   string // path of the attribute that it misses
	Policy string // what the attribute may be: "u32 1..100"
	Offset int    // of the attribute, from the beginning of nlmsghdr; 0 if none
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(": ")
	if e.Attr != "" {
		b.WriteString(e.Attr + ": ")
	}
	if e.Msg != "" {
		b.WriteString(e.Msg + ": ")
	}
	b.WriteString(e.Errno.Error())
	if e.Miss != "" {
		b.WriteString(": " + e.Miss + " is missing")
	}
	if e.Policy != "" {
		b.WriteString(" (" + e.Policy + ")")
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Errno }

// Is says what kind of error the number is where it means something else in
// netlink than in files.
func (e *Error) Is(target error) bool {
	switch e.Errno {
	case syscall.ESRCH, syscall.ENODEV, syscall.ENXIO, syscall.EADDRNOTAVAIL:
		return target == fs.ErrNotExist
	case syscall.EINVAL, syscall.ERANGE:
		return target == fs.ErrInvalid
	}
	return false
}

// A BatchError lists the requests of a batch that failed, by their index.
type BatchError struct {
	Failed []Failure // in order of Index
	Of     int
}

// A Failure is one request of a batch that failed.
type Failure struct {
	Index int
	Err   error // *Error, ErrUnknown if the kernel's answer was lost, or why it was not sent
}

func (e *BatchError) Error() string {
	if len(e.Failed) == 0 {
		return fmt.Sprintf("0 of %d requests failed", e.Of)
	}
	return fmt.Sprintf("request %d: %v (%d of %d failed)", e.Failed[0].Index, e.Failed[0].Err, len(e.Failed), e.Of)
}

// Unwrap gives the errors, so that errors.Is finds any of them.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		errs[i] = f.Err
	}
	return errs
}

// opName names a message for errors.
func opName(typ uint16, body Body) string {
	if n, ok := body.(interface{ MessageName(uint16) string }); ok {
		if s := n.MessageName(typ); s != "" {
			return s
		}
	}
	return "message " + strconv.Itoa(int(typ))
}

func schemaOf(body Body) *attr.Schema {
	if s, ok := body.(interface{ Schema() *attr.Schema }); ok {
		return s.Schema()
	}
	return nil
}

// verdict reads a message of type error or done: nil for an acknowledgement, else what the
// kernel said about the request that req holds in wire form.
func verdict(m Message, req []byte, body Body) error {
	if len(m.Data) < 4 {
		if m.Type == typeDone {
			return nil // some protocols send nothing behind the header
		}
		return fmt.Errorf("netlink: acknowledgement of %d bytes", len(m.Data))
	}
	code := int32(binary.NativeEndian.Uint32(m.Data))
	if code == 0 || code > 0 && m.Type == typeDone {
		return nil // DONE carries what the dump function returned last
	}
	e := &Error{Errno: syscall.Errno(-code)}
	if len(req) >= headerLen {
		e.Op = opName(binary.NativeEndian.Uint16(req[4:]), body)
	}
	e.read(extAck(m), req, schemaOf(body))
	return e
}

// extAck returns the attributes of an error or done message.
func extAck(m Message) []byte {
	if m.Flags&flagAckTLVs == 0 {
		return nil
	}
	skip := 4
	if m.Type == typeError {
		if len(m.Data) < 4+headerLen {
			return nil
		}
		quoted := headerLen
		if m.Flags&flagCapped == 0 {
			quoted = max(quoted, int(binary.NativeEndian.Uint32(m.Data[4:])))
		}
		skip += attr.Align(quoted)
	}
	if skip > len(m.Data) {
		return nil
	}
	return m.Data[skip:]
}

// Attributes of an extended acknowledgement (enum nlmsgerr_attrs).
const (
	ackMsg      = 1
	ackOffset   = 2
	ackPolicy   = 4
	ackMissType = 5
	ackMissNest = 6
)

func (e *Error) read(tlvs, req []byte, s *attr.Schema) {
	miss, nest := -1, -1
	for t, v := range attr.All(tlvs) {
		switch t {
		case ackMsg:
			e.Msg = attr.String(v)
		case ackOffset:
			e.Offset = int(attr.U32(v))
		case ackPolicy:
			e.Policy = policy(v)
		case ackMissType:
			miss = int(attr.U32(v))
		case ackMissNest:
			nest = int(attr.U32(v)) - headerLen
		}
	}
	if len(req) < headerLen {
		return
	}
	body := req[headerLen:]
	if e.Offset > 0 {
		e.Attr = s.Path(body, e.Offset-headerLen)
	}
	if miss >= 0 {
		e.Miss = s.MissPath(body, nest, uint16(miss))
	}
}

// Names of enum netlink_attribute_type.
var policyTypes = [...]string{
	"invalid", "flag", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "binary", "string", "string",
	"nested", "array of nested", "bitfield", "sint", "uint",
}

// policy says in words what NLMSGERR_ATTR_POLICY says (enum netlink_policy_type_attr).
func policy(b []byte) string {
	var words [16]uint64
	var has [16]bool
	for t, v := range attr.All(b) {
		if int(t) < len(words) {
			words[t], has[t] = attr.Uint(v), true
		}
	}
	if words[1] >= uint64(len(policyTypes)) {
		return ""
	}
	s := policyTypes[words[1]]
	if has[2] || has[3] {
		s += fmt.Sprintf(" %d..%d", int64(words[2]), int64(words[3]))
	}
	if has[4] || has[5] {
		s += fmt.Sprintf(" %d..%d", words[4], words[5])
	}
	if has[6] {
		s += fmt.Sprintf(" of at least %d bytes", words[6])
	}
	if has[7] {
		s += fmt.Sprintf(" of at most %d bytes", words[7])
	}
	if mask := words[10] | words[12]; mask != 0 {
		s += fmt.Sprintf(" within mask %#x", mask)
	}
	return s
}
