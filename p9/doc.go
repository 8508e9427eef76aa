// Package p9 speaks 9P: it serves an fs.Tree to any client of 9P2000, 9P2000.u and
// 9P2000.L, and it is a client that presents a remote tree as the same fs
// interfaces.
//
// A tree of one file, for whoever may open the socket:
//
//	level := "info"
//	tree := &fs.Tree{Root: fs.Dir{
//		"level": &fs.Value{
//			Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, level...), nil },
//			Set: func(_ context.Context, word string) error { level = word; return nil },
//		},
//	}}
//	l, err := p9.Listen("unix!/run/level.sock")
//	...
//	err = (&p9.Server{Tree: tree, Log: log}).Serve(ctx, l)
//
// Any fs.Node will do for a root: the four interfaces of package fs are all that
// the server knows of a tree. And a file of any tree:
//
//	c, err := p9.Dial(ctx, "unix!/run/netfs.sock")
//	text, err := c.ReadFile(ctx, "links/eth0/mtu")
//	err = c.WriteFile(ctx, "links/eth0/mtu", []byte("9000\n"))
//	for line, err := range c.Watch(ctx, "events") { ... }
//
// The client speaks the three dialects to any server. Operations on paths are
// methods of Client, those on open files of Fid, and what a dialect has not is
// refused with errors.ErrUnsupported; those of 9P2000.L have the names of its
// messages. Errors have an errno in every dialect, so that errors.Is finds
// ErrNotExist and its like of io/fs; in 9P2000.L they have nothing else
// (WordsFirst asks for one that has). A call whose context ends sends Tflush and
// waits for Rflush; a reply that is faster stands. Requests that depend on each
// other are never sent before the reply is there, since few servers promise an
// order, and no stream is read ahead of its reader. Client.FS is an io/fs.FS of
// the remote tree, and Client.Root an fs.Node, to be mounted or served again.
//
// With TLS both ends have certificates, and the server a policy of who may do
// what:
//
//	l, err := (&p9.TLS{Cert: cert, Key: key, CA: ca, Policy: policy}).Listen("tls!*!5641")
//	c, err := (&p9.Options{TLS: &p9.TLS{Cert: cert, Key: key, CA: ca}}).Dial(ctx, "tls!host!5641")
//
// # Protocol
//
// 9P2000 is section 5 of the Plan 9 manual, intro(5) and what follows it. 9P2000.u,
// for Unix, is in "Plan 9 Remote Resource Protocol Unix Extension" (E. Van Hensbergen,
// draft of an RFC, 2009). 9P2000.L, for Linux, is in diod's protocol.md and in
// include/net/9p/9p.h of Linux. Tversion chooses the dialect, per session; what the
// server says to each message is in testdata, one conversation a file.
//
// What the server promises beyond the manual: requests that name the same fid
// take effect in the order in which they were sent, so that a client may send
// walk, open, read and clunk without waiting in between; a request which is
// slow never holds up the requests for other fids; after Rflush nothing of the
// flushed request is done or sent. The context of a request ends with Tflush,
// Tversion, the connection and Serve; one that goes on all the same is answered
// for after Server.Grace, and its fid given up. A panic of the tree is EIO and a
// line of the log.
//
// What it has not: authentication by Tauth, links, devices, extended attributes and
// locks are refused, with the errors that clients expect.
package p9
