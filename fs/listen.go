package fs

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// A listener is one open stream file. Its queue is filled by the feeds, which
// never wait for it: past ringLines or ringBytes the queue is given up, and
// what happens then is only kept as the last event of each record. The reader is
// told so, and given those, as soon as it reads again.
type listener struct {
	listenOptions
	subs []*sub

	life context.Context // ends with Close
	end  context.CancelFunc
	sem  chan struct{} // held by the one read that is under way; guards todo, rest, fed
	todo []segment     // to be delivered before the queue
	rest []byte        // of a line that was longer than a read
	fed  bool          // something has been delivered

	mu     sync.Mutex // guards the rest
	queue  []*entry
	bytes  int
	behind bool          // the queue was given up
	ready  chan struct{} // closed while isUp
	isUp   bool          // a read would not block
	left   int           // subs whose feed has not ended
	err    error         // of the last one that ended
}

// A sub is a listener's part in one feed.
type sub struct {
	l     *listener
	feed  *feed
	match func(row any) bool // for feed, which calls it with hub.mu held; nil takes all
	mine  func(row any) bool // the same for the reads
	from  uint64             // the last event before it was added

	overlap overlap // of the last dump with the events in the queue; for the reads

	// guarded by l.mu, used while the listener is behind
	lost  int
	owed  map[uint64]*debt
	bytes int
	whole bool // too much is owed: the table has to be read again
}

// A debt is what a reader has to be told of one record in the end.
type debt struct {
	first Happening
	at    time.Time // when that was
	n     int
	last  *entry
}

func newListener(o listenOptions) *listener {
	l := &listener{listenOptions: o, sem: make(chan struct{}, 1), ready: make(chan struct{})}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// add makes the part of l in the feed of k.
func (l *listener) add(k kind, filters []wordFilter) error {
	s := &sub{l: l, feed: k.eventFeed().get(k.source())}
	var err error
	if s.match, err = k.rowFilter(filters); err != nil {
		return err
	}
	if s.mine, err = k.rowFilter(filters); err != nil {
		return err
	}
	l.subs = append(l.subs, s)
	l.left++
	return nil
}

// join subscribes to all feeds and waits until they have begun.
func (l *listener) join(ctx context.Context) error {
	runs := make([]*watching, len(l.subs))
	for i, s := range l.subs {
		runs[i] = s.feed.attach(s)
	}
	var failed error
	for _, run := range runs {
		err := run.wait(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failed = cmp.Or(failed, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left > 0 {
		return nil
	}
	return failed
}

// begin puts what .snapshot and .since ask for before the queue.
func (l *listener) begin() {
	for _, s := range l.subs {
		switch {
		case l.snapshot:
			l.todo = append(l.todo, s.dump())
		case l.resumes:
			l.todo = append(l.todo, s.resume(l.since)...)
		}
	}
	if l.snapshot {
		l.todo = append(l.todo, &mark{entry{op: "sync", seq: l.seq(), at: time.Now()}})
	}
	if l.resumes {
		l.merge()
	}
	if len(l.todo) > 0 {
		l.mu.Lock()
		l.wake()
		l.mu.Unlock()
	}
}

// seq is the number of the last event.
func (l *listener) seq() uint64 {
	var n uint64
	for _, s := range l.subs {
		s.feed.hub.mu.Lock()
		n = max(n, s.feed.hub.seq)
		s.feed.hub.mu.Unlock()
	}
	return n
}

// wants reports whether an event is for this reader. It is called with hub.mu held.
func (s *sub) wants(row any) bool { return row == nil || s.match == nil || s.match(row) }

// push queues e. It never blocks.
func (l *listener) push(s *sub, e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.behind {
		s.owe(e)
		return
	}
	l.queue = append(l.queue, e)
	l.bytes += e.cost()
	l.wake()
	if len(l.queue) > ringLines || l.bytes > ringBytes {
		l.giveUp()
	}
}

// giveUp turns the queue into debts.
func (l *listener) giveUp() {
	l.behind = true
	for _, e := range l.queue {
		l.subOf(e).owe(e)
	}
	l.queue, l.bytes = nil, 0
}

// subOf returns the sub by which e came; there is one for each kind.
func (l *listener) subOf(e *entry) *sub {
	i := slices.IndexFunc(l.subs, func(s *sub) bool { return s.feed.kind == e.kind })
	return l.subs[i]
}

// owe keeps the last event of each record. Marks of the kernel's own losses
// have nothing to say beside the reader's own.
func (s *sub) owe(e *entry) {
	switch {
	case e.op == "refill":
		s.owed, s.bytes, s.whole = nil, 0, true
		return
	case e.what == SyncBegin, e.what == SyncEnd:
		return
	}
	s.lost += max(1, e.lost)
	if s.whole || e.what == Lost || e.what == Notice {
		return // a notice is past: only its number is left
	}
	key := e.id
	if s.owed == nil {
		s.owed = make(map[uint64]*debt)
	}
	d := s.owed[key]
	if d == nil {
		d = &debt{first: e.what, at: e.at}
		s.owed[key] = d
		s.bytes += entryCost
	} else {
		s.bytes -= d.last.cost()
	}
	d.n++
	d.last = e
	if s.bytes += e.cost(); s.bytes > knownBytes {
		s.whole, s.owed, s.bytes = true, nil, 0
	}
}

// refill makes the reader read the table of s again. It is called with hub.mu held.
func (l *listener) refill(s *sub) {
	l.push(s, &entry{op: "refill", kind: s.feed.kind, seq: s.feed.hub.seq})
}

// ended is told by the feed of s that no event will come any more.
func (l *listener) ended(s *sub, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left--
	l.err = err
	if l.left > 0 && err != nil {
		l.queue = append(l.queue, &entry{kind: s.feed.kind, op: "ended", body: []byte(err.Error()), seq: s.feed.hub.seq, at: time.Now()})
	}
	l.wake()
}

// wake is called with l.mu held.
func (l *listener) wake() {
	if !l.isUp {
		l.isUp = true
		close(l.ready)
	}
}

// sleep is called by a read when it has taken what it could.
func (l *listener) sleep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	more := len(l.queue) > 0 || l.behind || len(l.todo) > 0 || len(l.rest) > 0
	if l.isUp && !more && l.left > 0 && !(l.once && l.fed) {
		l.isUp = false
		l.ready = make(chan struct{})
	}
}

// Ready returns a channel that is closed when a read would not block.
func (l *listener) Ready() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ready
}

func (l *listener) Blocks() bool { return true }

// ReadAt waits for a line and returns whole ones; a line longer than p comes in
// pieces. The offset means nothing. 0, nil is the end.
func (l *listener) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	select {
	case l.sem <- struct{}{}:
		defer func() { <-l.sem }()
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-l.life.Done():
		return 0, errClosed
	}
	for {
		b, err := l.take(p[:0], len(p))
		if len(b) > 0 {
			l.fed = true
			n := l.give(p, b)
			l.sleep()
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		if l.over() {
			return 0, nil
		}
		l.sleep()
		select {
		case <-l.Ready():
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-l.life.Done():
			return 0, errClosed
		}
	}
}

// give puts b, which may be one line that is too long, into p.
func (l *listener) give(p, b []byte) int {
	n := copy(p, b)
	if n < len(b) {
		l.rest = append(l.rest[:0], b[n:]...)
	}
	return n
}

// over reports whether a read that found nothing is at the end: after .once, or
// when all feeds ended.
func (l *listener) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) > 0 || l.behind {
		return false
	}
	return l.once && l.fed || l.left == 0
}

