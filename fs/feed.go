package fs

import (
	"bytes"
	"context"
	"hash/maphash"
	"sync"
	"time"
)

const (
	ringLines = 64 << 10 // events kept for .since, and queued for one reader
	ringBytes = 16 << 20
	lingering = 30 * time.Second // that a ring outlives a reader who used it

	// knownBytes bounds what a feed remembers of its table, and what a reader
	// who fell behind is owed at most.
	knownBytes = 64 << 20
	entryCost  = 96 // bytes of an entry beside its texts
)

// A hub numbers the events of feeds that are read together, so that the lines
// of all have one order. Its mutex guards them all; it is never held over a
// call into a page or a wait.
type hub struct {
	mu  sync.Mutex
	seq uint64
}

// A feedSlot is the place in a table where its one feed stands.
type feedSlot struct {
	mu  sync.Mutex
	hub *hub
	f   *feed
}

// get returns the feed, making it when it is asked for first.
func (s *feedSlot) get(src source) *feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		if s.hub == nil {
			s.hub = new(hub)
		}
		s.f = &feed{src: src, kind: src.kind(), hub: s.hub, seed: maphash.MakeSeed()}
	}
	return s.f
}

// join returns the hub of the slot, which becomes h if there was none.
func (s *feedSlot) join(h *hub) *hub {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hub == nil {
		s.hub = h
	}
	return s.hub
}

// A source is a table as its feed sees it: rows without their type.
type source interface {
	kind() string
	// multi: records may share an identity, so that "replace" would take one for the other.
	multi() bool
	// watch calls happen for each event until ctx ends or happen returns false.
	watch(ctx context.Context, happen func(e happening) bool) error
	// rows yields the present records.
	rows(ctx context.Context, yield func(row any) bool) error
	appendText(b []byte, row any) []byte
	appendStored(b []byte, row any) []byte // what a deletion has to name
	appendID(b []byte, row any) []byte
	appendJSON(b []byte, row any) []byte
	// parse reads a record back from its text; nil if that cannot be done.
	parse(text []byte) any
}

// A happening is an Event without its type.
type happening struct {
	what Happening
	row  any
	verb string
	lost int
}

// A feed is the events of one table, for all who read them. The subscription
// lives while there are subs (or a ring somebody is expected back for).
type feed struct {
	src  source
	kind string
	hub  *hub
	seed maphash.Seed

	// guarded by hub.mu
	subs   map[*sub]struct{}
	run    *watching
	linger *time.Timer
	json   bool // some reader has wanted JSON since the subscription began
	ring   ring
}

// watching is one subscription: a goroutine which ends when cancel is called
// or the kernel ends it, and closes done.
type watching struct {
	feed   *feed
	cancel context.CancelFunc
	joined chan struct{} // closed when no event can be missed any more
	done   chan struct{}
	err    error // why it ended; set before done is closed

	// owned by the goroutine
	once  sync.Once
	state known // what readers know
	fresh known // the table as the dump in progress tells it
	phase phase
	text  []byte // of the record at hand: all of it
	buf   []byte // what restores it
}

type phase uint8

const (
	following phase = iota
	starting        // the first dump: it is known to nobody, and shown to nobody
	comparing       // a dump after a loss: its differences are shown, between marks
	rereading       // a dump of the table's own accord: its differences are shown
	refilling       // a dump after a loss for which there is nothing to compare with
)

// attach adds s, and starts the subscription if it is the first.
func (f *feed) attach(s *sub) *watching {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	if f.subs == nil {
		f.subs = make(map[*sub]struct{})
	}
	f.subs[s] = struct{}{}
	if f.linger != nil {
		f.linger.Stop()
		f.linger = nil
	}
	if f.run == nil {
		f.start()
	}
	s.from = f.hub.seq
	if s.l.json && !f.json {
		f.json = true
		f.ring.reset(f.hub.seq) // it has no JSON
	}
	return f.run
}

// start makes a subscription. What happened since the last one nobody knows:
// the number that is skipped makes an older .since notice.
func (f *feed) start() {
	ctx, cancel := context.WithCancel(context.Background())
	f.run = &watching{feed: f, cancel: cancel, joined: make(chan struct{}), done: make(chan struct{}), phase: starting}
	f.hub.seq++
	f.json = false
	f.ring.reset(f.hub.seq)
	go f.run.loop(ctx)
}

// detach removes s. The subscription ends with its last reader, and has ended
// when detach returns; after a reader who resumes by number it stays for a while.
func (f *feed) detach(s *sub) {
	f.hub.mu.Lock()
	delete(f.subs, s)
	run := f.run
	if len(f.subs) > 0 || run == nil {
		run = nil
	} else if s.l.resumes {
		f.linger = time.AfterFunc(lingering, f.expire)
		run = nil
	} else {
		f.run = nil
		f.ring.reset(f.hub.seq)
	}
	f.hub.mu.Unlock()
	run.stop()
}

