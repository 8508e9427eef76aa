package rt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/netfs-project/netfs/nl"
)

// Names knows the links of a namespace by index and by name (their other names, too).
// It is a snapshot which asks for what it does not know, and which Update keeps
// current. It is safe for concurrent use.
type Names struct {
	c *nl.Client

	mu      sync.RWMutex // guards the maps
	byIndex map[int][]string
	byName  map[string]int
}

// loadTries is how often a torn dump is tried again.
const loadTries = 5

// LoadNames reads the links that c's namespace has now.
func LoadNames(ctx context.Context, c *nl.Client) (*Names, error) {
	n := &Names{c: c}
	for try := 1; ; try++ {
		err := n.load(ctx)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, nl.ErrTorn) {
			return nil, err
		}
		if try == loadTries {
			return n, nil // what was missed is asked for when it is wanted
		}
	}
}

func (n *Names) load(ctx context.Context) error {
	n.byIndex, n.byName = map[int][]string{}, map[string]int{}
	for l, err := range Links(ctx, n.c, LinkFilter{NoStats: true}) {
		if err != nil {
			return err
		}
		n.Update(l, false)
	}
	return nil
}

// Update takes what an event says of a link: as it is now, or that it went. Events of
// another family than AF_UNSPEC are not about the link itself.
func (n *Names) Update(l *Link, deleted bool) {
	if l.Hdr.Family != AF_UNSPEC || l.Name == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	index := int(l.Hdr.Index)
	n.forget(index)
	if deleted {
		return
	}
	names := append([]string{l.Name}, l.Props.AltNames...)
	n.byIndex[index] = names
	for _, s := range names {
		n.byName[s] = index
	}
}

func (n *Names) forget(index int) {
	for _, s := range n.byIndex[index] {
		if n.byName[s] == index {
			delete(n.byName, s)
		}
	}
	delete(n.byIndex, index)
}

// Name returns the name of the link with index, "if7" if there is none that has index 7:
// Index understands it.
func (n *Names) Name(ctx context.Context, index int) string {
	if s, ok := n.known(index); ok {
		return s
	}
	if l, err := LinkByIndex(ctx, n.c, int32(index)); err == nil {
		n.Update(l, false)
		return l.Name
	}
	return "if" + strconv.Itoa(index)
}

func (n *Names) known(index int) (string, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	names := n.byIndex[index]
	if len(names) == 0 {
		return "", false
	}
	return names[0], true
}

// Index returns the index of the link with a name. If there is none the error is a
// *NoDeviceError; others are the kernel's.
func (n *Names) Index(ctx context.Context, name string) (int, error) {
	n.mu.RLock()
	i, ok := n.byName[name]
	n.mu.RUnlock()
	if ok {
		return i, nil
	}
	l, err := LinkByName(ctx, n.c, name)
	if err == nil {
		n.Update(l, false)
		return int(l.Hdr.Index), nil
	}
	if !errors.Is(err, syscall.ENODEV) && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ERANGE) {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	if i, ok := numbered(name); ok {
		return i, nil
	}
	return 0, &NoDeviceError{name}
}

// numbered reads "if7", the name of a link that has none.
func numbered(name string) (int, bool) {
	s, ok := strings.CutPrefix(name, "if")
	if !ok || s == "" || s[0] < '1' || s[0] > '9' {
		return 0, false
	}
	i, err := strconv.ParseInt(s, 10, 32)
	return int(i), err == nil
}

// A NoDeviceError says that there is no link of a name. It is fs.ErrNotExist and ENODEV.
type NoDeviceError struct{ Name string }

func (e *NoDeviceError) Error() string        { return e.Name + ": no such device" }
func (e *NoDeviceError) Unwrap() error        { return syscall.ENODEV }
func (e *NoDeviceError) Is(target error) bool { return target == fs.ErrNotExist }
