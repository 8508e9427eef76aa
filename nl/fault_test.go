package nl_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
	"github.com/netfs-project/netfs/nl/nltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const row = 100 // type of messages that fake tables have

// fake opens a client whose kernel is played.
func fake(t *testing.T) (*nl.Client, *nltest.Kernel) {
	t.Helper()
	k := nltest.NewKernel(t)
	c, err := nl.Dial(nl.Route, &nl.Options{Socket: k.Socket})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, c.Close())
		assert.Zero(t, k.Open(), "sockets left open")
	})
	return c, k
}

// collect reads a dump to its end.
func collect(t *testing.T, c *nl.Client, body nl.Body) (rows []string, err error) {
	t.Helper()
	for m, e := range c.Dump(t.Context(), nl.Request{Type: row, Body: body}) {
		if e != nil {
			require.NoError(t, err, "a second error")
			err = e
			continue
		}
		require.NoError(t, err, "a row after an error")
		rows = append(rows, string(m.Data))
	}
	return rows, err
}

func rows(r *nltest.Call, texts ...string) {
	for _, s := range texts {
		r.Reply(row, nl.FlagMulti, []byte(s))
	}
}

func TestDumpThatIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := fake(t)
		busy := func(r *nltest.Call) { r.Error(syscall.EBUSY) }
		k.Script(busy, busy, func(r *nltest.Call) { rows(r, "aaaa"); r.Done() })
		got, err := collect(t, c, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"aaaa"}, got)

		k.Script(busy, busy, busy, busy, busy, busy)
		_, err = collect(t, c, nil)
		assert.ErrorIs(t, err, syscall.EBUSY)
	})
}

func TestTornDump(t *testing.T) {
	c, k := fake(t)
	k.Script(
		func(r *nltest.Call) {
			rows(r, "aaaa")
			r.Reply(row, nl.FlagMulti|nl.FlagDumpIntr, []byte("bbbb"))
			rows(r, "cccc")
			r.Done()
		},
		func(r *nltest.Call) { rows(r, "aaaa"); r.Send(r.End(nl.FlagDumpIntr, 0)) },
		func(r *nltest.Call) { rows(r, "aaaa"); r.Done() },
	)
	got, err := collect(t, c, nil)
	assert.ErrorIs(t, err, nl.ErrTorn)
	assert.Equal(t, []string{"aaaa", "bbbb", "cccc"}, got)
	_, err = collect(t, c, nil)
	assert.ErrorIs(t, err, nl.ErrTorn, "flagged in the last message only")
	_, err = collect(t, c, nil)
	assert.NoError(t, err, "a flag must not stick to the socket")
}

func TestDumpThatFailsHalfway(t *testing.T) {
	c, k := fake(t)
	k.Script(
		func(r *nltest.Call) { rows(r, "aaaa"); r.Send(r.End(0, syscall.ENOMEM)) },
		func(r *nltest.Call) { rows(r, "aaaa"); r.Error(syscall.EINTR) },
	)
	got, err := collect(t, c, nil)
	assert.Equal(t, []string{"aaaa"}, got)
	assert.ErrorIs(t, err, syscall.ENOMEM)
	_, err = collect(t, c, nil)
	assert.ErrorIs(t, err, syscall.EINTR)
}

func TestDumpWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := fake(t)
		k.Script(
			func(r *nltest.Call) { rows(r, "aaaa") },
			func(r *nltest.Call) { rows(r, "aaaa") },
			func(r *nltest.Call) { rows(r, "bbbb"); r.Done() },
		)
		begun := time.Now()
		got, err := collect(t, c, nil)
		assert.Equal(t, []string{"aaaa"}, got)
		assert.ErrorIs(t, err, nl.ErrStuck)
		assert.Less(t, time.Since(begun), time.Minute)

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var last error
		for _, err := range c.Dump(ctx, nl.Request{Type: row}) {
			last = err
		}
		assert.ErrorIs(t, last, context.DeadlineExceeded)
		// The sockets of both are gone; late rows of theirs cannot reach the next dump.
		got, err = collect(t, c, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"bbbb"}, got)
	})
}

func TestEndlessDump(t *testing.T) {
	c, k := fake(t)
	k.Script(func(r *nltest.Call) {
		for range 5000 {
			rows(r, "the same for ever")
		}
		r.Done()
	})
	got, err := collect(t, c, nil)
	assert.ErrorIs(t, err, nl.ErrStuck)
	assert.Less(t, len(got), 2000)
}