// expire ends a subscription whose reader has not come back.
func (f *feed) expire() {
	f.hub.mu.Lock()
	run := f.run
	if len(f.subs) > 0 {
		run = nil
	} else {
		f.run = nil
		f.ring.reset(f.hub.seq)
	}
	f.hub.mu.Unlock()
	run.stop()
}

func (w *watching) stop() {
	if w == nil {
		return
	}
	w.cancel()
	<-w.done
}

// wait returns when the subscription is joined, has failed, or ctx has ended.
func (w *watching) wait(ctx context.Context) error {
	select {
	case <-w.joined:
		return nil
	default:
	}
	select {
	case <-w.joined:
		return nil
	case <-w.done:
		if w.err == nil {
			return &Error{Text: w.feed.kind + ": no events"}
		}
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *watching) loop(ctx context.Context) {
	defer close(w.done)
	defer w.cancel()
	err := w.feed.src.watch(ctx, w.happen)
	f := w.feed
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	w.err = err
	if f.run != w {
		return // stopped: nobody is left to be told
	}
	f.run = nil
	f.ring.reset(f.hub.seq)
	for s := range f.subs {
		s.l.ended(s, err)
	}
	clear(f.subs)
}

// happen takes one event. It returns false when nobody wants more.
func (w *watching) happen(h happening) bool {
	switch h.what {
	case SyncBegin:
		w.begin()
	case SyncEnd:
		return w.end()
	case Lost:
		w.lose(h.lost)
	case Notice:
		if w.text = w.text[:0]; h.row != nil {
			w.text = w.feed.src.appendText(w.text, h.row)
		}
		return w.tell(h, h.verb, 0)
	default:
		return w.change(h)
	}
	return true
}

func (w *watching) begin() {
	w.fresh = known{}
	switch {
	case w.phase == comparing:
		w.mark(&entry{what: SyncBegin, op: "resync"})
	case w.phase == following && w.state.full:
		w.phase = refilling
	case w.phase == following:
		w.phase = rereading
	}
	w.once.Do(func() { close(w.joined) })
}

// lose says that the kernel dropped events; a dump follows.
func (w *watching) lose(n int) {
	switch {
	case w.phase == comparing, w.phase == rereading:
		w.phase = comparing
		for key, r := range w.fresh.rows { // what was shown of the differences
			w.state.keep(key, r)
		}
	case w.phase == following && !w.state.full:
		w.phase = comparing
	default:
		w.phase = refilling
	}
	w.mark(&entry{what: Lost, op: "overrun", lost: n})
}

// end takes the dump that has ended as what is known.
func (w *watching) end() bool {
	switch w.phase {
	case comparing, rereading:
		w.bury()
		if w.phase == comparing {
			w.mark(&entry{what: SyncEnd, op: "resync"})
		}
		if w.fresh.full {
			w.refill() // it was more than can be compared
		}
	case refilling:
		w.refill()
	}
	w.state, w.fresh, w.phase = w.fresh, known{}, following
	return true
}

// bury shows the deletion of all that the dump did not bring again.
func (w *watching) bury() {
	if w.fresh.full {
		return
	}
	for key, old := range w.state.rows {
		replaced := key != old.stored && w.fresh.rows[key] != nil
		if replaced || w.fresh.find(key, old.stored) != nil {
			continue
		}
		text := []byte(old.text)
		w.publish(&entry{what: Deleted, op: "del", id: key, body: text}, w.feed.src.parse(text))
	}
}

// refill makes each reader read the table again, at its own pace.
func (w *watching) refill() {
	f := w.feed
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	f.ring.reset(f.hub.seq)
	for s := range f.subs {
		s.l.refill(s)
	}
}

// change takes a record that came or went, in a dump or as an event.
func (w *watching) change(h happening) bool {
	row := w.row(h.row)
	if w.phase == following {
		return w.follow(h, row)
	}
	twin := w.fresh.rows[row.id] != nil
	row.id = w.fresh.put(row, twin)
	if w.phase != comparing && w.phase != rereading || w.fresh.full {
		return true
	}
	switch old := w.state.find(row.id, row.stored); {
	case old != nil && old.whole == row.whole:
		return true
	case old != nil, w.state.rows[row.id] != nil:
		h.what = Replaced
	case twin:
		h.what = Appended
	default:
		h.what = Added
	}
	return w.tell(h, verbs[h.what], row.id)
}

// follow shows an event as it is true of what readers know. It may be older than
// the dump before it, and tell what that has shown; and some kernels call whatever
// they made a replacement.
func (w *watching) follow(h happening, row row) bool {
	first, multi := w.state.rows[row.id], w.feed.src.multi()
	same := w.state.find(row.id, row.stored)
	twin := h.what == Appended
	verb := verbs[h.what]
	switch {
	case w.state.full:
	case h.what == Deleted:
		if first == nil && same == nil {
			verb = "destroy"
		}
	case same != nil && h.what != Replaced, first != nil && h.what == Added && !multi:
		h.what, verb, twin = Replaced, makesSo(multi), same != first && same != nil
	case first != nil && h.what == Added:
		h.what, verb, twin = Appended, verbs[Appended], true
	case first == nil && h.what == Replaced:
		h.what, verb = Added, verbs[Added]
	}
	if h.what == Deleted {
		return w.tell(h, verb, w.state.drop(row.id, row.stored))
	}
	return w.tell(h, verb, w.state.put(row, twin))
}

var verbs = [...]string{Added: "add", Replaced: "replace", Appended: "append", Deleted: "del"}

// row takes the hashes of a record's texts.
func (w *watching) row(v any) row {
	src, seed := w.feed.src, w.feed.seed
	w.buf = src.appendID(w.buf[:0], v)
	r := row{id: maphash.Bytes(seed, w.buf)}
	w.text = src.appendText(w.text[:0], v)
	r.whole = maphash.Bytes(seed, w.text)
	w.buf = src.appendStored(w.buf[:0], v)
	r.stored = maphash.Bytes(seed, w.buf)
	r.text = w.buf
	return r
}

// tell shows the record at hand.
func (w *watching) tell(h happening, op string, id uint64) bool {
	return w.publish(&entry{what: h.what, op: op, id: id, body: bytes.Clone(w.text)}, h.row)
}

// mark shows a comment to all.
func (w *watching) mark(e *entry) { w.publish(e, nil) }

// publish numbers e and hands it to those who want it. What has no row is a mark,
// which all want.
func (w *watching) publish(e *entry, row any) bool {
	f := w.feed
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	if f.run != w {
		return false
	}
	if f.json && row != nil {
		e.obj = f.src.appendJSON(nil, row)
	}
	f.hub.seq++
	e.seq, e.at, e.kind = f.hub.seq, time.Now(), f.kind
	f.ring.add(e)
	for s := range f.subs {
		if s.wants(row) {
			s.l.push(s, e)
		}
	}
	return true
}

// A row is one record's hashes: of its identity, of what restores it, of all
// of it; and the text that restores it, borrowed.
type row struct {
	id, stored, whole uint64
	text              []byte
}

// known is a table as its readers know it, kept so that after a loss only the
// differences are shown, and those that vanished can be named. A record costs
// its text and about 80 bytes. Past knownBytes, which is about half a million
// routes, nothing is kept, and after a loss each reader is given the whole table
// once ("begin whole"): memory stays bounded, and nobody is told less.
type known struct {
	rows map[uint64]*knownRow // by identity; further records of the same identity by what restores them
	cost int
	full bool // given up
}

type knownRow struct {
	stored, whole uint64
	text          string
}

// put keeps r, beside that of the same identity if twin, and returns its key.
func (k *known) put(r row, twin bool) uint64 {
	key := r.id
	if twin {
		key = r.stored
	}
	if !k.full {
		k.keep(key, &knownRow{r.stored, r.whole, string(r.text)})
	}
	return key
}

func (k *known) keep(key uint64, r *knownRow) {
	if k.full {
		return
	}
	if old := k.rows[key]; old != nil {
		k.cost -= len(old.text) + entryCost
	}
	if k.cost += len(r.text) + entryCost; k.cost > knownBytes {
		*k = known{full: true}
		return
	}
	if k.rows == nil {
		k.rows = make(map[uint64]*knownRow)
	}
	k.rows[key] = r
}

// drop forgets a record and returns the key that it had.
func (k *known) drop(id, stored uint64) uint64 {
	key := id
	if k.rows[stored] != nil {
		key = stored
	}
	if old := k.rows[key]; old != nil {
		k.cost -= len(old.text) + entryCost
		delete(k.rows, key)
	}
	return key
}

// find returns the record that is restored by the same text.
func (k *known) find(id, stored uint64) *knownRow {
	if r := k.rows[id]; r != nil && r.stored == stored {
		return r
	}
	return k.rows[stored]
}

// A ring is the last events, for those who resume by number.
type ring struct {
	list  []*entry // seq rises
	bytes int
	start uint64 // it has everything after this number
}

func (r *ring) reset(seq uint64) { *r = ring{start: seq} }

func (r *ring) add(e *entry) {
	r.list = append(r.list, e)
	r.bytes += e.cost()
	for len(r.list) > ringLines || r.bytes > ringBytes {
		old := r.list[0]
		r.list[0] = nil
		r.list = r.list[1:]
		r.bytes -= old.cost()
		r.start = old.seq
	}
}
