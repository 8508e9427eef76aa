package nl

import (
	"encoding/binary"
	"fmt"

	"github.com/netfs-project/netfs/nl/attr"
)

// Netlink protocols (linux/netlink.h).
const (
	Route         = 0
	SockDiag      = 4
	XFRM          = 6
	Audit         = 9
	FIBLookup     = 10
	Connector     = 11
	Netfilter     = 12
	KobjectUevent = 15
	Generic       = 16
)

// Flags of a request (linux/netlink.h). Client sets FlagRequest and FlagAck itself.
const (
	FlagRequest      = 0x1
	FlagMulti        = 0x2
	FlagAck          = 0x4
	FlagEcho         = 0x8
	FlagDumpIntr     = 0x10
	FlagDumpFiltered = 0x20

	FlagRoot    = 0x100
	FlagMatch   = 0x200
	FlagDump    = FlagRoot | FlagMatch
	FlagReplace = 0x100
	FlagExcl    = 0x200
	FlagCreate  = 0x400
	FlagAppend  = 0x800
	FlagBulk    = 0x200 // on delete requests
)

// Types that every protocol has, and flags of the two that end an answer.
const (
	typeNoop    = 1
	typeError   = 2
	typeDone    = 3
	typeOverrun = 4

	flagCapped  = 0x100 // the request is quoted without its body
	flagAckTLVs = 0x200 // attributes follow
)

const headerLen = 16 // struct nlmsghdr

// A Body is the part of a message behind nlmsghdr: a family header and
// attributes. Generated message types implement it.
//
// Two more methods are used where a body has them, on any value of its type, to say
// what an error is about: Schema() *attr.Schema names the attributes, and
// MessageName(typ uint16) string the message ("RTM_NEWROUTE", or nothing).
type Body interface {
	// AppendBody appends the wire form. It fails only for values that have
	// none (an attribute over 65535 bytes).
	AppendBody(b []byte) ([]byte, error)
}

// A Request is one message to the kernel.
type Request struct {
	Type  uint16
	Flags uint16 // FlagCreate, FlagExcl ...
	Body  Body   // nil: nothing behind nlmsghdr
}

// A Message is one message from the kernel. Data, the part behind nlmsghdr, is
// borrowed: it is valid until the next step of the iteration.
type Message struct {
	Type  uint16
	Flags uint16
	Seq   uint32
	Port  uint32
	NSID  int32 // of the sender's namespace when listening to all, else -1
	Data  []byte
}

// appendRequest appends r as a message to b, which holds whole messages.
//
//	 0       4      6       8      12      16
//	+-------+------+-------+------+-------+---------
//	|  len  | type | flags | seq  | port  | body ...
//	+-------+------+-------+------+-------+---------
func appendRequest(b []byte, r Request, flags uint16, seq, port uint32) ([]byte, error) {
	at := len(b)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint16(b, r.Type)
	b = binary.NativeEndian.AppendUint16(b, r.Flags|flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, port)
	if r.Body != nil {
		var err error
		if b, err = r.Body.AppendBody(b); err != nil {
			return b[:at], fmt.Errorf("%s: %w", opName(r.Type, r.Body), err)
		}
	}
	binary.NativeEndian.PutUint32(b[at:], uint32(len(b)-at))
	return attr.Pad(b), nil
}

// nextMessage takes the first message off b, which is not empty. It fails where framing breaks.
func nextMessage(b []byte) (m Message, rest []byte, err error) {
	if len(b) < headerLen {
		return m, nil, fmt.Errorf("netlink: %d bytes are no message", len(b))
	}
	n := int(binary.NativeEndian.Uint32(b))
	if n < headerLen || n > len(b) {
		return m, nil, fmt.Errorf("netlink: message of %d bytes where %d are left", n, len(b))
	}
	m.Type = binary.NativeEndian.Uint16(b[4:])
	m.Flags = binary.NativeEndian.Uint16(b[6:])
	m.Seq = binary.NativeEndian.Uint32(b[8:])
	m.Port = binary.NativeEndian.Uint32(b[12:])
	m.NSID = -1
	m.Data = b[headerLen:n:n]
	return m, b[min(attr.Align(n), len(b)):], nil
}
