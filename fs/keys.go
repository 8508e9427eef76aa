package fs

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// KeySet is a set of a record type's keys, by their place in the table.
type KeySet [8]uint64

func (s *KeySet) Has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }
func (s *KeySet) add(i int)      { s[i>>6] |= 1 << (i & 63) }
func (s *KeySet) remove(i int)   { s[i>>6] &^= 1 << (i & 63) }
func (s *KeySet) empty() bool    { return *s == KeySet{} }

func (s *KeySet) union(o *KeySet) {
	for i := range s {
		s[i] |= o[i]
	}
}

const maxKeys = len(KeySet{}) * 64

// Keys is a record type's list of keys, in the order in which they print
// (groups come last, since their words run to the end of the line). Safe for
// concurrent use.
type Keys[T any] struct {
	list  []Key[T]
	sch   schema
	order []printed[T] // what prints, in order
	names []printed[T] // those of them that are part of the identity
	ids   []int

	settings KeySet // settable keys whose value does not count by itself
}

// A printed key, prepared for the loop that prints records.
type printed[T any] struct {
	lead  string          // ` dst=`
	some  func(v *T) bool // of the section that begins here, nil if none does
	end   int32           // of that section
	idx   int32
	hide  func(v *T) bool
	get   func(b []byte, v *T) []byte
	parts uint8 // which take it, as bits
	key   *Key[T]
	json  string // `"dst":`
}

// schema is what the grammar knows of a key table, whatever its record type.
type schema struct {
	keys   []keyInfo
	byName map[string]int
	bare   map[string]int // words that stand for key=word
	open   bool           // has a family of keys NAME.N
}

type keyInfo struct {
	name   string
	typ    Type
	id, ro bool
	runs   bool
	set    bool // can be given on input
	prefix bool
	many   bool
	secret bool
	mods   []string
	opens  bool // there are keys NAME.x, which may follow it as x
	sub    *schema
}

// NewKeys panics if a name stands twice: a broken program.
func NewKeys[T any](keys ...Key[T]) *Keys[T] {
	if len(keys) > maxKeys {
		panic(fmt.Sprintf("fs: %d keys, at most %d", len(keys), maxKeys))
	}
	k := &Keys[T]{list: keys, sch: schema{byName: map[string]int{}, bare: map[string]int{}}}
	for i := range keys {
		k.declare(i, &keys[i])
	}
	k.sch.findOpeners()
	k.sortOutput()
	return k
}

// findOpeners marks the keys NAME for which there are keys NAME.x.
func (s *schema) findOpeners() {
	for name := range s.byName {
		for i := 1; i < len(name)-1; i++ {
			if name[i] != '.' {
				continue
			}
			if j, ok := s.byName[name[:i]]; ok && s.keys[j].name == name[:i] {
				s.keys[j].opens = true
			}
		}
	}
}

func (k *Keys[T]) declare(i int, key *Key[T]) {
	info := keyInfo{
		name: key.Name, typ: key.Type, id: key.ID, ro: key.RO, runs: key.Runs, prefix: key.prefix, secret: key.Secret,
		many: key.many != nil, mods: key.Mods, set: key.Set != nil || key.Sub != nil || key.many != nil,
	}
	if key.Sub != nil {
		info.sub = key.Sub.schema()
	}
	k.sch.keys = append(k.sch.keys, info)
	k.sch.open = k.sch.open || info.many
	for _, name := range append([]string{key.Name}, key.Also...) {
		if _, dup := k.sch.byName[name]; dup || name == "" {
			panic(fmt.Sprintf("fs: key name %q stands twice", name))
		}
		k.sch.byName[name] = i
	}
	if key.ID {
		k.ids = append(k.ids, i)
	}
	if info.set && !info.ro && !info.runs && !key.Hidden {
		k.settings.add(i)
	}
	if !key.Bare {
		return
	}
	for _, w := range key.Words {
		if _, dup := k.sch.bare[w]; dup {
			panic(fmt.Sprintf("fs: bare word %q stands twice", w))
		}
		k.sch.bare[w] = i
	}
}

