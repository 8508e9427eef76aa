package lease

import (
	crand "crypto/rand"
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
	"strings"
	"time"

	"github.com/netfs-project/netfs/dhcp/v6"
)

// A Key6 is whose Lease6 it is.
type Key6 struct {
	Link string
	DUID v6.DUID // the client's
	IAID uint32
}

// A record6 is the JSON of a Lease6's file. What the last reply says of addresses may be less than the lease:
// they are kept apart.
type record6 struct {
	Link     string        `json:"link"`
	DUID     string        `json:"duid"`
	IAID     uint32        `json:"iaid"`
	Server   string        `json:"server"`
	BootID   string        `json:"boot_id"`
	Started  time.Time     `json:"started"`
	Boot     time.Duration `json:"started_boot_ns"`
	T1       time.Duration `json:"t1_ns"`
	T2       time.Duration `json:"t2_ns"`
	Addrs    []given6      `json:"addrs,omitempty"`
	Prefixes []given6      `json:"prefixes,omitempty"`
	Reply    []byte        `json:"reply"`
}

type given6 struct {
	Prefix    netip.Prefix  `json:"prefix"`
	Preferred time.Duration `json:"preferred_ns"`
	Valid     time.Duration `json:"valid_ns"`
}

func (s *Store) name6(k Key6) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %d", []byte(k.DUID), k.IAID))
	return filepath.Join(s.Dir, url.PathEscape(k.Link)+"-6-"+hex.EncodeToString(sum[:8])+".json")
}

// Load6 returns the lease that was saved last, fs.ErrNotExist if there is none; its times are as
// Load has them. It is a memory: ask the servers (CONFIRM or REBIND, RFC 8415 18.2.12) before you use it.
func (s *Store) Load6(k Key6, now Instant) (*Lease6, error) {
	b, err := os.ReadFile(s.name6(k))
	if err != nil {
		return nil, err
	}
	l, err := s.decode6(b, k, now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name6(k), err)
	}
	return l, nil
}

func (s *Store) decode6(b []byte, k Key6, now Instant) (*Lease6, error) {
	var r record6
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	if r.Link != k.Link || r.DUID != k.DUID.String() || r.IAID != k.IAID {
		return nil, errors.New("the lease of another client")
	}
	server, err := v6.ParseDUID(r.Server)
	if err != nil {
		return nil, err
	}
	if r.T1 < 0 || r.T2 < r.T1 || r.T2 > v6.Forever {
		return nil, fmt.Errorf("T1 of %v and T2 of %v", r.T1, r.T2)
	}
	l := &Lease6{Server: server, Start: s.start(r.BootID, r.Boot, r.Started, now), T1: r.T1, T2: r.T2}
	if l.Reply, err = v6.Decode(r.Reply); err != nil {
		return nil, err
	}
	for _, g := range r.Addrs {
		a := v6.IAAddr{Addr: g.Prefix.Addr(), Preferred: g.Preferred, Valid: g.Valid}
		if !a.Usable() || !g.lasts() || g.Prefix.Bits() != 128 {
			return nil, fmt.Errorf("address %v, preferred for %v, valid for %v", g.Prefix, g.Preferred, g.Valid)
		}
		l.Addrs = append(l.Addrs, a)
	}
	for _, g := range r.Prefixes {
		p := v6.IAPrefix{Prefix: g.Prefix, Preferred: g.Preferred, Valid: g.Valid}
		if !p.Usable() || !g.lasts() || g.Prefix != g.Prefix.Masked() {
			return nil, fmt.Errorf("prefix %v, preferred for %v, valid for %v", g.Prefix, g.Preferred, g.Valid)
		}
		l.Prefixes = append(l.Prefixes, p)
	}
	if l.Empty() {
		return nil, errors.New("a lease of nothing")
	}
	return l, nil
}

func (g *given6) lasts() bool { return g.Preferred >= 0 && g.Valid > 0 && g.Valid <= v6.Forever }

// Save6 replaces the lease of k, and returns when it is on the disk.
func (s *Store) Save6(k Key6, l *Lease6) error {
	b, err := s.encode6(k, l)
	if err != nil {
		return err
	}
	return replace(s.name6(k), append(b, '\n'))
}

func (s *Store) encode6(k Key6, l *Lease6) ([]byte, error) {
	reply, err := l.Reply.Append(nil)
	if err != nil {
		return nil, err
	}
	r := record6{
		Link: k.Link, DUID: k.DUID.String(), IAID: k.IAID, Server: l.Server.String(),
		BootID: s.BootID, Started: l.Start.Wall.Round(0), Boot: l.Start.Boot, T1: l.T1, T2: l.T2, Reply: reply,
	}
	for _, a := range l.Addrs {
		r.Addrs = append(r.Addrs, given6{netip.PrefixFrom(a.Addr, 128), a.Preferred, a.Valid})
	}
	for _, p := range l.Prefixes {
		r.Prefixes = append(r.Prefixes, given6{p.Prefix, p.Preferred, p.Valid})
	}
	return json.MarshalIndent(r, "", "\t")
}

// Remove6 forgets the lease of k.
func (s *Store) Remove6(k Key6) error { return remove(s.name6(k)) }

// DUID returns the name of the clients that use the store, the same ever after: a DUID-UUID (RFC
// 6355) of chance, made when it is first asked for and kept in the file duid, for people to change. It
// tells nobody an address of the hardware, and outlives that.
func (s *Store) DUID() (v6.DUID, error) {
	name := filepath.Join(s.Dir, "duid")
	d, err := readDUID(name)
	if !errors.Is(err, iofs.ErrNotExist) {
		return d, err
	}
	d = v6.NewDUIDUUID(newUUID())
	err = write(name, []byte(d.String()+"\n"), os.Link)
	if err != nil && !errors.Is(err, iofs.ErrExist) { // another process was first
		return nil, err
	}
	return readDUID(name)
}

// newUUID is one of chance: version 4 of RFC 9562 5.4.
func newUUID() (u [16]byte) {
	crand.Read(u[:])
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}

func readDUID(name string) (v6.DUID, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	d, err := v6.ParseDUID(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}