func TestAnswersThatAreNotOurs(t *testing.T) {
	c, k := fake(t)
	answer := func(r *nltest.Call) {
		old, other := *r, *r
		old.Seq--
		other.Port++
		old.Reply(row, nl.FlagMulti, []byte("late"))
		old.Done()
		other.Reply(row, nl.FlagMulti, []byte("port"))
		other.Error(syscall.EPERM)
		r.SendFrom(99, r.Message(row, nl.FlagMulti, []byte("fake")), r.Verdict(syscall.EPERM))
		r.Send(r.Message(nltest.TypeNoop, 0, nil), r.Message(row, nl.FlagMulti, []byte("good")))
	}
	k.Script(
		func(r *nltest.Call) { answer(r); r.Done() },
		func(r *nltest.Call) { answer(r); r.Ack() },
	)
	got, err := collect(t, c, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"good"}, got)
	got = nil
	require.NoError(t, c.Get(t.Context(), nl.Request{Type: row}, func(m nl.Message) error {
		got = append(got, string(m.Data))
		return nil
	}))
	assert.Equal(t, []string{"good"}, got)
}

// A few protocols leave the port out of their answers.
func TestAnswerWithoutPort(t *testing.T) {
	c, k := fake(t)
	k.Handle(func(r *nltest.Call) { r.Port = 0; rows(r, "aaaa"); r.Ack() })
	got, err := collect(t, c, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"aaaa"}, got)
	assert.NoError(t, c.Do(t.Context(), nl.Request{Type: row}))
}

func TestLateReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := fake(t)
		var late *nltest.Call
		k.Script(
			func(r *nltest.Call) { late = r },
			func(r *nltest.Call) { late.Error(syscall.EPERM); rows(r, "mine"); r.Ack() },
		)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, c.Do(ctx, nl.Request{Type: row}), context.DeadlineExceeded)
		got := ""
		require.NoError(t, c.Get(t.Context(), nl.Request{Type: row}, func(m nl.Message) error { got = string(m.Data); return nil }))
		assert.Equal(t, "mine", got)
	})
}

func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := fake(t)
		k.Script(func(*nltest.Call) {})
		assert.ErrorIs(t, c.Do(t.Context(), nl.Request{Type: row}), nl.ErrUnknown)
	})
}

// Requests of many callers share a socket: answers come in any order, and one caller's end is not another's.
func TestPipelining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := fake(t)
		var calls []*nltest.Call
		k.Handle(func(r *nltest.Call) { calls = append(calls, r) })
		type result struct {
			i    int
			text string
			err  error
		}
		results := make(chan result)
		cancelled, cancel := context.WithCancel(t.Context())
		for i := range 10 {
			ctx := t.Context()
			if i%2 == 0 {
				ctx = cancelled
			}
			go func() {
				var r result
				r.i = i
				r.err = c.Get(ctx, nl.Request{Type: row, Body: raw(fmt.Sprintf("%04d", i))}, func(m nl.Message) error {
					r.text = string(m.Data)
					return nil
				})
				results <- r
			}()
			synctest.Wait()
		}
		require.Len(t, calls, 10)
		cancel() // the reader's, among others
		for range 5 {
			r := <-results
			assert.Zero(t, r.i%2)
			assert.ErrorIs(t, r.err, context.Canceled)
		}
		for i := len(calls) - 1; i >= 0; i-- {
			calls[i].Reply(row, 0, calls[i].Body)
			calls[i].Ack()
		}
		for range 5 {
			r := <-results
			require.NoError(t, r.err)
			assert.Equal(t, fmt.Sprintf("%04d", r.i), r.text)
		}
		assert.Equal(t, 1, k.Open())
	})
}

func TestCloseEndsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := fake(t)
		k.Handle(func(*nltest.Call) {})
		results := make(chan error)
		for range 3 {
			go func() { results <- c.Do(t.Context(), nl.Request{Type: row}) }()
		}
		go func() {
			_, err := collect(t, c, nil)
			results <- err
		}()
		synctest.Wait()
		require.NoError(t, c.Close())
		for range 4 {
			assert.ErrorIs(t, <-results, nl.ErrClosed)
		}
	})
}