// sortOutput puts groups behind everything else.
func (k *Keys[T]) sortOutput() {
	for _, groups := range []bool{false, true} {
		for i := range k.list {
			key := &k.list[i]
			prints := key.Get != nil || key.Sub != nil || key.many != nil
			if !prints || key.Hidden || (key.Sub != nil) != groups {
				continue
			}
			k.order = append(k.order, printed[T]{
				lead: " " + key.Name + "=", idx: int32(i), hide: key.Hide, get: key.Get,
				parts: k.sch.keys[i].parts(), key: key, json: strconv.Quote(key.Name) + ":",
			})
		}
	}
	for _, o := range k.order {
		if o.key.ID {
			k.names = append(k.names, o)
		}
	}
	cutSections(k.order)
	cutSections(k.names)
}

// cutSections notes at the first key of each section where the section ends.
func cutSections[T any](order []printed[T]) {
	for i := 0; i < len(order); {
		some, first := order[i].key.some, i
		for i++; i < len(order) && some != nil && order[i].key.some == some; i++ {
		}
		if some != nil {
			order[first].some, order[first].end = *some, int32(i)
		}
	}
}

// index finds a key by its name or another spelling of it.
func (k *Keys[T]) index(name string) (int, bool) { return k.sch.index(name) }

func (s *schema) index(name string) (int, bool) {
	if i, ok := s.byName[name]; ok {
		return i, true
	}
	if !s.open {
		return 0, false
	}
	family, n, ok := strings.Cut(name, ".")
	if !ok || !isDecimal(n) {
		return 0, false
	}
	i, ok := s.byName[family]
	return i, ok && s.keys[i].many
}

