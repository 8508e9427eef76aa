package v6_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
	"github.com/netfs-project/netfs/dhcp/v6"
)

var update = flag.Bool("update", false, "write the golden files")

// Every captured message is what its golden file says, and is encoded as the
// same bytes.
func TestCaptured(t *testing.T) {
	files := capture.Files(t, "captured")
	messages := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		var golden []byte
		for i, f := range files[name] {
			proto, udp := capture.IPv6(f)
			if proto != 17 {
				continue
			}
			messages++
			p := udp[8:]
			m, err := v6.Decode(p)
			require.NoError(t, err, "%s frame %d", name, i)
			b, err := m.Append(nil)
			require.NoError(t, err)
			require.True(t, bytes.Equal(p, b), "%s frame %d\n%x\n%x", name, i, p, b)
			j, err := json.Marshal(m)
			require.NoError(t, err)
			j = bytes.ReplaceAll(j, []byte(`{"code":`), []byte("\n\t{\"code\":"))
			golden = append(append(golden, j...), '\n')
		}
		if golden != nil {
			checkGolden(t, filepath.Join("testdata", "captured", name+".json"), golden)
		}
	}
	require.Greater(t, messages, 8)
}

func checkGolden(t *testing.T, path string, got []byte) {
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, got, 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), path)
}