// take appends whole lines to b while they fit into room; the first line is
// taken in any case.
func (l *listener) take(b []byte, room int) ([]byte, error) {
	if len(l.rest) > 0 {
		b = append(b, l.rest...)
		l.rest = l.rest[:0]
		return b, nil
	}
	for {
		for len(l.todo) > 0 {
			n := len(b)
			var err error
			b, err = l.todo[0].next(l, b)
			switch {
			case err != nil:
				l.drop()
				return b, err
			case len(b) == n:
				l.drop()
			case len(b) > room && n > 0:
				l.rest = append(l.rest[:0], b[n:]...)
				return b[:n], nil
			case len(b) >= room:
				return b, nil
			}
		}
		b = l.takeQueued(b, room)
		if len(b) > 0 || len(l.todo) == 0 {
			return b, l.failure(b)
		}
	}
}

func (l *listener) drop() {
	l.todo[0].close()
	l.todo = l.todo[1:]
}

// failure is the error of a stream that ended, once all is delivered.
func (l *listener) failure(b []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(b) > 0 || l.left > 0 || len(l.queue) > 0 {
		return nil
	}
	return l.err
}

// takeQueued takes from the queue, or turns debts into todo.
func (l *listener) takeQueued(b []byte, room int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.behind {
		l.pay()
		return b
	}
	done := 0
	for _, e := range l.queue {
		if e.op == "refill" {
			if len(b) == 0 {
				l.todo = append(l.todo, l.subOf(e).again()...)
				done++
			}
			break
		}
		n := len(b)
		// A line that does not fit any more is looked at again by the next read,
		// so it is only made to fit the last dump when it is taken.
		if b = e.append(b, l.json); len(b)+len("replace") > room && n > 0 {
			b = b[:n]
			break
		}
		if fit := l.subOf(e).overlap.fit(e); fit != e {
			b = fit.append(b[:n], l.json)
		}
		done++
		l.bytes -= e.cost()
		if len(b) >= room {
			break
		}
	}
	clear(l.queue[:done])
	if l.queue = l.queue[done:]; len(l.queue) == 0 {
		l.queue = nil
	}
	return b
}

// pay ends being behind: todo gets what is owed, the queue fills again. It is
// called with l.mu held.
func (l *listener) pay() {
	for _, s := range l.subs {
		if s.lost > 0 {
			l.todo = append(l.todo, &mark{entry{op: "overrun", what: Lost, kind: s.feed.kind, lost: s.lost, at: time.Now()}})
		}
		switch {
		case s.whole:
			l.todo = append(l.todo, s.again()...)
		case s.lost > 0:
			l.todo = append(l.todo, s.mark(SyncBegin, ""), s.settle(), s.mark(SyncEnd, ""))
		}
		s.forget()
	}
	l.behind = false
}

func (s *sub) forget() { s.lost, s.owed, s.bytes, s.whole = 0, nil, 0, false }

// Close ends blocked reads, dumps and, where this was the last reader, subscriptions.
func (l *listener) Close(ctx context.Context) error {
	l.end()
	for _, s := range l.subs {
		s.feed.detach(s)
	}
	l.sem <- struct{}{}
	for len(l.todo) > 0 {
		l.drop()
	}
	<-l.sem
	return nil
}

func (l *listener) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	return 0, errNotOpen
}
