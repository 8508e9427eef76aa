package fs

import (
	"strconv"
	"time"
)

// An entry is one event as readers keep it. It does not change once it is made.
type entry struct {
	seq       uint64
	at        time.Time
	kind      string
	what      Happening
	op        string // the verb; of a mark: "overrun", "resync", "ended"
	id        uint64 // equal for events of the same record
	body, obj []byte // the record as text and, if somebody may want it, as JSON
	lost      int
}

func (e *entry) cost() int { return len(e.body) + len(e.obj) + entryCost }

// as returns e as another happening.
func (e *entry) as(what Happening) *entry {
	if e.what == what {
		return e
	}
	c := *e
	c.what, c.op = what, verbs[what]
	return &c
}

// gone returns a deletion as a line that does not fail if there is nothing left.
func (e *entry) gone() *entry {
	c := *e
	c.op = "destroy"
	return &c
}

// makingSo returns e as a line that cannot fail for what is there already.
func (e *entry) makingSo(multi bool) *entry {
	c := *e
	c.what, c.op = Replaced, makesSo(multi)
	return &c
}

// makesSo is the verb of lines that are true of a table, whatever it holds: none
// where replace would take one record for another of its identity.
func makesSo(multi bool) string {
	if multi {
		return ""
	}
	return verbs[Replaced]
}

// append appends the event's line.
func (e *entry) append(b []byte, json bool) []byte {
	if json {
		return e.appendJSON(b)
	}
	switch e.op {
	case "overrun":
		b = append(b, "# overrun lost="...)
		if e.lost == 0 {
			b = append(b, '?')
		} else {
			b = strconv.AppendInt(b, int64(e.lost), 10)
		}
		b = append(append(b, " kind="...), e.kind...)
	case "resync":
		b = append(append(b, "# resync kind="...), e.kind...)
		b = append(append(b, ' '), e.part()...)
		if len(e.body) > 0 {
			b = append(append(b, ' '), e.body...)
		}
	case "sync":
		b = strconv.AppendUint(append(b, "# sync seq="...), e.seq, 10)
	case "ended":
		b = append(append(b, "# ended kind="...), e.kind...)
		b = append(b, " text="...)
		n := len(b)
		b = quoteTail(append(b, e.body...), n)
	default:
		b = append(b, e.kind...)
		if e.op != "" {
			b = append(append(b, ' '), e.op...)
		}
		if len(e.body) > 0 {
			b = append(append(b, ' '), e.body...)
		}
		b = strconv.AppendUint(append(b, "   # seq="...), e.seq, 10)
		b = appendTime(append(b, " t="...), e.at)
	}
	return append(b, '\n')
}

func (e *entry) part() string {
	if e.what == SyncBegin {
		return "begin"
	}
	return "end"
}

// appendJSON appends {"seq":1043,"t":1732365639.123456,"kind":"route","op":"add","obj":{...}}.
// The object of a mark says what its line says.
func (e *entry) appendJSON(b []byte) []byte {
	b = strconv.AppendUint(append(b, `{"seq":`...), e.seq, 10)
	b = appendTime(append(b, `,"t":`...), e.at)
	if e.kind != "" {
		b = strconv.AppendQuote(append(b, `,"kind":`...), e.kind)
	}
	b = strconv.AppendQuote(append(b, `,"op":`...), e.op)
	b = append(b, `,"obj":`...)
	switch e.op {
	case "overrun":
		b = strconv.AppendInt(append(b, `{"lost":`...), int64(e.lost), 10)
		b = append(b, '}')
	case "resync":
		b = append(append(append(b, `{"at":"`...), e.part()...), '"')
		if len(e.body) > 0 {
			b = append(append(append(b, `,"how":"`...), e.body...), '"')
		}
		b = append(b, '}')
	case "ended":
		b = appendString(append(b, `{"text":`...), string(e.body))
		b = append(b, '}')
	default:
		if e.obj == nil {
			b = append(b, "{}"...)
		}
		b = append(b, e.obj...)
	}
	return append(b, "}\n"...)
}