// An answer that does not fit the buffer is asked for again, unless that would do something twice.
func TestAnswerThatIsCut(t *testing.T) {
	c, k := fake(t)
	big := bytes.Repeat([]byte("x"), 300_000)
	k.Script(
		func(r *nltest.Call) { r.Reply(row, 0, big); r.Ack() },
		func(r *nltest.Call) { r.Reply(row, 0, big); r.Ack() },
	)
	n := 0
	get := func(flags uint16) error {
		return c.Get(t.Context(), nl.Request{Type: row, Flags: flags}, func(m nl.Message) error { n = len(m.Data); return nil })
	}
	require.NoError(t, get(0))
	assert.Equal(t, len(big), n)

	// Buffers that grew are pooled, so each case has a larger answer.
	big = bytes.Repeat(big, 2)
	c, k = fake(t)
	k.Script(func(r *nltest.Call) { r.Reply(row, 0, big); r.Ack() })
	assert.ErrorIs(t, get(nl.FlagEcho), nl.ErrUnknown)

	// Of one datagram the messages before the cut are good, and another's answer is not hurt.
	big = bytes.Repeat(big, 2)
	c, k = fake(t)
	k.Script(
		func(r *nltest.Call) { r.Send(r.Message(row, nl.FlagMulti, []byte("aaaa")), r.Message(row, 0, big)) },
		func(r *nltest.Call) { rows(r, "aaaa"); r.Send(r.Message(row, 0, big)); r.Ack() },
	)
	require.NoError(t, get(0))
}

func TestDumpThatIsCut(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 100_000)
	c, k := fake(t)
	whole := func(r *nltest.Call) { r.Reply(row, nl.FlagMulti, big); r.Done() }
	k.Script(whole, whole)
	got, err := collect(t, c, nil)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Len(t, got[0], len(big))

	// Rows that were yielded cannot be taken back; who dumps again gets all.
	big = bytes.Repeat(big, 30) // buffers that grew are pooled
	c, k = fake(t)
	later := func(r *nltest.Call) { rows(r, "aaaa"); r.Reply(row, nl.FlagMulti, big); r.Done() }
	k.Script(later, later)
	_, err = collect(t, c, nil)
	assert.ErrorIs(t, err, nl.ErrTorn)
	got, err = collect(t, c, nil)
	require.NoError(t, err)
	assert.Len(t, got, 2)
}

func TestBrokenFraming(t *testing.T) {
	c, k := fake(t)
	short := []byte{9, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}
	k.Script(
		func(r *nltest.Call) { r.Send(short) },
		func(r *nltest.Call) { r.Send(r.Message(row, 0, []byte("aaaa")), []byte{1, 2, 3}) },
	)
	_, err := collect(t, c, nil)
	assert.ErrorContains(t, err, "message of 9 bytes")
	got, err := collect(t, c, nil)
	assert.Error(t, err)
	assert.Len(t, got, 1)
}

func TestOverrunOfAnswers(t *testing.T) {
	c, k := fake(t)
	k.Script(func(r *nltest.Call) { r.Overrun() })
	assert.ErrorIs(t, c.Do(t.Context(), nl.Request{Type: row}), nl.ErrUnknown)
	// A question may be asked again.
	k.Script(
		func(r *nltest.Call) { r.Overrun() },
		func(r *nltest.Call) { rows(r, "aaaa"); r.Ack() },
	)
	n := 0
	require.NoError(t, c.Get(t.Context(), nl.Request{Type: row}, func(nl.Message) error { n++; return nil }))
	assert.Equal(t, 1, n)
	k.Script(func(r *nltest.Call) { r.Send(r.Message(nltest.TypeOverrun, 0, nil)) })
	_, err := collect(t, c, nil)
	assert.ErrorIs(t, err, nl.ErrOverrun)
}

func batchOf(t *testing.T, b *nl.Batch, n int) *nl.Batch {
	t.Helper()
	for i := range n {
		require.NoError(t, b.Add(nl.Request{Type: row, Body: raw(fmt.Sprintf("%04d", i))}))
	}
	return b
}

func TestBatchChunksFitTheReceiveBuffer(t *testing.T) {
	k := nltest.NewKernel(t)
	k.Buffer = 40 * 1280
	c, err := nl.Dial(nl.Route, &nl.Options{Socket: k.Socket})
	require.NoError(t, err)
	defer c.Close()
	acks := 0
	k.Handle(func(r *nltest.Call) {
		if r.Flags&nl.FlagAck != 0 {
			acks++
		}
		r.Error(syscall.EEXIST)
	})
	var e *nl.BatchError
	require.ErrorAs(t, batchOf(t, c.NewBatch(), 1000).Do(t.Context()), &e)
	require.Len(t, e.Failed, 1000)
	for i, f := range e.Failed {
		require.Equal(t, i, f.Index)
		require.ErrorIs(t, f.Err, syscall.EEXIST)
		require.NotErrorIs(t, f.Err, nl.ErrUnknown)
	}
	assert.Equal(t, 25, acks, "one for each chunk")
}

