package fs

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValueWrites(t *testing.T) {
	for name, c := range map[string]struct {
		writes []string
		want   []string // what Set was given
		err    error    // of the last write
	}{
		"echo":               {[]string{"1500\n"}, []string{"1500"}, nil},
		"printf":             {[]string{"1500"}, []string{"1500"}, nil},
		"newline on its own": {[]string{"1500", "\n"}, []string{"1500"}, nil},
		"and once more":      {[]string{"1500\n", "\n"}, []string{"1500"}, nil},
		"crlf":               {[]string{"1500\r\n"}, []string{"1500"}, nil},
		"two values":         {[]string{"1500\n", "1400\n"}, []string{"1500", "1400"}, nil},
		"after newline":      {[]string{"1500", "\n", "1400"}, []string{"1500", "1400"}, nil},
		"none":               {[]string{"\n"}, []string{""}, nil},
		"nothing":            {[]string{""}, nil, nil},
		"spaces stay":        {[]string{" a b \n"}, []string{" a b "}, nil},
		"split":              {[]string{"15", "00\n"}, []string{"15"}, errSplit},
		"two lines":          {[]string{"1500\n1400\n"}, nil, errTwo},
		"nul":                {[]string{"15\x0000\n"}, nil, errNUL},
		"long":               {[]string{strings.Repeat("x", maxValue+1)}, nil, errLong},
	} {
		var got []string
		v := &Value{Set: func(_ context.Context, w string) error { got = append(got, w); return nil }}
		h, err := v.Open(context.Background(), OpenWrite)
		require.NoError(t, err)
		for i, w := range c.writes {
			n, err := h.WriteAt(context.Background(), []byte(w), 99)
			if i < len(c.writes)-1 || c.err == nil {
				require.NoError(t, err, name)
				require.Equal(t, len(w), n, name)
				continue
			}
			require.ErrorIs(t, err, c.err, name)
		}
		require.Equal(t, c.want, got, name)
		require.NoError(t, h.Close(context.Background()))
	}
}

func TestValueReads(t *testing.T) {
	n, s := 0, "1500"
	v := &Value{Get: func(_ context.Context, b []byte) ([]byte, error) { n++; return append(b, s...), nil }}
	ctx := context.Background()
	h, err := v.Open(ctx, OpenRead)
	require.NoError(t, err)
	p := make([]byte, 3)
	read := func(off int64) string {
		n, err := h.ReadAt(ctx, p, off)
		require.NoError(t, err)
		return string(p[:n])
	}
	require.Equal(t, "150", read(0))
	s = "9000"
	require.Equal(t, "0\n", read(3))
	require.Equal(t, "", read(5))
	require.Equal(t, "", read(1<<40))
	require.Equal(t, 1, n)
	require.Equal(t, "900", read(0))
	s = ""
	require.Equal(t, "\n", read(0))
	size, err := v.Size(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, size)

	v.Get = func(context.Context, []byte) ([]byte, error) { return nil, ErrNotExist }
	_, err = h.ReadAt(ctx, p, 0)
	require.ErrorIs(t, err, ErrRemoved)
}

func TestValueSecret(t *testing.T) {
	s := "key"
	v := word(&s)
	v.Secret = true
	h, err := v.Open(asRoot(), OpenRead|OpenWrite)
	require.NoError(t, err)
	_, err = h.WriteAt(asRoot(), []byte("?\n"), 0)
	require.NoError(t, err)
	require.Equal(t, "key", s)
	p := make([]byte, 10)
	n, _ := h.ReadAt(asRoot(), p, 0)
	require.Equal(t, "key\n", string(p[:n]))
	n, _ = h.ReadAt(asUser(7), p, 0)
	require.Equal(t, "?\n", string(p[:n]))
}

func TestValueBlames(t *testing.T) {
	v := &Value{Set: func(context.Context, string) error { return &KeyError{Key: "mtu", Err: syscall.EINVAL} }}
	h, _ := v.Open(asRoot(), OpenWrite)
	_, err := h.WriteAt(asRoot(), []byte("tiny\n"), 0)
	require.EqualError(t, err, `mtu "tiny": invalid argument`)
}
