package link

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl/attr"
)

// A wire says which attribute of a type of link a key is, and its form there.
type wire struct {
	key  string
	attr uint16
	form form
	bit  uint32 // form is masked: which one
}

// A form turns the value of a key into that of an attribute and back. get
// returns "" where the attribute says nothing about the key; put returns nil
// for a value that another attribute carries.
type form struct {
	get func(k *KindKey, v []byte, c conv) string
	put func(k *KindKey, w string, c conv) ([]byte, error)
}

// A conv knows the names of links.
type conv struct {
	name  func(index int) string
	index func(name string) (int, error)
}

// number is an integer of some width and byte order: Num, Switch, Enum, Bits.
func integer(size int, order binary.ByteOrder) form {
	return form{
		get: func(k *KindKey, v []byte, _ conv) string {
			if order == binary.BigEndian {
				return k.text(attr.BEUint(v))
			}
			return k.text(attr.Uint(v))
		},
		put: func(k *KindKey, w string, _ conv) ([]byte, error) {
			n, err := k.number(w)
			if err == nil && size < 8 && n>>(8*size) != 0 {
				err = fmt.Errorf("not in 0..%d", uint64(1)<<(8*size)-1)
			}
			return sized(n, size, order), err
		},
	}
}

func sized(n uint64, size int, order binary.ByteOrder) []byte {
	b := make([]byte, 8)
	if order == binary.BigEndian {
		binary.BigEndian.PutUint64(b, n)
		return b[8-size:]
	}
	switch size {
	case 1:
		return []byte{byte(n)}
	case 2:
		return binary.NativeEndian.AppendUint16(nil, uint16(n))
	case 4:
		return binary.NativeEndian.AppendUint32(nil, uint32(n))
	}
	return binary.NativeEndian.AppendUint64(nil, n)
}

// text prints a number as the key has it.
func (k *KindKey) text(n uint64) string {
	switch k.Form {
	case Switch:
		return zeroOne(n != 0)
	case Enum:
		return k.Word(n)
	case Bits:
		return k.Set(n)
	}
	return strconv.FormatUint(n, 10)
}

func (k *KindKey) number(w string) (uint64, error) {
	switch k.Form {
	case Switch:
		on, err := parseSwitch(w, "on", "off")
		if on {
			return 1, err
		}
		return 0, err
	case Enum:
		return k.Number(w)
	case Bits:
		var set uint64
		for _, s := range strings.FieldsFunc(w, func(r rune) bool { return r == ',' }) {
			n, err := k.Number(s)
			if err != nil {
				return 0, err
			}
			set |= 1 << n
		}
		return set, nil
	}
	return strconv.ParseUint(w, 10, 64)
}

var (
	asU8   = integer(1, binary.NativeEndian)
	asU16  = integer(2, binary.NativeEndian)
	asU32  = integer(4, binary.NativeEndian)
	asU64  = integer(8, binary.NativeEndian)
	asBE16 = integer(2, binary.BigEndian)
	asBE32 = integer(4, binary.BigEndian)
)

// asInt is a signed number of 32 bits.
var asInt = form{
	get: func(_ *KindKey, v []byte, _ conv) string { return strconv.FormatInt(attr.Int(v), 10) },
	put: func(_ *KindKey, w string, _ conv) ([]byte, error) {
		n, err := strconv.ParseInt(w, 0, 64)
		if err != nil || n < math.MinInt32 || n > math.MaxInt32 {
			return nil, bad("not a signed number of 32 bits")
		}
		return binary.NativeEndian.AppendUint32(nil, uint32(n)), nil
	},
}

// asFlag is an attribute that is there or not.
var asFlag = form{
	get: func(*KindKey, []byte, conv) string { return "1" },
	put: func(_ *KindKey, w string, _ conv) ([]byte, error) {
		if w != "1" {
			return nil, nil
		}
		return []byte{}, nil
	},
}

// masked is one bit of a value that stands beside a mask (struct ifla_vlan_flags,
// struct br_boolopt_multi); append joins the bits of one attribute.
var masked = form{}

var asMAC = form{
	get: func(_ *KindKey, v []byte, _ conv) string { return string(fs.AppendMAC(nil, v)) },
	put: func(_ *KindKey, w string, _ conv) ([]byte, error) { return fs.ParseMAC(w) },
}