// Reports that the kernel could not queue leave the outcome of their requests, and of no others, unknown.
func TestBatchThatLosesReports(t *testing.T) {
	c, k := fake(t)
	i := 0
	k.Handle(func(r *nltest.Call) {
		switch i++; {
		case i == 3:
			r.Error(syscall.EPERM)
		case i == 10:
			r.Overrun() // its report and all later ones of this chunk
		}
		if i > 1000 { // the second chunk
			r.Ack()
		}
	})
	var e *nl.BatchError
	require.ErrorAs(t, batchOf(t, c.NewBatch(), 1500).Do(t.Context()), &e)
	require.ErrorIs(t, e, nl.ErrUnknown)
	chunk := e.Failed[len(e.Failed)-1].Index + 1
	assert.Len(t, e.Failed, chunk)
	assert.Less(t, chunk, 1500)
	for _, f := range e.Failed {
		if f.Index == 2 {
			assert.ErrorIs(t, f.Err, syscall.EPERM)
			continue
		}
		assert.ErrorIs(t, f.Err, nl.ErrUnknown)
	}
}

func TestBatchWithoutAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := fake(t)
		k.Script(func(r *nltest.Call) { r.Error(syscall.EPERM) }, func(*nltest.Call) {})
		var e *nl.BatchError
		require.ErrorAs(t, batchOf(t, c.NewBatch(), 2).Do(t.Context()), &e)
		require.Len(t, e.Failed, 2)
		assert.ErrorIs(t, e.Failed[0].Err, syscall.EPERM)
		assert.ErrorIs(t, e.Failed[1].Err, nl.ErrUnknown)
	})
}

func TestTransaction(t *testing.T) {
	c, k := fake(t)
	sent := 0
	k.Handle(func(r *nltest.Call) {
		assert.Zero(t, r.Flags&nl.FlagAck)
		switch sent++; sent {
		case 100:
			r.Error(syscall.EEXIST)
		case 200:
			r.Reply(row, 0, []byte("echo"))
		}
	})
	b := c.NewTransaction()
	var echo []int
	b.Echo = func(i int, m nl.Message) { echo = append(echo, i) }
	var e *nl.BatchError
	require.ErrorAs(t, batchOf(t, b, 5000).Do(t.Context()), &e)
	assert.Equal(t, 5000, sent)
	require.Len(t, e.Failed, 1)
	assert.Equal(t, 99, e.Failed[0].Index)
	assert.Equal(t, []int{199}, echo)
	sent = 1000
	assert.NoError(t, batchOf(t, b, 3).Do(t.Context()))
}

func TestBatchRefusesWhatHasNoWireForm(t *testing.T) {
	c, k := fake(t)
	b := c.NewBatch()
	tooLong := link{name: string(make([]byte, 70000))}
	var e *attr.TooLongError
	assert.ErrorAs(t, b.Add(nl.Request{Type: rtmNewLink, Body: tooLong}), &e)
	assert.Zero(t, b.Len())
	assert.ErrorAs(t, c.Do(t.Context(), nl.Request{Type: rtmNewLink, Body: tooLong}), &e)
	for _, err := range c.Dump(t.Context(), nl.Request{Type: rtmNewLink, Body: tooLong}) {
		assert.ErrorAs(t, err, &e)
	}
	k.Script(func(r *nltest.Call) { r.Ack() })
	batchOf(t, b, 1)
	assert.NoError(t, b.Do(t.Context()))
}

func u32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

