package p9

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// piped serves one end of a pipe, in the bubble's time. The time at which the
// server hung up is sent on ended.
func piped(t *testing.T, s *Server) (w *wire, ended <-chan time.Time) {
	s.Log = slog.New(slog.DiscardHandler)
	c, sc := net.Pipe()
	end := make(chan time.Time, 1)
	go func() {
		s.ServeConn(context.Background(), sc, root)
		end <- time.Now()
	}()
	t.Cleanup(func() { c.Close() })
	return &wire{t: t, c: c, r: newReader(c)}, end
}

// Deadlines, each with a client that comes close to it and one that passes it.
// Times are from the start of the connection.
func TestDeadlines(t *testing.T) {
	junk := &Msg{Type: Tversion, Tag: NoTag, Msize: 8192, Version: "junk"}
	stat, _ := AppendMsg(nil, Plain, &Msg{Type: Tstat, Tag: 1, Fid: 0})
	// trickle writes the frame again and again, one byte a second.
	trickle := func(w *wire, frame []byte, seconds int) {
		for i := range seconds {
			time.Sleep(time.Second)
			if _, err := w.c.Write(frame[i%len(frame):][:1]); err != nil {
				return
			}
		}
	}
	for name, c := range map[string]struct {
		server Server
		do     func(w *wire)
		after  time.Duration
	}{
		"says nothing": {Server{}, func(*wire) {}, 10 * time.Second},
		"never agrees on a version": {Server{}, func(w *wire) {
			for range 3 {
				time.Sleep(3 * time.Second)
				w.ok(junk)
			}
		}, 10 * time.Second},
		"does no more agree": {Server{}, func(w *wire) {
			w.start()
			time.Sleep(time.Hour)
			w.ok(junk)
		}, time.Hour + 10*time.Second},
		"is idle, which it may": {Server{}, func(w *wire) {
			w.start()
			time.Sleep(24 * time.Hour)
			w.ok(&Msg{Type: Tstat, Fid: 0})
			w.c.Close()
		}, 24 * time.Hour},
		"is idle, which it may not": {Server{IdleTimeout: time.Minute}, func(w *wire) {
			w.start()
			time.Sleep(59 * time.Second)
			w.ok(&Msg{Type: Tstat, Fid: 0})
		}, 119 * time.Second},
		"waits for a reply": {Server{IdleTimeout: time.Minute}, func(w *wire) {
			w.start()
			w.open(1, "stuck", OREAD)
			w.send(&Msg{Type: Tread, Tag: 7, Fid: 1, Count: 1})
			time.Sleep(time.Hour)
			require.Equal(t, Rflush, w.rpc(&Msg{Type: Tflush, Tag: 8, Oldtag: 7}).Type)
		}, time.Hour + time.Minute},
		"stops in a frame": {Server{}, func(w *wire) {
			w.start()
			w.c.Write(stat[:9])
		}, time.Minute},
		"sends a frame byte by byte": {Server{}, func(w *wire) {
			w.start()
			trickle(w, []byte{255, 0, 0, 0, byte(Twrite), 1, 0}, 100)
		}, 61 * time.Second},
		"is slow, and always within a frame": {Server{}, func(w *wire) {
			w.start()
			w.c.SetReadDeadline(time.Time{})
			go io.Copy(io.Discard, w.c)
			long := append(append([]byte{}, stat...), stat[:5]...)
			next := append(append([]byte{}, stat[5:]...), stat[:5]...)
			w.c.Write(long)
			for range 60 {
				time.Sleep(30 * time.Second)
				w.c.Write(next)
			}
			w.c.Close()
		}, 30 * time.Minute},
		"does not take its replies": {Server{}, func(w *wire) {
			w.start()
			w.c.Write(stat)
		}, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				c.server.Tree = newTestTree().Tree
				w, ended := piped(t, &c.server)
				w.t = t
				c.do(w)
				select {
				case at := <-ended:
					require.Equal(t, c.after, at.Sub(began))
				case <-time.After(48 * time.Hour):
					t.Error("the connection goes on")
				}
			})
		})
	}
}
