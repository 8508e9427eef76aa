package nl

import "time"

// A Socket is what a client speaks through: netlink sockets of its namespace, unless
// Options.Socket says otherwise. It is the seam for a recorder and for a kernel played
// by a test (nltest).
//
// Send may be called by many at once; Recv by one at a time, also during Send.
type Socket interface {
	// Port is the socket's netlink address, which answers carry.
	Port() uint32
	// Send hands whole messages to the kernel, which has carried them out and queued its
	// answers when Send returns.
	Send(b []byte) error
	// Recv reads one datagram into b. If none is there it waits for one, or returns EAGAIN
	// if wait is false. ENOBUFS says that the kernel dropped datagrams.
	Recv(b []byte, wait bool) (Datagram, error)
	// SetReadDeadline bounds Recv, also one that waits already; it then fails with
	// os.ErrDeadlineExceeded. The zero time is no bound.
	SetReadDeadline(t time.Time) error
	// Buffer is how many bytes of memory may be queued for Recv.
	Buffer() int
	// Close ends Recv with ErrClosed.
	Close() error
}

// A Datagram is what Recv read.
type Datagram struct {
	Len  int    // true length: more than the buffer's if it was cut
	From uint32 // port of the sender, 0 is the kernel
	NSID int32  // of the namespace it was sent in when listening to all, else -1
}

// A purpose is what a netlink socket is made for.
type purpose struct {
	groups []uint32 // to join
	buffer int      // receive buffer to ask for
	strict bool
	allNS  bool
}
