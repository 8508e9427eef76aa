package link

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestEveryKeyHasAWire: the words and the attributes of types and ports are two
// tables that must agree.
func TestEveryKeyHasAWire(t *testing.T) {
	for _, pair := range []struct {
		keys  map[string][]KindKey
		wires map[string][]wire
	}{{Kinds, wires}, {Ports, portWires}} {
		for kind, keys := range pair.keys {
			var named []string
			for _, w := range pair.wires[kind] {
				named = append(named, w.key)
				assert.NotNil(t, find(keys, w.key), "%s: a wire for %s, which is no key", kind, w.key)
			}
			for _, k := range keys {
				assert.Contains(t, named, k.Name, kind)
			}
		}
		for kind := range pair.wires {
			assert.Contains(t, pair.keys, kind)
		}
	}
}

// TestUnknownType: attributes of a type without words go there and back.
func TestUnknownType(t *testing.T) {
	raw := []byte{8, 0, 1, 0, 1, 2, 3, 4, 5, 0, 2, 0, 9, 0, 0, 0}
	d, opt := decode(raw, nil, nil, nil, conv{})
	assert.Empty(t, d)
	assert.Len(t, opt, 2)
	b, err := encode(nil, d, opt, nil, nil, func(string) bool { return true }, conv{})
	assert.NoError(t, err)
	assert.Equal(t, raw, b)
}

func FuzzDecode(f *testing.F) {
	f.Add("bridge", []byte{8, 0, 1, 0, 1, 2, 3, 4})
	f.Add("vlan", []byte{12, 0, 4, 0, 12, 0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0})
	f.Add("bond", []byte{12, 0, 8, 0, 8, 0, 0, 0, 192, 0, 2, 1})
	c := conv{name: func(int) string { return "eth0" }, index: func(string) (int, error) { return 2, nil }}
	f.Fuzz(func(t *testing.T, kind string, b []byte) {
		d, opt := decode(b, wires[kind], Kinds[kind], silent[kind], c)
		_, _ = encode(nil, d, opt, wires[kind], Kinds[kind], func(string) bool { return true }, c)
	})
}
