// Package fusefs mounts a tree of package fs through FUSE. The tree may be this
// machine's or one that a 9P client presents; the adaptor knows neither pages
// nor the kernel behind them.
//
//	srv, err := fusefs.Mount("/net", tree, nil)
//	...
//	defer srv.Close()
//
// Every open file uses direct I/O and nothing is cached, since files have no
// length and other programs change the network too. A signal ends a blocked
// read or write (FUSE_INTERRUPT); the caller's uid and gid travel with each
// request. Opening with O_TRUNC, ftruncate, chmod and utimes succeed and do
// nothing; files cannot be created, linked or unlinked.
//
// The FUSE library answers FUSE_POLL with ENOSYS, after which the kernel calls
// every file ready: a program that polls an events file must read it in a
// thread of its own, or open it with O_NONBLOCK, when a read with nothing to tell
// fails with EAGAIN.
//
// Sources: fuse(4), linux/fuse.h, Documentation/filesystems/fuse.
package fusefs