func TestExtendedAck(t *testing.T) {
	c, k := fake(t)
	body := route{dst: prefix(1), hops: []hop{{dev: 1}, {via: prefix(2).Addr(), dev: 2}}}
	// Offsets count from nlmsghdr: 16 + 12 header, 8 RTA_DST, 4 RTA_MULTIPATH, 8 hop, 8 hop.
	policy := attr.AppendU32(nil, 1, 4)
	policy = attr.AppendU64(policy, 4, 1)
	policy = attr.AppendU64(policy, 5, 100)
	k.Script(func(r *nltest.Call) {
		r.Error(syscall.EINVAL,
			attr.Raw{Type: 1, Data: []byte("bad gateway\x00")},
			attr.Raw{Type: 2, Data: u32(56)},
			attr.Raw{Type: 4 | attr.FlagNested, Data: policy},
			attr.Raw{Type: 5, Data: u32(4)},
			attr.Raw{Type: 6, Data: u32(48)})
	})
	var e *nl.Error
	require.ErrorAs(t, c.Do(t.Context(), nl.Request{Type: rtmNewRoute, Body: body}), &e)
	assert.Equal(t, nl.Error{
		Op: "RTM_NEWROUTE", Errno: syscall.EINVAL, Msg: "bad gateway", Offset: 56, Policy: "u32 1..100",
		Attr: "RTA_MULTIPATH[1].RTA_GATEWAY", Miss: "RTA_MULTIPATH[1].RTA_OIF",
	}, *e)
	assert.Equal(t, "RTM_NEWROUTE: RTA_MULTIPATH[1].RTA_GATEWAY: bad gateway: invalid argument: "+
		"RTA_MULTIPATH[1].RTA_OIF is missing (u32 1..100)", e.Error())

	// The same in a batch, where the request is found by its sequence number.
	b := c.NewBatch()
	require.NoError(t, b.Add(nl.Request{Type: rtmNewRoute, Body: route{dst: prefix(0)}}))
	require.NoError(t, b.Add(nl.Request{Type: rtmNewRoute, Body: body}))
	k.Script(func(*nltest.Call) {}, func(r *nltest.Call) { r.Error(syscall.EINVAL, attr.Raw{Type: 2, Data: u32(56)}) })
	require.ErrorAs(t, b.Do(t.Context()), &e)
	assert.Equal(t, "RTA_MULTIPATH[1].RTA_GATEWAY", e.Attr)
}

func TestSubscriptionSends(t *testing.T) {
	c, k := fake(t)
	s, err := c.Subscribe(t.Context(), 5)
	require.NoError(t, err)
	defer s.Close()
	k.Script(func(r *nltest.Call) { r.Ack() }, func(r *nltest.Call) { r.Error(syscall.EPERM) })
	require.NoError(t, s.Send(nl.Request{Type: row, Flags: nl.FlagAck}))
	require.NoError(t, s.Send(nl.Request{Type: row}))
	k.Multicast(5, row, []byte("news"))
	var got []any
	for m, err := range s.Receive(t.Context()) {
		require.NoError(t, err)
		if ack, err := nl.AckError(m); ack {
			got = append(got, errors.Is(err, syscall.EPERM))
			continue
		}
		got = append(got, string(m.Data))
		break
	}
	assert.Equal(t, []any{false, true, "news"}, got)
}

// Stale events that waited behind an overrun must not undo what the new dump says, and the waits between
// dumps grow.
func TestWatchAfterOverruns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := fake(t)
		k.Handle(func(r *nltest.Call) { rows(r, "now!"); r.Done() })
		src := nl.Source[string]{
			Groups: []uint32{5},
			Dump: func(ctx context.Context) iter.Seq2[*string, error] {
				return func(yield func(*string, error) bool) {
					for m, err := range c.Dump(ctx, nl.Request{Type: row}) {
						s := string(m.Data)
						if !yield(&s, err) {
							return
						}
					}
				}
			},
			Event: func(m nl.Message) (nl.What, *string, error) {
				s := string(m.Data)
				return nl.Added, &s, nil
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var waits []time.Duration
		var values []string
		var lost time.Time
		for e, err := range nl.Watch(ctx, c, src) {
			require.NoError(t, err)
			switch e.What {
			case nl.Lost:
				lost = time.Now()
			case nl.SyncBegin:
				if !lost.IsZero() {
					waits = append(waits, time.Since(lost))
				}
			case nl.SyncEnd:
				if len(waits) == 10 {
					cancel()
					break
				}
				k.Multicast(5, row, []byte("old!"))
				k.Overrun(5)
			case nl.Added:
				values = append(values, *e.Value)
			}
		}
		assert.Equal(t, 100*time.Millisecond, waits[0])
		assert.Equal(t, 200*time.Millisecond, waits[1])
		assert.Equal(t, 10*time.Second, waits[9])
		for _, v := range values {
			assert.Equal(t, "now!", v)
		}
		assert.Len(t, values, 11)
	})
}

