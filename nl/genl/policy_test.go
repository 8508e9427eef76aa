package genl

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl/attr"
)

// nested puts v into an attribute.
func nested(typ uint16, v []byte) []byte {
	b, _ := attr.AppendBytes(nil, typ|attr.FlagNested, v)
	return b
}

func TestDecodePolicyPart(t *testing.T) {
	inner, err := (&AttrPolicy{Type: AttrS8, MinS: -3, MaxS: 4}).AppendBody(nil)
	require.NoError(t, err)
	b := (&Header{Cmd: CTRL_CMD_GETPOLICY}).Append(nil)
	b = append(b, nested(CTRL_ATTR_POLICY, nested(7, nested(9, inner)))...)
	var m policyPart
	require.NoError(t, m.Decode(b))
	require.Equal(t, uint16(7), m.Policy.set)
	require.Equal(t, uint16(9), m.Policy.attr)
	require.Equal(t, AttrS8, m.Policy.Type)
	require.Equal(t, int64(-3), m.Policy.MinS)
	require.Equal(t, int64(4), m.Policy.MaxS)
	require.Zero(t, m.Policy.Has&AttrPolicyMaxU)

	var p Policy
	require.NoError(t, p.add(&m.Policy))
	require.Equal(t, int64(4), p.set(7)[9].MaxS)
	require.Empty(t, p.set(8))
	require.NotNil(t, p.set(8))
	require.Nil(t, p.set(-1))
	m.Policy.set = maxSets
	require.Error(t, p.add(&m.Policy))

	b = (&Header{}).Append(nil)
	b = append(b, nested(CTRL_ATTR_OP_POLICY, nested(3, attr.AppendU32(nil, CTRL_ATTR_POLICY_DUMP, 5)))...)
	require.NoError(t, m.Decode(b))
	require.Equal(t, OpPolicy{Cmd: 3, Do: -1, Dump: 5}, m.OpPolicy)

	for name, v := range map[string][]byte{
		"cut":       {8, 0, 1},
		"too long":  {9, 0, 1, 0, 0, 0, 0, 0},
		"too short": {3, 0, 1, 0},
	} {
		err := (&policyPart{}).decodePolicy(v)
		if name == "cut" {
			require.NoError(t, err, "bytes that are less than a header are padding")
			continue
		}
		require.Error(t, err, name)
	}
}
