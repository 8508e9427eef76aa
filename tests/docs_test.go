package tests

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLineCounts keeps the sizes in the recipe true.
func TestLineCounts(t *testing.T) {
	doc, err := os.ReadFile("../docs/adding-a-system.md")
	require.NoError(t, err)
	rows := regexp.MustCompile(`(?m)^\| (\S+/mptcp/\S+\.go) \| (\d+) \|`).FindAllStringSubmatch(string(doc), -1)
	require.Len(t, rows, 8)
	for _, r := range rows {
		b, err := os.ReadFile("../" + r[1])
		require.NoError(t, err)
		require.Equal(t, r[2], strconv.Itoa(bytes.Count(b, []byte("\n"))), "lines of %s", r[1])
	}
}
