// Package v9fs mounts 9P trees with the 9P client that the Linux kernel has.
//
//	m, err := v9fs.Dial(ctx, "tls!host!5641", "/mnt", &v9fs.Options{TLS: tls})
//	<-m.Done()
//	err = m.Close()
//
// The kernel speaks to unix sockets and to TCP on IPv4 by itself. It has no TLS:
// then, and for all else, it gets one end of a socket pair, and this process
// copies between the other end and the server for as long as the mount is there.
//
// The mount is of 9P2000.L, of which every error has a number, without cache,
// and with an attach for each user of this machine (access=user), so that it is
// the server who decides what each may do. See mount options in
// Documentation/filesystems/9p.rst of Linux.
//
// What the kernel's client cannot do: it passes no text of an error, only its
// number; from Linux 6.12 on a write that fails returns 0 from write(2), and its
// number from fsync(2) only. A read that was interrupted waits until the server
// has answered its flush.
package v9fs

import "github.com/netfs-project/netfs/p9"

// Options of a mount. The zero value serves.
type Options struct {
	TLS      *p9.TLS // for dial strings that begin with tls!
	ReadOnly bool    // the kernel refuses every write
	Private  bool    // only the user who mounts, who must be root, is let in
}
