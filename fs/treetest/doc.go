// Package treetest checks what every tree owes its users, through any door: the
// tree of this process, a tree behind 9P, a mounted one.
//
//	func TestTree(t *testing.T) {
//		tree := &fs.Tree{Root: root}
//		treetest.Check(t, treetest.Local(tree, treetest.Root), treetest.Options{Write: true})
//		treetest.Run(t, treetest.Local(tree, treetest.Root), "testdata/routes.txt")
//	}
//
// # Laws
//
// Check walks a whole tree: names are legal and walk, listings and reads agree
// with each other whatever the size and the offset of the reads, modes say what
// can be done, the .json sibling has as many records as the text, path words
// that mean nothing are refused, files cannot be unlinked. With Options.Write,
// what a table or a ctl says is written back to it, cut into pieces in several
// ways, and must change nothing.
//
// # Transcripts
//
// A transcript is a text of commands, each followed by what it takes or gives,
// and an empty line or the next command. Run carries it out and compares.
//
//	# A comment.
//	> routes              write the lines that follow, in one write
//	add 10.0.0.0/8 dev eth0
//
//	>7 routes             the same, cut into writes of 7 bytes
//	add 10.0.0.0/8 dev eth0
//	! EEXIST routes:1: add 10.0.0.0/8: file exists
//
//	< routes              read; the lines that follow are what is there
//	dst=10.0.0.0/8 dev=eth0
//
//	ls links              list, one name a line, directories with a / behind
//	mkdir links/br0,type=bridge
//	rmdir links/br0
//	rm routes
//	! EPERM operation not permitted
//	mv links/eth0 lan0
//	stat links/eth0/mtu   the mode in octal and the length
//	664 5
//
//	watch events          open a stream, which stays open until the end
//	tail events           read as many lines from it as follow
//	route add dst=10.0.0.0/8 dev=eth0   # seq=2 t=*
//
// A line "! ERRNO text" expects the command to fail so. Doors that carry only
// the number compare only that. In an expected line a * stands for any text;
// a line of three dots stands for any lines. A line that begins with #, !, > or <,
// is empty, or looks like a command stands with a backslash before it.
//
// A line that is for some systems only has them in front of it, as GOOS names them, or
// "bsd" for all but Linux; one with a ! in front is left out. Before a command they go
// for all of its lines.
//
//	[linux openbsd] 10.0.0.0/8 via 192.0.2.1 metric 5
//	[bsd !openbsd] watch events
//
// With NETFS_UPDATE=1 in the environment, Run writes what it got into the file
// instead of comparing (lines with a * are kept where they match).
package treetest
