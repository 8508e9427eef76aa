// Package attacher offers a tree of fs as an Attacher of github.com/hugelgupf/p9,
// for programs that embed that library's server (u-root's cpu is one) and want
// netfs's files in it.
//
//	a, err := attacher.New(ctx, tree, &attacher.Options{User: user, Aname: "/links,ro"})
//	s := p9.NewServer(a) // theirs
//	err = s.Serve(listener)
//
// Who has the choice takes netfs's own p9.Server, which has none of these limits.
// They are that library's, and stay whatever a tree does:
//
//   - It speaks 9P2000.L only.
//   - It tells nothing of who attaches: neither uname, n_uname and aname, nor the
//     connection. Every client is Options.User and gets Options.Aname for its root
//     (of the aname that a client sends, the library walks the names below that).
//     Clients of different rights need a server each.
//   - It tells nothing of Tflush, Tclunk and a connection that ends: a call goes on
//     until it returns, and they wait for it. So every call has a time: a read of a
//     stream that has nothing fails with EAGAIN after Options.Wait, any other call
//     with ETIMEDOUT after Options.Limit. Nothing is lost by EAGAIN: the next read
//     of the same open file has what came meanwhile. But cat(1) ends there.
//   - It holds a lock over all its clients: one Tremove, Trename or Trenameat waits
//     for every read that is under way, and every call that comes later, of whatever
//     client, waits for it. So a reader of a stream can stop the whole server for
//     Options.Wait, and any other call that does not end for Options.Limit.
//     Tunlinkat and Tsetattr do the same to those who use that one file.
//   - A tree whose calls do not heed their context cannot be helped: such a call
//     stops the server.
//   - When a connection ends while a request is being read, it races with itself (a
//     sync.WaitGroup is waited for and added to), of which Go's runtime may make a
//     panic: v0.3.0.
//   - It does not walk "..", and a walk that fails at its second name fails whole.
//   - It answers EINVAL where attributes are asked for (Txattrwalk), and a Tread
//     larger than its message with EFAULT.
//
// As everywhere, truncation, times and modes are taken and mean nothing, files
// cannot be made, and errors are numbers: their words are lost, in 9P2000.L.
package attacher
