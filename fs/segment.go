package fs

import (
	"cmp"
	"errors"
	"hash/maphash"
	"iter"
	"slices"
	"time"
)

// A segment is something to be delivered before the queue.
type segment interface {
	// next appends one line, or nothing at the end.
	next(l *listener, b []byte) ([]byte, error)
	close()
}

// A mark is one comment line.
type mark struct{ entry }

func (m *mark) next(l *listener, b []byte) ([]byte, error) {
	if m.op == "" {
		return b, nil
	}
	b = m.entry.append(b, l.json)
	m.op = ""
	return b, nil
}

func (m *mark) close() {}

// entries are events that were kept.
type entries []*entry

func (s *entries) next(l *listener, b []byte) ([]byte, error) {
	if len(*s) == 0 {
		return b, nil
	}
	b = (*s)[0].append(b, l.json)
	*s = (*s)[1:]
	return b, nil
}

func (s *entries) close() {}

// A dumping is a table as it is now, read as fast as the reader takes it. What
// changes meanwhile is in the queue, and follows.
type dumping struct {
	sub  *sub
	seq  uint64
	at   time.Time
	pull func() (any, error, bool)
	stop func()
	torn int
	buf  []byte
}

// maxTorn is how often a dump that was torn is begun again.
const maxTorn = 5

func (s *sub) dump() segment { return &dumping{sub: s} }

func (d *dumping) next(l *listener, b []byte) ([]byte, error) {
	if d.pull == nil {
		d.begin(l)
	}
	for {
		row, err, ok := d.pull()
		switch {
		case errors.Is(err, ErrTorn) && d.torn < maxTorn:
			d.torn++
			d.close()
			d.begin(l)
		case err != nil:
			return b, err
		case !ok:
			d.sub.overlap.until = time.Now().Add(overlapTime)
			return b, nil
		case d.sub.mine == nil || d.sub.mine(row):
			return d.show(l, b, row), nil
		}
	}
}

func (d *dumping) show(l *listener, b []byte, row any) []byte {
	f := d.sub.feed
	e := entry{seq: d.seq, at: d.at, kind: f.kind, what: Replaced, op: makesSo(f.src.multi())}
	e.body = f.src.appendText(nil, row)
	if l.json {
		e.obj = f.src.appendJSON(nil, row)
	}
	d.buf = f.src.appendID(d.buf[:0], row)
	d.sub.overlap.add(maphash.Bytes(f.seed, d.buf))
	if f.src.multi() { // an event of a twin has this for its id
		d.buf = f.src.appendStored(d.buf[:0], row)
		d.sub.overlap.add(maphash.Bytes(f.seed, d.buf))
	}
	return e.append(b, l.json)
}

func (d *dumping) begin(l *listener) {
	d.seq, d.at = l.seq(), time.Now()
	d.sub.overlap = overlap{until: d.at.Add(time.Hour), multi: d.sub.feed.src.multi()}
	d.pull, d.stop = iter.Pull2(func(yield func(any, error) bool) {
		more := true
		err := d.sub.feed.src.rows(l.life, func(row any) bool {
			more = yield(row, nil)
			return more
		})
		if err != nil && more {
			yield(nil, err)
		}
	})
}

func (d *dumping) close() {
	if d.stop != nil {
		d.stop()
	}
}

// overlapTime is how long after a dump an event may still be older than it: the
// kernel's queue of events is not empty, nor is ours.
const overlapTime = 2 * time.Second

// An overlap makes the events that came while a table was dumped, and shortly
// after, fit what the dump has shown: what it had already is not added again,
// and a deletion of what it had no more cannot fail. It is used by reads only.
type overlap struct {
	until time.Time // zero: there is none
	shown map[uint64]struct{}
	soft  bool // there was too much to be remembered
	multi bool // records may share an identity
}

func (o *overlap) add(id uint64) {
	if o.shown == nil {
		o.shown = make(map[uint64]struct{})
	}
	if len(o.shown) > knownBytes/16 {
		o.shown, o.soft = nil, true
	}
	if !o.soft {
		o.shown[id] = struct{}{}
	}
}

// fit returns e as the reader has to hear it. Events come in order.
func (o *overlap) fit(e *entry) *entry {
	if o.until.IsZero() || e.what > Deleted || e.what == 0 {
		return e
	}
	if e.at.After(o.until) {
		*o = overlap{}
		return e
	}
	_, has := o.shown[e.id]
	if e.what != Deleted {
		o.add(e.id)
		switch {
		case !has && !o.soft:
		case e.what == Appended:
			return e.makingSo(o.multi)
		default:
			return e.as(Replaced)
		}
		return e
	}
	delete(o.shown, e.id)
	if has {
		return e
	}
	return e.gone()
}

func (s *sub) mark(what Happening, how string) segment {
	return &mark{entry{op: "resync", what: what, kind: s.feed.kind, body: []byte(how), at: time.Now()}}
}

// again is the whole table: what the reader knew and does not find there is gone.
func (s *sub) again() []segment {
	return []segment{s.mark(SyncBegin, "whole"), s.dump(), s.mark(SyncEnd, "")}
}

// settle returns what is owed, in the order in which it happened.
func (s *sub) settle() segment {
	var list entries
	for _, d := range s.owed {
		e := d.last
		if d.n > 1 && e.what != Deleted {
			e = e.as(Replaced)
		}
		if d.first == Added && e.what == Deleted { // it came and went
			if s.overlap.until.IsZero() || d.at.After(s.overlap.until) {
				continue
			}
			e = e.gone() // the last dump may have shown it
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
	for i, e := range list {
		list[i] = s.overlap.fit(e)
	}
	return &list
}

// resume returns what the ring has after event n. If it does not reach so far,
// the reader may have missed anything and gets the whole table. What came after the listener was added is in its queue.
func (s *sub) resume(n uint64) []segment {
	f := s.feed
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	if n > 0 && n < f.ring.start || n > f.hub.seq {
		lost := &mark{entry{op: "overrun", what: Lost, kind: f.kind, at: time.Now()}}
		return append([]segment{lost}, s.again()...)
	}
	var list entries
	for _, e := range f.ring.list {
		if e.seq > n && e.seq <= s.from && s.wantsText(e) {
			list = append(list, e)
		}
	}
	return []segment{&list}
}

// wantsText is wants for an event of which only the text is left.
func (s *sub) wantsText(e *entry) bool {
	if s.mine == nil || len(e.body) == 0 || e.what >= SyncBegin && e.what != Notice {
		return true
	}
	row := s.feed.src.parse(e.body)
	return row == nil || s.mine(row)
}

// merge sorts what came from several rings.
func (l *listener) merge() {
	var all entries
	var rest []segment
	for _, s := range l.todo {
		if list, ok := s.(*entries); ok {
			all = append(all, *list...)
		} else {
			rest = append(rest, s)
		}
	}
	slices.SortStableFunc(all, func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
	l.todo = rest
	if len(all) > 0 {
		l.todo = append(l.todo, &all)
	}
}
