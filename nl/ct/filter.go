package ct

// A Filter selects entries. A nil Filter, like the zero one, selects all.
type Filter struct {
	Family uint8 // AF_INET, AF_INET6

	// Orig and Reply select by what is not zero or is marked in Has.
	Orig, Reply Tuple

	Zone    uint16 // looked at if HasZone
	HasZone bool

	// An entry is selected if its status, masked, is Status. A StatusMask of 0
	// stands for Status.
	Status, StatusMask Status

	// The same for its mark. A MarkMask of 0 stands for all bits if Mark is not
	// 0, else for no bit.
	Mark, MarkMask uint32
}

// kernel is what a kernel may be asked for: a part of the filter, as one
// request for each family that has to be asked on its own.
func (f *Filter) kernel() []*Entry {
	if f == nil {
		return []*Entry{{}}
	}
	orig, reply := f.kernelParts(&f.Orig), f.kernelParts(&f.Reply)
	fam := f.family()
	if fam != 0 || orig|reply == 0 {
		return []*Entry{f.request(fam, orig, reply)}
	}
	// The kernel compares tuples of one family only.
	return []*Entry{f.request(afInet, orig, reply), f.request(afInet6, orig, reply)}
}

// family is the only one that entries selected may have, or 0.
func (f *Filter) family() uint8 {
	for _, fam := range [...]uint8{f.Family, f.Orig.Family(), f.Reply.Family()} {
		if fam != 0 {
			return fam
		}
	}
	return 0
}

// kernelParts are those parts of a tuple that every kernel with CTA_FILTER
// compares rightly: not IPv6 addresses, not ports of an unnamed protocol, not
// the zone of a direction.
func (f *Filter) kernelParts(t *Tuple) uint32 {
	parts := t.parts() &^ CTA_FILTER_F_CTA_TUPLE_ZONE
	if f.family() == afInet6 {
		parts &^= CTA_FILTER_F_CTA_IP_SRC | CTA_FILTER_F_CTA_IP_DST
	}
	if parts&CTA_FILTER_F_CTA_PROTO_NUM == 0 {
		parts &= CTA_FILTER_F_CTA_IP_SRC | CTA_FILTER_F_CTA_IP_DST
	}
	return parts
}

func (f *Filter) request(family uint8, orig, reply uint32) *Entry {
	var e Entry
	e.Header.Family = family
	if f.HasZone && f.Zone != 0 {
		e.Zone = f.Zone
	}
	if status, mask := f.status(); mask != 0 {
		e.Status, e.StatusMask = status, mask
		e.Has |= EntryStatus
	}
	if mark, mask := f.mark(); mask != 0 {
		e.Mark, e.MarkMask = mark, mask
		e.Has |= EntryMark
	}
	if orig != 0 {
		e.Orig = f.Orig
	}
	if reply != 0 {
		e.Reply = f.Reply
	}
	if orig|reply != 0 {
		e.Filter = Flags{Orig: orig, Reply: reply}
	}
	return &e
}

func (f *Filter) status() (Status, Status) {
	if f.StatusMask == 0 {
		return f.Status, f.Status
	}
	return f.Status, f.StatusMask
}

func (f *Filter) mark() (uint32, uint32) {
	if f.MarkMask == 0 && f.Mark != 0 {
		return f.Mark, ^uint32(0)
	}
	return f.Mark, f.MarkMask
}

// A matcher is a Filter made ready to look at many entries.
type matcher struct {
	f             *Filter
	family        uint8
	orig, reply   uint32
	status, smask Status
	mark, mmask   uint32
}

func (f *Filter) matcher() matcher {
	if f == nil {
		return matcher{}
	}
	m := matcher{f: f, family: f.family(), orig: f.Orig.parts(), reply: f.Reply.parts()}
	m.status, m.smask = f.status()
	m.mark, m.mmask = f.mark()
	return m
}

func (m *matcher) match(e *Entry) bool {
	f := m.f
	switch {
	case f == nil:
		return true
	case m.family != 0 && e.Header.Family != m.family:
		return false
	case e.Status&m.smask != m.status:
		return false
	case e.Mark&m.mmask != m.mark:
		return false
	case f.HasZone && e.Zone != f.Zone:
		return false
	case m.orig != 0 && !f.Orig.equal(&e.Orig, m.orig):
		return false
	case m.reply != 0 && !f.Reply.equal(&e.Reply, m.reply):
		return false
	}
	return true
}

// Match tells whether the filter selects the entry.
func (f *Filter) Match(e *Entry) bool {
	m := f.matcher()
	return m.match(e)
}
