package dnsname

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The list of RFC 3397 3, second example.
func TestCompressed(t *testing.T) {
	b := []byte("\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04")
	names, err := ReadAll(b, true)
	require.NoError(t, err)
	assert.Equal(t, []string{"eng.apple.com", "marketing.apple.com"}, names)
	_, err = ReadAll(b, false)
	assert.ErrorIs(t, err, ErrPointer)
}

func TestChainOfPointers(t *testing.T) {
	// Each name is a label and a pointer to the one before: long chains end.
	b := []byte{1, 'a', 0}
	last := 0
	for len(b) < 300 {
		at := len(b)
		b = append(b, 1, 'b', 0xc0|byte(last>>8), byte(last))
		last = at
	}
	names, err := ReadAll(b, true)
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("b.", 75)+"a", names[len(names)-1])
	for len(b) < 1000 {
		at := len(b)
		b = append(b, 1, 'b', 0xc0|byte(last>>8), byte(last))
		last = at
	}
	_, err = ReadAll(b, true)
	assert.ErrorIs(t, err, ErrTooLong)
}

// Two bytes of a pointer ask for a name of 255: many of them for too much.
func TestAmplification(t *testing.T) {
	long := strings.Repeat("\x3f"+strings.Repeat("\xff", 63), 3) + "\x00"
	b := append([]byte(long), bytes.Repeat([]byte{0xc0, 0}, 10000)...)
	_, err := ReadAll(b, true)
	assert.ErrorIs(t, err, ErrTooMuch)
}

func TestText(t *testing.T) {
	for text, wire := range map[string]string{
		".":              "\x00",
		"a":              "\x01a\x00",
		"_x-1.Example":   "\x04_x-1\x07Example\x00",
		`a\032b\046\255`: "\x05a b.\xff\x00",
		`\092\034`:       "\x02\\\"\x00",
		strings.Repeat(strings.Repeat("l", 62)+".", 4) + "x": "",
	} {
		b, err := Append(nil, text)
		require.NoError(t, err, text)
		if wire != "" {
			assert.Equal(t, wire, string(b))
		}
		got, next, err := Read(b, 0, false)
		require.NoError(t, err, text)
		assert.Equal(t, text, got)
		assert.Equal(t, len(b), next)
	}
	b, err := Append([]byte("before"), `a\.b.`)
	require.NoError(t, err)
	assert.Equal(t, "before\x03a.b\x00", string(b))
	for _, bad := range []string{"", "..", ".a", "a..b", `a\`, `a\1`, `a\256`, strings.Repeat("a", 64), strings.Repeat("a.", 128)} {
		b, err := Append([]byte("before"), bad)
		assert.Error(t, err, bad)
		assert.Equal(t, "before", string(b))
	}
	_, err = AppendAll(nil, []string{"a", ""})
	assert.Error(t, err)
}

func TestIsHost(t *testing.T) {
	for _, good := range []string{"a", "vm-1", "a.b.", "1.2", strings.Repeat("a", 63)} {
		assert.True(t, IsHost(good), good)
	}
	for _, bad := range []string{"", ".", "-a", "a-", "a_b", "a b", "a..b", "a\n", "ä", strings.Repeat("a", 64), strings.Repeat("a.", 130)} {
		assert.False(t, IsHost(bad), bad)
	}
}

// What is read is written, and read as the same; text is printable.
func FuzzNames(f *testing.F) {
	f.Add([]byte("\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04"), true, "a.b")
	f.Add([]byte("\xc0\x00"), true, `a\032.`)
	f.Add([]byte("\x01a\xc0\x02\x00"), false, ".")
	f.Fuzz(func(t *testing.T, b []byte, compressed bool, text string) {
		names, err := ReadAll(b, compressed)
		if err == nil && len(names) > 0 {
			for _, n := range names {
				for i := range len(n) {
					require.True(t, n[i] > ' ' && n[i] < 0x7f, "%q", n)
				}
			}
			out, err := AppendAll(nil, names)
			require.NoError(t, err)
			again, err := ReadAll(out, false)
			require.NoError(t, err)
			require.Equal(t, names, again)
		}
		if out, err := Append(nil, text); err == nil {
			n, next, err := Read(out, 0, false)
			require.NoError(t, err)
			require.Equal(t, len(out), next)
			again, err := Append(nil, n)
			require.NoError(t, err)
			require.Equal(t, out, again)
		}
	})
}
