package names

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
}

func TestFilesInOrder(t *testing.T) {
	usr, etc := t.TempDir(), t.TempDir()
	write(t, usr+"/rt_tables", "10 never\n")
	write(t, etc+"/rt_tables", "# comment\n254 main\n0x64 blue extra\nbad line\n300 big\n7 1234\n")
	write(t, usr+"/rt_tables.d/a.conf", "11 usr-a\n")
	write(t, usr+"/rt_tables.d/b.conf", "12 usr-b\n")
	write(t, etc+"/rt_tables.d/b.conf", "12 etc-b\n")
	write(t, etc+"/rt_tables.d/skip", "13 skip\n")
	tab := open(&Table{file: "rt_tables", dirs: []string{usr, etc}, max: 1<<32 - 1, builtin: map[uint32]string{255: "local"}})
	for n, want := range map[uint32]string{
		255: "local", 254: "main", 100: "blue", 300: "big", 11: "usr-a", 12: "etc-b",
		10: "10", 13: "13", 7: "7", 1<<32 - 1: "4294967295",
	} {
		got := string(tab.Append(nil, n))
		assert.Equal(t, want, got)
		back, err := tab.Parse(got)
		require.NoError(t, err)
		assert.Equal(t, n, back)
	}
	_, err := tab.Parse("red")
	assert.EqualError(t, err, "neither a number nor a name of rt_tables")
	_, err = tab.Parse("4294967296")
	assert.EqualError(t, err, "more than 4294967295")
}

func TestRefreshSeesNewNames(t *testing.T) {
	etc := t.TempDir()
	tab := open(&Table{file: "rt_protos", dirs: []string{etc}, max: 255, builtin: map[uint32]string{4: "static"}})
	write(t, etc+"/rt_protos", "77 mine\n999 toobig\n")
	tab.checked.Store(0)
	tab.Refresh()
	assert.Equal(t, "mine", string(tab.Append(nil, 77)))
	assert.Equal(t, "static", string(tab.Append(nil, 4)))
	_, ok := tab.Name(999)
	assert.False(t, ok)
}

func TestDsfieldPrintsHexadecimal(t *testing.T) {
	tab := open(&Table{file: "rt_dsfield", dirs: nil, max: 255, hex: true})
	assert.Equal(t, "0x04", string(tab.Append(nil, 4)))
	assert.Equal(t, "0xb8", string(tab.Append(nil, 0xb8)))
	n, err := tab.Parse("0xb8")
	require.NoError(t, err)
	assert.Equal(t, uint32(0xb8), n)
}

func TestAppendAllocatesNothing(t *testing.T) {
	tab, b := Tables(), make([]byte, 0, 64)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		b = tab.Append(b[:0], 254)
		b = tab.Append(b, 100000)
	}))
}

// The built-in names are what iproute2's own files say.
func TestDefaultsParseBack(t *testing.T) {
	for _, tab := range []*Table{Protos(), Scopes(), Tables(), Realms(), Groups(), Dsfields(), IPProtos()} {
		for n := uint32(0); n < 256; n++ {
			got, err := tab.Parse(string(tab.Append(nil, n)))
			require.NoError(t, err)
			assert.Equal(t, n, got)
		}
	}
}

func TestWordsInOrder(t *testing.T) {
	tab := open(&Table{file: "", max: 255, builtin: map[uint32]string{9: "nine", 1: "one", 5: "five"}})
	assert.Equal(t, []string{"one", "five", "nine"}, tab.Words())
}
