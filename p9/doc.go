// Package p9 speaks 9P: it serves an fs.Tree to any 9P2000 client, and it is a
// client that presents a remote tree as the same fs interfaces.
//
//	s := &p9.Server{Tree: tree, Log: log}
//	l, err := p9.Listen(ctx, "unix!/run/netfs.sock")
//	err = s.Serve(ctx, l)
//
//	c, err := p9.Dial(ctx, "unix!/run/netfs.sock")
//	f, err := c.Open(ctx, "links/eth0/mtu", p9.OREAD)
//	n, err := f.ReadAt(ctx, buf, 0)
//	f.Close(ctx)
//
// With TLS both ends have certificates, and the server a policy of who may do
// what:
//
//	l, err := (&p9.TLS{Cert: cert, Key: key, CA: ca, Policy: policy}).Listen("tls!*!5641")
//	c, err := (&p9.Options{TLS: &p9.TLS{Cert: cert, Key: key, CA: ca}}).Dial(ctx, "tls!host!5641")
//
// The protocol is section 5 of the Plan 9 manual; .u and .L are its variants
// for Unix and for Linux. The dialect is chosen by Tversion, per session.
//
// What the server promises beyond the manual: requests that name the same fid
// take effect in the order in which they were sent, so that a client may send
// walk, open, read and clunk without waiting in between; a request which is
// slow never holds up the requests for other fids; after Rflush nothing of the
// flushed request is done or sent.
package p9
