package genl

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
)

func TestFamilyEvents(t *testing.T) {
	src := FamilySource(nil)
	for cmd, want := range map[uint8]nl.What{
		CTRL_CMD_NEWFAMILY:    nl.Added,
		CTRL_CMD_DELFAMILY:    nl.Deleted,
		CTRL_CMD_NEWMCAST_GRP: nl.Stale,
		CTRL_CMD_DELMCAST_GRP: nl.Stale,
		CTRL_CMD_GETPOLICY:    nl.Ignored,
	} {
		b, err := (&Family{Header: ctrl(cmd), Name: "wireguard", ID: 40}).AppendBody(nil)
		require.NoError(t, err)
		what, f, err := src.Event(nl.Message{Type: GENL_ID_CTRL, Data: b})
		require.NoError(t, err)
		require.Equal(t, want, what)
		if want == nl.Added || want == nl.Deleted {
			require.Equal(t, "wireguard", f.Name)
		}
	}
	what, _, err := src.Event(nl.Message{Type: 40})
	require.NoError(t, err)
	require.Equal(t, nl.Ignored, what)
	_, _, err = src.Event(nl.Message{Type: GENL_ID_CTRL, Data: []byte{1, 2, 0, 0, 9, 0, 0, 0}})
	require.Error(t, err)
}