// asAddr4 and asAddr6 carry one family each; no address is the zero one of IPv4.
var asAddr4 = form{
	get: getAddr,
	put: func(_ *KindKey, w string, _ conv) ([]byte, error) {
		if w == "" {
			return make([]byte, 4), nil
		}
		a, err := netip.ParseAddr(w)
		if err != nil || !a.Is4() {
			return nil, err
		}
		return a.AsSlice(), nil
	},
}

var asAddr6 = form{
	get: getAddr,
	put: func(_ *KindKey, w string, _ conv) ([]byte, error) {
		if w == "" {
			return nil, nil
		}
		a, err := netip.ParseAddr(w)
		if err != nil || !a.Is6() {
			return nil, err
		}
		return a.AsSlice(), nil
	},
}

func getAddr(_ *KindKey, v []byte, _ conv) string {
	a := attr.Addr(v)
	if !a.IsValid() || a.IsUnspecified() {
		return ""
	}
	return a.String()
}

var asDev = form{
	get: func(_ *KindKey, v []byte, c conv) string {
		n := attr.U32(v)
		if n == 0 {
			return ""
		}
		return c.name(int(n))
	},
	put: func(_ *KindKey, w string, c conv) ([]byte, error) {
		if w == "" {
			return make([]byte, 4), nil
		}
		n, err := c.index(w)
		return binary.NativeEndian.AppendUint32(nil, uint32(n)), err
	},
}

// asBridgeID is struct ifla_bridge_id.
var asBridgeID = form{
	get: func(_ *KindKey, v []byte, _ conv) string {
		if len(v) != 8 {
			return ""
		}
		return hex.EncodeToString(v[:2]) + "." + string(fs.AppendMAC(nil, v[2:]))
	},
}

// asRange is struct ifla_vxlan_port_range.
var asRange = form{
	get: func(_ *KindKey, v []byte, _ conv) string {
		if len(v) != 4 {
			return ""
		}
		return fmt.Sprintf("%d-%d", attr.BE16(v[:2]), attr.BE16(v[2:]))
	},
	put: func(_ *KindKey, w string, _ conv) ([]byte, error) {
		var low, high uint16
		if _, err := fmt.Sscanf(w, "%d-%d", &low, &high); err != nil {
			return nil, bad("not LOW-HIGH")
		}
		return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, low), high), nil
	},
}

// asAddrs is a nest of addresses, numbered.
var asAddrs = form{
	get: func(_ *KindKey, v []byte, _ conv) string {
		var list []string
		for _, a := range attr.All(v) {
			list = append(list, attr.Addr(a).String())
		}
		return strings.Join(list, ",")
	},
	put: func(_ *KindKey, w string, _ conv) ([]byte, error) {
		b := []byte{}
		for i, s := range strings.FieldsFunc(w, func(r rune) bool { return r == ',' }) {
			a, err := netip.ParseAddr(s)
			if err != nil {
				return nil, bad("not addresses")
			}
			b = attr.AppendAddr(b, uint16(i), a)
		}
		return b, nil
	},
}

// asQoS is a nest of struct ifla_vlan_qos_mapping, which are added to what is there:
// a priority that is to be unmapped has to be given as FROM:0.
func asQoS(element uint16) form {
	return form{
		get: func(_ *KindKey, v []byte, _ conv) string {
			var list []string
			for _, m := range attr.All(v) {
				if len(m) == 8 {
					list = append(list, fmt.Sprintf("%d:%d", attr.U32(m[:4]), attr.U32(m[4:])))
				}
			}
			slices.Sort(list)
			return strings.Join(list, ",")
		},
		put: func(_ *KindKey, w string, _ conv) ([]byte, error) {
			b := []byte{}
			for _, s := range strings.FieldsFunc(w, func(r rune) bool { return r == ',' }) {
				var from, to uint32
				if _, err := fmt.Sscanf(s, "%d:%d", &from, &to); err != nil {
					return nil, bad("not FROM:TO")
				}
				m := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, from), to)
				b, _ = attr.AppendBytes(b, element, m)
			}
			return b, nil
		},
	}
}

// within is a value inside a nest; it can only be read.
func within(inner uint16, f form) form {
	return form{get: func(k *KindKey, v []byte, c conv) string {
		if e, ok := attr.Find(v, inner); ok {
			return f.get(k, e, c)
		}
		return ""
	}}
}

