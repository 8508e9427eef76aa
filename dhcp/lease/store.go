package lease

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/netfs-project/netfs/dhcp/v4"
)

// A Store keeps leases in the files of a directory, one for each Key or Key6, and the DUID of
// those who use it. A file is replaced whole, so that whoever reads it, also after a crash, finds
// the old or the new one. Safe for concurrent use as far as keys differ.
type Store struct {
	Dir string // made when the first lease is saved
	// BootID tells one run of the machine from the next: within it the boot clock
	// counts, across it the wall clock has to. See BootID.
	BootID string
}

// A Key is whose lease it is.
type Key struct {
	Link     string
	HWAddr   []byte
	ClientID []byte // option 61; may be empty
}

// A record is the JSON of a Lease's file.
type record struct {
	Link     string        `json:"link"`
	HWAddr   string        `json:"hwaddr"`
	ClientID string        `json:"client_id"`
	Addr     netip.Addr    `json:"addr"`
	BootID   string        `json:"boot_id"`
	Started  time.Time     `json:"started"`
	Boot     time.Duration `json:"started_boot_ns"`
	ACK      []byte        `json:"ack"`
}

// name has the link for people to see, and the rest as a digest: a client identifier
// may hold any bytes.
func (s *Store) name(k Key) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %x", k.HWAddr, k.ClientID))
	return filepath.Join(s.Dir, url.PathEscape(k.Link)+"-"+hex.EncodeToString(sum[:8])+".json")
}

// Load returns the lease that was saved last, fs.ErrNotExist if there is none. Its times
// are those of this boot's clock. A lease of another boot whose start lies in the
// future by the wall clock begins now: that clock stepped, and the server will say.
func (s *Store) Load(k Key, now Instant) (*Lease, error) {
	b, err := os.ReadFile(s.name(k))
	if err != nil {
		return nil, err
	}
	l, err := s.decode(b, now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name(k), err)
	}
	return l, nil
}

func (s *Store) decode(b []byte, now Instant) (*Lease, error) {
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	ack, err := v4.Decode(r.ACK)
	if err != nil {
		return nil, err
	}
	return FromACK(ack, s.start(r.BootID, r.Boot, r.Started, now))
}

// start is when a remembered lease began, on the clock of this boot.
func (s *Store) start(boot string, at time.Duration, wall time.Time, now Instant) Instant {
	if boot != s.BootID || boot == "" || at > now.Boot {
		at = now.Boot - max(0, now.Wall.Sub(wall))
	}
	return Instant{Boot: max(at, now.Boot-longest), Wall: wall}
}

// longest is more than any lifetime that ends.
const longest = v4.Forever

// Save replaces the lease of k, and returns when it is on the disk.
func (s *Store) Save(k Key, l *Lease) error {
	ack, err := l.ACK.Append(nil)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(record{
		Link: k.Link, HWAddr: hex.EncodeToString(k.HWAddr), ClientID: hex.EncodeToString(k.ClientID), Addr: l.Addr,
		BootID: s.BootID, Started: l.Start.Wall.Round(0), Boot: l.Start.Boot, ACK: ack,
	}, "", "\t")
	if err != nil {
		return err
	}
	return replace(s.name(k), append(b, '\n'))
}

// Move makes the lease of a link that of the name which the link has now. That there is none is no error.
func (s *Store) Move(from, to Key) error {
	b, err := os.ReadFile(s.name(from))
	if errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	var r record
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return err
	}
	r.Link = to.Link
	if b, err = json.MarshalIndent(r, "", "\t"); err != nil {
		return err
	}
	if err := replace(s.name(to), append(b, '\n')); err != nil || s.name(to) == s.name(from) {
		return err
	}
	return s.Remove(from)
}

// Remove forgets the lease of k.
func (s *Store) Remove(k Key) error { return remove(s.name(k)) }

func remove(name string) error {
	err := os.Remove(name)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	return err
}

func replace(name string, b []byte) error { return write(name, b, os.Rename) }

// write makes a file whole under another name, and puts it in its place.
func write(name string, b []byte, place func(from, to string) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".lease-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // unless it was renamed
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = place(f.Name(), name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes the new name last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