func isDecimal(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// names lists the keys, for errors and completion.
func (s *schema) names() []string {
	list := make([]string, len(s.keys))
	for i := range s.keys {
		list[i] = s.keys[i].name
		if s.keys[i].many {
			list[i] += ".N"
		}
	}
	return list
}

// Reasons that Set functions give.
var (
	errNumber = errors.New("not a number")
	errSwitch = errors.New("not one of on off 1 0")
)

// An Integer is any type of whole numbers.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Num is a whole number, decimal on output, decimal or 0x on input. Zero is
// absent.
func Num[T any, N Integer](name, doc string, at func(v *T) *N) Key[T] {
	full := func(b []byte, v *T) []byte { return appendInt(b, *at(v)) }
	return Key[T]{
		Name: name, Doc: doc, Type: Number, full: full,
		Get: func(b []byte, v *T) []byte {
			n := *at(v)
			if n == 0 {
				return b
			}
			return appendInt(b, n)
		},
		Set: func(v *T, word string) error {
			n, err := parseInt[N](word)
			if err == nil {
				*at(v) = n
			}
			return err
		},
	}
}

func appendInt[N Integer](b []byte, n N) []byte {
	if n < 0 {
		return strconv.AppendInt(b, int64(n), 10)
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

// parseInt reads decimal or 0x and refuses what N cannot hold.
func parseInt[N Integer](word string) (N, error) {
	digits, base := word, 10
	if rest, ok := strings.CutPrefix(word, "0x"); ok {
		digits, base = rest, 16
	}
	if strings.HasPrefix(digits, "-") {
		n, err := strconv.ParseInt(digits, base, 64)
		if err == nil && int64(N(n)) == n && N(n) < 0 {
			return N(n), nil
		}
		return 0, rangeOr[N](err)
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err == nil && uint64(N(n)) == n && N(n) >= 0 {
		return N(n), nil
	}
	return 0, rangeOr[N](err)
}

func rangeOr[N Integer](err error) error {
	if errors.Is(err, strconv.ErrSyntax) {
		return errNumber
	}
	var zero N
	top := ^zero
	if top > 0 {
		return fmt.Errorf("not in 0..%d", top)
	}
	bits := 8
	for n := uint64(1) << 8; bits < 64 && N(n) != 0; n <<= 8 {
		bits += 8
	}
	return fmt.Errorf("not a signed number of %d bits", bits)
}

// Str is any text. Empty is absent.
func Str[T any](name, doc string, at func(v *T) *string) Key[T] {
	return Key[T]{
		Name: name, Doc: doc, Type: Text,
		Get: func(b []byte, v *T) []byte { return append(b, *at(v)...) },
		Set: func(v *T, word string) error { *at(v) = word; return nil },
	}
}

// Strs is a list of texts.
func Strs[T any](name, doc string, at func(v *T) *[]string) Key[T] {
	return Key[T]{
		Name: name, Doc: doc, Type: List,
		Get: func(b []byte, v *T) []byte {
			for i, s := range *at(v) {
				b = AppendList(b, i, s)
			}
			return b
		},
		Set: func(v *T, word string) error {
			list, err := SplitList(word)
			if err == nil {
				*at(v) = list
			}
			return err
		},
	}
}

// Addr is an IP address. The zero Addr is absent; "none" clears.
func Addr[T any](name, doc string, at func(v *T) *netip.Addr) Key[T] {
	return Key[T]{
		Name: name, Doc: doc, Type: Word,
		Get: func(b []byte, v *T) []byte {
			a := at(v)
			if !a.IsValid() {
				return b
			}
			return a.AppendTo(b)
		},
		Set: func(v *T, word string) error {
			a, err := ParseAddr(word)
			if err == nil {
				*at(v) = a
			}
			return err
		},
	}
}

// ParseAddr reads an IP address; "none" and "" are the zero Addr.
func ParseAddr(word string) (netip.Addr, error) {
	if word == "none" || word == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(word)
	if err != nil {
		return a, errors.New("not an address")
	}
	return a, nil
}

// Prefix is a network or an address with the length of its network; it prints
// with its length always. Input takes a bare address (all of its bits), dotted
// IPv4 masks, and "default", whose family is that of the line's other addresses
// (IPv4 when there are none). The zero Prefix is absent.
func Prefix[T any](name, doc string, at func(v *T) *netip.Prefix) Key[T] {
	return Key[T]{
		Name: name, Doc: doc, Type: Word, prefix: true,
		Get: func(b []byte, v *T) []byte {
			p := at(v)
			if !p.IsValid() {
				return b
			}
			return p.AppendTo(b)
		},
		Set: func(v *T, word string) error {
			p, err := ParsePrefix(word)
			if err == nil {
				*at(v) = p
			}
			return err
		},
	}
}

var allIPv4 = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

// ParsePrefix reads a prefix as a key made by Prefix does; "default" is that
// of IPv4, and "" and "none" the zero Prefix.
func ParsePrefix(word string) (netip.Prefix, error) {
	switch word {
	case "", "none":
		return netip.Prefix{}, nil
	case "default", "any", "all":
		return allIPv4, nil
	}
	addr, mask, slash := strings.Cut(word, "/")
	if slash {
		addr = wholeIPv4(addr)
	}
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return netip.Prefix{}, errors.New("not a prefix")
	}
	if !slash {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	bits, err := strconv.ParseUint(mask, 10, 8)
	if err != nil || len(mask) > 1 && mask[0] == '0' {
		return maskedPrefix(a, mask)
	}
	p := netip.PrefixFrom(a.WithZone(""), int(bits))
	if !p.IsValid() {
		return p, fmt.Errorf("prefix length not in 0..%d", a.BitLen())
	}
	return p, nil
}

// wholeIPv4 gives the address of a network the bytes that were left out at its
// end, as iproute2 does: 10/8 is 10.0.0.0/8.
func wholeIPv4(addr string) string {
	if addr == "" || strings.Trim(addr, "0123456789.") != "" {
		return addr
	}
	return addr + strings.Repeat(".0", max(3-strings.Count(addr, "."), 0))
}

func maskedPrefix(a netip.Addr, mask string) (netip.Prefix, error) {
	m, err := netip.ParseAddr(mask)
	if err != nil || !m.Is4() || !a.Is4() {
		return netip.Prefix{}, errors.New("not a prefix")
	}
	b := m.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	bits := 0
	for n&(1<<31) != 0 {
		bits++
		n <<= 1
	}
	if n != 0 {
		return netip.Prefix{}, errors.New("mask has holes")
	}
	return netip.PrefixFrom(a, bits), nil
}

// MAC is a link-layer address of any length: lower case, colons. Input also
// takes dashes and digits without marks. Empty is absent.
func MAC[T any, B ~[]byte](name, doc string, at func(v *T) *B) Key[T] {
	return Key[T]{
		Name: name, Doc: doc, Type: Word,
		Get: func(b []byte, v *T) []byte { return AppendMAC(b, *at(v)) },
		Set: func(v *T, word string) error {
			a, err := ParseMAC(word)
			if err == nil {
				*at(v) = a
			}
			return err
		},
	}
}

const hexDigits = "0123456789abcdef"

// AppendMAC appends a link-layer address in lower case with colons.
func AppendMAC(b, a []byte) []byte {
	for i, c := range a {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

// ParseMAC reads a link-layer address of 1 to 32 bytes; "" and "none" are none.
func ParseMAC(word string) ([]byte, error) {
	if word == "" || word == "none" {
		return nil, nil
	}
	parts := strings.FieldsFunc(word, func(r rune) bool { return r == ':' || r == '-' })
	marks := strings.Count(word, ":") + strings.Count(word, "-")
	if len(parts) > 1 && marks == len(parts)-1 {
		for i, s := range parts { // 2:0:0:a:b:c, as iproute2 takes it
			if len(s) == 1 {
				parts[i] = "0" + s
			}
		}
	}
	a, err := hex.DecodeString(strings.Join(parts, ""))
	if err != nil || len(a) > 32 || marks != 0 && (marks != len(a)-1 || len(parts) != len(a)) {
		return nil, errors.New("not a link-layer address")
	}
	return a, nil
}

// Bool is a Flag.
func Bool[T any](name, doc string, at func(v *T) *bool) Key[T] {
	return Key[T]{
		Name: name, Doc: doc, Type: Flag,
		Get: func(b []byte, v *T) []byte {
			if !*at(v) {
				return b
			}
			return append(b, '1')
		},
		Set: func(v *T, word string) error { *at(v) = word == "1"; return nil },
	}
}

// Bit is a Flag that is kept in the bits of a number.
func Bit[T any, N Integer](name, doc string, at func(v *T) *N, mask N) Key[T] {
	return Key[T]{
		Name: name, Doc: doc, Type: Flag,
		Get: func(b []byte, v *T) []byte {
			if *at(v)&mask == 0 {
				return b
			}
			return append(b, '1')
		},
		Set: func(v *T, word string) error {
			if word == "1" {
				*at(v) |= mask
			} else {
				*at(v) &^= mask
			}
			return nil
		},
	}
}

// OnOff is a Switch. It always prints; When ties it to a presence bit.
func OnOff[T any](name, doc string, at func(v *T) *bool) Key[T] {
	full := func(b []byte, v *T) []byte {
		if *at(v) {
			return append(b, '1')
		}
		return append(b, '0')
	}
	return Key[T]{
		Name: name, Doc: doc, Type: Switch, Get: full, full: full,
		Set: func(v *T, word string) error { *at(v) = word == "1"; return nil },
	}
}

// A Namer gives numbers names. Append appends the name of n, or n in decimal
// when it has none; Parse takes a name or a number.
type Namer interface {
	Append(b []byte, n uint32) []byte
	Parse(word string) (uint32, error)
}

// Enum is a number with names, either of which is taken on input. Zero is
// absent.
func Enum[T any, N Integer](name, doc string, names Namer, at func(v *T) *N) Key[T] {
	k := Key[T]{
		Name: name, Doc: doc, Type: Word,
		full: func(b []byte, v *T) []byte { return names.Append(b, uint32(*at(v))) },
		Get: func(b []byte, v *T) []byte {
			n := *at(v)
			if n == 0 {
				return b
			}
			return names.Append(b, uint32(n))
		},
		Set: func(v *T, word string) error {
			n, err := names.Parse(word)
			if err != nil {
				return err
			}
			if N(n) < 0 || uint32(N(n)) != n {
				return rangeOr[N](strconv.ErrRange)
			}
			*at(v) = N(n)
			return nil
		},
	}
	if w, ok := names.(interface{ Words() []string }); ok {
		k.Words = w.Words()
	}
	return k
}

// Names is a fixed Namer.
type Names map[uint32]string

func (t Names) Append(b []byte, n uint32) []byte {
	if s, ok := t[n]; ok {
		return append(b, s...)
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

func (t Names) Parse(word string) (uint32, error) {
	for n, s := range t {
		if s == word {
			return n, nil
		}
	}
	if n, err := parseInt[uint32](word); err == nil {
		return n, nil
	}
	return 0, errors.New("not one of " + strings.Join(t.Words(), " "))
}

// Words returns the names in the order of their numbers.
func (t Names) Words() []string {
	nums := make([]uint32, 0, len(t))
	for n := range t {
		nums = append(nums, n)
	}
	slices.Sort(nums)
	words := make([]string, len(nums))
	for i, n := range nums {
		words[i] = t[n]
	}
	return words
}

// Hex is bytes in hexadecimal. Empty is absent.
func Hex[T any, B ~[]byte](name, doc string, at func(v *T) *B) Key[T] {
	return Key[T]{
		Name: name, Doc: doc, Type: Word,
		Get: func(b []byte, v *T) []byte { return hex.AppendEncode(b, *at(v)) },
		Set: func(v *T, word string) error {
			a, err := hex.DecodeString(strings.TrimPrefix(word, "0x"))
			if err != nil {
				return errors.New("not hexadecimal")
			}
			*at(v) = a
			return nil
		},
	}
}

// HexNum is a number that prints as 0x; input takes either. Zero is absent.
func HexNum[T any, N Integer](name, doc string, at func(v *T) *N) Key[T] {
	k := Num(name, doc, at)
	k.Type = Word
	k.full = func(b []byte, v *T) []byte {
		return strconv.AppendUint(append(b, "0x"...), uint64(*at(v)), 16)
	}
	k.Get = func(b []byte, v *T) []byte {
		if *at(v) == 0 {
			return b
		}
		return k.full(b, v)
	}
	return k
}

// Secs is a time in seconds, with as many decimals as it needs. Input takes
// tc's suffixes (ms, s, m, h, d). Zero is absent.
func Secs[T any](name, doc string, at func(v *T) *time.Duration) Key[T] {
	full := func(b []byte, v *T) []byte { return appendSecs(b, *at(v)) }
	return Key[T]{
		Name: name, Doc: doc, Type: Number, full: full,
		Get: func(b []byte, v *T) []byte {
			if *at(v) == 0 {
				return b
			}
			return full(b, v)
		},
		Set: func(v *T, word string) error {
			d, err := ParseTime(word, time.Second)
			if err == nil {
				*at(v) = d
			}
			return err
		},
	}
}

func appendSecs(b []byte, d time.Duration) []byte {
	if d < 0 {
		b = append(b, '-')
	}
	sec, ns := d/time.Second, d%time.Second
	b = strconv.AppendUint(b, uint64(max(sec, -sec)), 10)
	if ns == 0 {
		return b
	}
	frac := strconv.Itoa(int(max(ns, -ns)) + 1e9)[1:]
	return append(append(b, '.'), strings.TrimRight(frac, "0")...)
}

// An Opt is an attribute that netfs does not know: its number and its bytes.
type Opt struct {
	N    int
	Data []byte
}

// Opts is the family of keys opt.N=hex of unknown attributes. A line's words
// replace the attributes of the same numbers; "no opt.N" removes one.
func Opts[T any](doc string, at func(v *T) *[]Opt) Key[T] {
	return Key[T]{Name: "opt", Doc: doc, Type: Word, many: &many[T]{at: at}}
}

// many is an open family of keys NAME.N.
type many[T any] struct {
	at func(v *T) *[]Opt
}

// set replaces or adds attribute n, in a copy: v may share the list with its
// elder. cut removes it.
func (m *many[T]) set(v *T, n int, word string, cut bool) error {
	data, err := hex.DecodeString(word)
	if err != nil {
		return errors.New("not hexadecimal")
	}
	list := slices.DeleteFunc(slices.Clone(*m.at(v)), func(o Opt) bool { return o.N == n })
	if !cut {
		list = append(list, Opt{n, data})
	}
	slices.SortFunc(list, func(a, b Opt) int { return a.N - b.N })
	*m.at(v) = list
	return nil
}

// Sub is a Group: records of another type inside v, each behind the opener
// word name.
func Sub[T, E any](name, doc string, keys *Keys[E], at func(v *T) *[]E) Key[T] {
	return Key[T]{Name: name, Doc: doc, Type: Group, Sub: &nested[T, E]{keys: keys, at: at}}
}

type nested[T, E any] struct {
	keys *Keys[E]
	at   func(v *T) *[]E
}

func (n *nested[T, E]) schema() *schema { return &n.keys.sch }
func (n *nested[T, E]) empty(v *T) bool { return len(*n.at(v)) == 0 }

// apply replaces the list, never in place: v may share it with its elder.
func (n *nested[T, E]) apply(v *T, groups [][]item) error {
	list := make([]E, len(groups))
	for i, items := range groups {
		if err := n.keys.apply(&list[i], items, nil); err != nil {
			return err
		}
	}
	*n.at(v) = list
	return nil
}
