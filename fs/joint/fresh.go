package joint

import (
	"context"
	"errors"
	"strconv"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
)

// Fresh finds names and numbers of links while one call lasts, by asking the
// kernel for each: what was true a moment ago may be another link's. It is for
// one goroutine.
type Fresh struct {
	C *nl.Client // of nl.Route

	names map[int32]string
	index map[string]int32
}

// Load learns the names of all links at once. What it misses is asked for.
func (f *Fresh) Load(ctx context.Context) {
	for m, err := range rt.Links(ctx, f.C, rt.LinkFilter{NoStats: true}) {
		if err != nil {
			return
		}
		f.learn(m)
	}
}

func (f *Fresh) learn(m *rt.Link) {
	if m.Hdr.Family != rt.AF_UNSPEC {
		return
	}
	if f.names == nil {
		f.names = map[int32]string{}
	}
	f.names[m.Hdr.Index] = m.Name
}

// Name returns the name of a link, "if7" if there is none with the number 7.
func (f *Fresh) Name(ctx context.Context, index int32) string {
	if s, ok := f.names[index]; ok {
		return s
	}
	m, err := rt.LinkByIndex(ctx, f.C, index)
	if err != nil {
		return "if" + strconv.Itoa(int(index))
	}
	f.learn(m)
	return m.Name
}

// Index returns the number of the link that the word of a key names. Its error
// names key and word, and is fs.ErrNotExist where there is no such link.
func (f *Fresh) Index(ctx context.Context, key, name string) (int32, error) {
	if i, ok := f.index[name]; ok {
		return i, nil
	}
	m, err := rt.LinkByName(ctx, f.C, name)
	if err != nil {
		return 0, &fs.KeyError{Key: key, Word: name, Err: Words{}.Blame(err)}
	}
	if f.index == nil {
		f.index = map[string]int32{}
	}
	f.index[name] = m.Hdr.Index
	return m.Hdr.Index, nil
}

// Event takes what a message of the link group says of names. A link that went
// keeps its name, for the events of what went with it.
func (f *Fresh) Event(m nl.Message) error {
	if m.Type != rt.RTM_NEWLINK {
		return nil
	}
	var l rt.Link
	if err := l.Decode(m.Data); err != nil {
		return err
	}
	f.learn(&l)
	return nil
}

// Send sends n requests together and returns an error for each, in w's words.
func (w Words) Send(ctx context.Context, c *nl.Client, n int, request func(i int) (nl.Request, error)) []error {
	errs := make([]error, n)
	b := c.NewBatch()
	var sent []int
	for i := range n {
		r, err := request(i)
		if err == nil {
			err = b.Add(r)
		}
		if errs[i] = w.Blame(err); err == nil {
			sent = append(sent, i)
		}
	}
	err := b.Do(ctx)
	var be *nl.BatchError
	switch {
	case errors.As(err, &be):
		for _, f := range be.Failed {
			errs[sent[f.Index]] = w.Blame(f.Err)
		}
	case err != nil:
		for _, i := range sent {
			errs[i] = err
		}
	}
	return errs
}
