package nl

import (
	"context"
	"errors"
	"iter"
	"syscall"
)

// Netlink protocols (linux/netlink.h).
const (
	Route         = 0
	SockDiag      = 4
	XFRM          = 6
	Audit         = 9
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

// A Body is the part of a message behind nlmsghdr: a family header and
// attributes. Generated message types implement it.
type Body interface {
	// AppendBody appends the wire form. It fails only for values that have
	// none (an attribute over 65535 bytes).
	AppendBody(b []byte) ([]byte, error)
}

// A Request is one message to the kernel.
type Request struct {
	Type  uint16
	Flags uint16 // FlagCreate, FlagExcl ...
	Body  Body
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

// Options of Dial.
type Options struct {
	// NS is a file descriptor of the network namespace to speak to; 0 or less
	// means the caller's own.
	NS int
	// RecvBuffer is what subscriptions ask for with SO_RCVBUFFORCE (then
	// SO_RCVBUF), in bytes; 0 means 8 MiB.
	RecvBuffer int
	// NoStrict turns NETLINK_GET_STRICT_CHK off, for protocols whose dumps have no
	// strict form.
	NoStrict bool
}

// Dial opens a client for one protocol in one namespace.
func Dial(protocol int, o *Options) (*Client, error) { panic("contract") }

func (c *Client) Close() error { panic("contract") }

// Do sends one request and waits for its acknowledgement.
func (c *Client) Do(ctx context.Context, r Request) error { panic("contract") }

// Get sends one request and calls reply for each message that answers it,
// until the acknowledgement. The message is borrowed. reply may be nil.
func (c *Client) Get(ctx context.Context, r Request, reply func(Message) error) error {
	panic("contract")
}

// Dump streams a table. The message yielded is borrowed until the next step.
// The last step of a dump that the kernel flagged as changed under way yields
// ErrTorn.
func (c *Client) Dump(ctx context.Context, r Request) iter.Seq2[Message, error] { panic("contract") }

// Subscribe joins multicast groups. See Subscription.
func (c *Client) Subscribe(ctx context.Context, groups ...uint32) (*Subscription, error) {
	panic("contract")
}

// NewBatch returns an empty batch. Requests added to it are sent together, many
// in one system call with one acknowledgement for all; each is carried out on
// its own.
func (c *Client) NewBatch() *Batch   { panic("contract") }
func (b *Batch) Add(r Request) error { panic("contract") } // encodes at once; r.Body may be reused afterwards
func (b *Batch) Len() int            { panic("contract") }

// Do sends what was added and reports what failed: nil or a *BatchError.
// The batch is empty afterwards.
func (b *Batch) Do(ctx context.Context) error { panic("contract") }

// A BatchError lists the requests of a batch that failed, by their index.
type BatchError struct {
	Failed []Failure
	Of     int
}
type Failure struct {
	Index int
	Err   error // *Error, or ErrUnknown if the kernel's answer was lost
}

// Receive yields the messages of the groups until ctx ends. A step that yields
// ErrOverrun says that the kernel dropped messages; the sequence goes on.
func (s *Subscription) Receive(ctx context.Context) iter.Seq2[Message, error] { panic("contract") }
func (s *Subscription) Close() error                                          { panic("contract") }

// An Error is what the kernel said to a request.
type Error struct {
	Op     string // "RTM_NEWROUTE", or the number when the body names none
	Errno  syscall.Errno
	Msg    string // extended-ack text
	Attr   string // path of the attribute it points at: "RTA_MULTIPATH[1].RTA_GATEWAY"
	Miss   string // path of the attribute that it misses
	Offset int
}

// Watch, Mirror: see watch.go.

type Client struct{}
type Batch struct{}
type Subscription struct{}

var (
	ErrTorn    = errors.New("dump changed while it was read")
	ErrOverrun = errors.New("events lost: receive buffer overrun")
	ErrUnknown = errors.New("outcome unknown: answer lost")
)

func (e *BatchError) Error() string { panic("contract") }
func (e *Error) Error() string      { panic("contract") }
func (e *Error) Unwrap() error      { return e.Errno }