// A table that never comes to rest is read again and again, but not without a breath.
func TestWatchOfTornTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := fake(t)
		dumps := 0
		k.Handle(func(r *nltest.Call) {
			flags := uint16(nl.FlagDumpIntr)
			if dumps++; dumps == 13 {
				flags = 0
			}
			r.Send(r.End(flags, 0))
		})
		src := nl.Source[int]{Dump: func(ctx context.Context) iter.Seq2[*int, error] {
			return func(yield func(*int, error) bool) {
				for _, err := range c.Dump(ctx, nl.Request{Type: row}) {
					if !yield(nil, err) {
						return
					}
				}
			}
		}}
		begun := time.Now()
		begins := 0
		for e, err := range nl.Watch(t.Context(), c, src) {
			require.NoError(t, err)
			if e.What == nl.SyncBegin {
				begins++
			}
			if e.What == nl.SyncEnd {
				break
			}
		}
		assert.Equal(t, 13, dumps)
		assert.Equal(t, 3, begins)
		assert.Greater(t, time.Since(begun), 200*time.Millisecond)
	})
}

func FuzzFraming(f *testing.F) {
	f.Add([]byte{}, true)
	f.Add(nltest.AppendMessage(nil, row, nl.FlagMulti, 1, 0, []byte("aaaa")), true)
	f.Add(nltest.AppendMessage(nil, nltest.TypeError, 0x300, 1, 0, make([]byte, 60)), false)
	f.Add(nltest.AppendMessage(nil, nltest.TypeDone, 0x202, 1, 0, []byte{1, 2, 3}), true)
	f.Fuzz(func(t *testing.T, answer []byte, known bool) {
		k := nltest.NewKernel(t)
		c, err := nl.Dial(nl.Route, &nl.Options{Socket: k.Socket})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		k.Handle(func(r *nltest.Call) {
			b := bytes.Clone(answer)
			if known && len(b) >= 16 { // so that it is taken for an answer
				binary.NativeEndian.PutUint32(b[8:], r.Seq)
				binary.NativeEndian.PutUint32(b[12:], r.Port)
			}
			r.Send(b)
			r.Done()
		})
		for m, err := range c.Dump(t.Context(), nl.Request{Type: rtmNewRoute, Body: route{dst: prefix(1), dev: 1}}) {
			if err != nil {
				_ = err.Error()
			} else if len(m.Data) > len(answer) {
				t.Fatal("more than came")
			}
		}
		if err := c.Get(t.Context(), nl.Request{Type: rtmNewRoute, Body: route{dst: prefix(1), dev: 1}}, func(nl.Message) error { return nil }); err != nil {
			_ = err.Error()
		}
		b := c.NewBatch()
		b.Echo = func(int, nl.Message) {}
		b.Add(nl.Request{Type: rtmNewRoute, Body: route{dst: prefix(1), dev: 1}})
		k.Handle(func(r *nltest.Call) {
			b := bytes.Clone(answer)
			if known && len(b) >= 16 {
				binary.NativeEndian.PutUint32(b[8:], r.Seq)
				binary.NativeEndian.PutUint32(b[12:], r.Port)
			}
			r.Send(b)
			r.Ack()
		})
		if err := b.Do(t.Context()); err != nil {
			_ = err.Error()
		}
	})
}

// A small table that is stale often is read again soon each time, and events are told meanwhile.
func TestWatchStaleOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := fake(t)
		k.Handle(func(r *nltest.Call) { rows(r, "now!"); r.Done() })
		src := nl.Source[string]{
			Groups: []uint32{5},
			Dump: func(ctx context.Context) iter.Seq2[*string, error] {
				return func(yield func(*string, error) bool) {
					for m, err := range c.Dump(ctx, nl.Request{Type: row}) {
						s := string(m.Data)
						if !yield(&s, err) {
							return
						}
					}
				}
			},
			Event: func(m nl.Message) (nl.What, *string, error) {
				s := string(m.Data)
				if s == "flap" {
					return nl.Stale, nil, nil
				}
				return nl.Added, &s, nil
			},
		}
		var syncs []time.Time
		events := 0
		for e, err := range nl.Watch(t.Context(), c, src) {
			require.NoError(t, err)
			switch {
			case e.What == nl.Added && *e.Value == "news":
				events++
				assert.Equal(t, syncs[len(syncs)-1], time.Now(), "told at once, not after the rest")
			case e.What == nl.SyncEnd:
				syncs = append(syncs, time.Now())
				k.Multicast(5, row, []byte("flap"))
				k.Multicast(5, row, []byte("flap"))
				k.Multicast(5, row, []byte("news"))
			}
			if len(syncs) == 20 {
				break
			}
		}
		assert.Equal(t, 19, events)
		assert.Equal(t, 19*50*time.Millisecond, syncs[19].Sub(syncs[0]))
	})
}
