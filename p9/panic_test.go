package p9

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
)

// tantrum is a file that panics in one of its methods.
type tantrum struct {
	probe
	in string
}

func (f *tantrum) Open(context.Context, fs.OpenMode) (fs.Handle, error) {
	f.at("Open")
	return f, nil
}
func (f *tantrum) at(method string) {
	if f.in == method {
		panic("a bug in " + method)
	}
}
func (f *tantrum) Ready() <-chan struct{} {
	f.at("Ready")
	ready := make(chan struct{})
	close(ready)
	return ready
}
func (f *tantrum) Blocks() bool { f.at("Blocks"); return true }
func (f *tantrum) Close(context.Context) error {
	f.at("Close")
	return nil
}
func (f *tantrum) ReadAt(context.Context, []byte, int64) (int, error) { f.at("ReadAt"); return 0, nil }
func (f *tantrum) WriteAt(context.Context, []byte, int64) (int, error) {
	f.at("WriteAt")
	return 1, nil
}

// A bug of the tree is EIO and a line of the log, wherever it shows: the
// session goes on, and so does the server when the session ends.
func TestPanics(t *testing.T) {
	const eio = ` Rerror tag=1 ename="Input/output error"`
	for method, want := range map[string]string{
		"Open":    "true",
		"Ready":   "false" + eio + " Rwrite tag=1 count=1 Rclunk tag=1",
		"Blocks":  "false Rread tag=1 count=0 data=\"\"" + eio + " Rclunk tag=1",
		"ReadAt":  "false" + eio + " Rwrite tag=1 count=1 Rclunk tag=1",
		"WriteAt": "false Rread tag=1 count=0 data=\"\"" + eio + " Rclunk tag=1",
		"Close":   "false Rread tag=1 count=0 data=\"\" Rwrite tag=1 count=1" + eio,
	} {
		t.Run(method, func(t *testing.T) {
			log := new(safeBuffer)
			tree := &fs.Tree{Root: dir{{Name: "f", Node: &tantrum{in: method}}}}
			w := serve(t, &Server{Tree: tree, Log: slog.New(slog.NewTextHandler(log, nil))}).start()
			open := func() (failed bool) {
				w.ok(&Msg{Type: Twalk, Fid: 0, Newfid: 1, Names: []string{"f"}})
				return w.rpc(&Msg{Type: Topen, Fid: 1, Mode: ORDWR}).Type == Rerror
			}
			answers := fmt.Sprint(open())
			if method != "Open" {
				for _, m := range []*Msg{{Type: Tread, Fid: 1, Count: 1}, {Type: Twrite, Fid: 1, Data: []byte("x")}, {Type: Tclunk, Fid: 1}} {
					answers += " " + w.rpc(m).Text(Plain)
				}
			}
			require.Equal(t, want, answers)
			log.says(t, "9p: panic", "a bug in "+method)
			w.start() // and Tversion
			open()
			w.start()
			open()
			w.c.Close() // and the end of the connection
		})
	}
}