// decode reads the attributes of a type. What no wire knows comes back as opt.
func decode(b []byte, wires []wire, keys []KindKey, silent []uint16, c conv) (Data, []fs.Opt) {
	var d Data
	var opt []fs.Opt
	for t, v := range attr.All(b) {
		known := slices.Contains(silent, t)
		for i := range wires {
			w := &wires[i]
			if w.attr != t {
				continue
			}
			known = true
			s := w.get(find(keys, w.key), v, c)
			switch {
			case s == "":
			case d.Has(w.key):
				d = d.With(w.key, s)
			default:
				d = append(d, Pair{w.key, s})
			}
		}
		if !known {
			opt = append(opt, fs.Opt{N: int(t), Data: slices.Clone(v)})
		}
	}
	return d, opt
}

func (w *wire) get(k *KindKey, v []byte, c conv) string {
	switch {
	case k == nil:
		return ""
	case w.bit != 0:
		return zeroOne(len(v) >= 4 && attr.U32(v[:4])&w.bit != 0)
	}
	return w.form.get(k, v, c)
}

// encode appends the attributes of those keys of d that send wants, and the
// attributes that have no word.
func encode(b []byte, d Data, opt []fs.Opt, wires []wire, keys []KindKey, send func(key string) bool, c conv) ([]byte, error) {
	type bits struct{ value, mask uint32 }
	var masks map[uint16]bits
	for i := range wires {
		w := &wires[i]
		k := find(keys, w.key)
		if k == nil || k.RO || !d.Has(w.key) || !send(w.key) {
			continue
		}
		if w.bit != 0 {
			m := masks[w.attr]
			m.mask |= w.bit
			if d.Get(w.key) == "1" {
				m.value |= w.bit
			}
			if masks == nil {
				masks = map[uint16]bits{}
			}
			masks[w.attr] = m
			continue
		}
		v, err := w.form.put(k, d.Get(w.key), c)
		if err == nil && v != nil {
			b, err = attr.AppendBytes(b, w.attr, v)
		}
		if err != nil {
			return b, &fs.KeyError{Key: w.key, Word: d.Get(w.key), Err: err}
		}
	}
	for t, m := range masks {
		v := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, m.value), m.mask)
		b, _ = attr.AppendBytes(b, t, v)
	}
	if !send("opt") {
		return b, nil
	}
	return appendOpt(b, opt)
}

func appendOpt(b []byte, opt []fs.Opt) ([]byte, error) {
	var err error
	for _, o := range opt {
		if b, err = attr.AppendBytes(b, uint16(o.N), o.Data); err != nil {
			return b, &fs.KeyError{Key: "opt." + strconv.Itoa(o.N), Err: err}
		}
	}
	return b, nil
}

// inherited is the number that ttl=inherit has among those of IFLA_VXLAN_TTL, which
// are up to 255; the kernel has an attribute of its own for it.
const inherited = 256

var asTTL = form{
	get: func(k *KindKey, v []byte, _ conv) string { return k.Word(attr.Uint(v)) },
	put: func(k *KindKey, w string, _ conv) ([]byte, error) {
		n, err := k.Number(w)
		switch {
		case err != nil || n == inherited:
			return nil, err
		case n > 255:
			return nil, bad("not in 0..255")
		}
		return []byte{byte(n)}, nil
	},
}

var asInherit = form{
	get: func(k *KindKey, v []byte, _ conv) string {
		if len(v) > 0 && attr.Uint(v) == 0 {
			return ""
		}
		return k.Word(inherited)
	},
	put: func(k *KindKey, w string, _ conv) ([]byte, error) {
		n, err := k.Number(w)
		if err != nil || n != inherited {
			return nil, err
		}
		return []byte{}, nil // a flag
	},
}

// asMACs is a nest of link-layer addresses.
func asMACs(element uint16) form {
	return form{
		get: func(_ *KindKey, v []byte, _ conv) string {
			var list []string
			for _, a := range attr.All(v) {
				list = append(list, string(fs.AppendMAC(nil, a)))
			}
			slices.Sort(list)
			return strings.Join(list, ",")
		},
		put: func(_ *KindKey, w string, _ conv) ([]byte, error) {
			b := []byte{}
			for _, s := range strings.FieldsFunc(w, func(r rune) bool { return r == ',' }) {
				a, err := fs.ParseMAC(s)
				if err != nil {
					return nil, err
				}
				b, _ = attr.AppendBytes(b, element, a)
			}
			return b, nil
		},
	}
}

// constant goes along with another attribute of the key.
func constant(n uint32) form {
	return form{
		get: func(*KindKey, []byte, conv) string { return "" },
		put: func(*KindKey, string, conv) ([]byte, error) { return binary.NativeEndian.AppendUint32(nil, n), nil },
	}
}
