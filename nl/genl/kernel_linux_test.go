package genl

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

func kernel(t testing.TB) (*nltest.NS, *nl.Client, context.Context) {
	t.Helper()
	nltest.CheckLeaks(t)
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Generic, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ns, c, ctx
}

func TestFamilies(t *testing.T) {
	_, c, ctx := kernel(t)
	seen := map[string]uint16{}
	for f, err := range Families(ctx, c) {
		require.NoError(t, err)
		require.NotEmpty(t, f.Name)
		seen[f.Name] = f.ID
		one, err := Resolve(ctx, c, f.Name)
		require.NoError(t, err)
		require.Equal(t, f.ID, one.ID)
		require.Equal(t, f.Version, one.Version)
		require.Equal(t, f.MaxAttr, one.MaxAttr)
		require.ElementsMatch(t, f.Ops, one.Ops)
		require.ElementsMatch(t, f.Groups, one.Groups)
	}
	require.Equal(t, uint16(GENL_ID_CTRL), seen["nlctrl"])
	require.Greater(t, len(seen), 1)
}

func TestController(t *testing.T) {
	_, c, ctx := kernel(t)
	f, err := Resolve(ctx, c, "nlctrl")
	require.NoError(t, err)
	require.Equal(t, uint32(2), f.Version)
	op := f.Op(CTRL_CMD_GETFAMILY)
	require.NotNil(t, op)
	require.Equal(t, uint32(GENL_CMD_CAP_DO|GENL_CMD_CAP_DUMP|GENL_CMD_CAP_HASPOL), op.Flags)
	require.Nil(t, f.Op(200))
	id, err := f.Group("notify")
	require.NoError(t, err)
	require.Equal(t, uint32(notifyGroup), id)
	_, err = f.Group("no such group")
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestAbsentFamily(t *testing.T) {
	_, c, ctx := kernel(t)
	_, err := Dial(ctx, c, "no_such_family")
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.EqualError(t, err, `generic netlink family "no_such_family": not in this kernel`)
}

// TestPolicyOfController checks the policy dump by what the controller says of
// itself.
func TestPolicyOfController(t *testing.T) {
	_, c, ctx := kernel(t)
	p, err := FetchPolicy(ctx, c, "nlctrl")
	require.NoError(t, err)
	get := p.Attrs(CTRL_CMD_GETFAMILY, false)
	require.Equal(t, AttrU16, get[CTRL_ATTR_FAMILY_ID].Type)
	require.Equal(t, AttrNulString, get[CTRL_ATTR_FAMILY_NAME].Type)
	require.Equal(t, uint32(GENL_NAMSIZ-1), get[CTRL_ATTR_FAMILY_NAME].MaxLen)
	require.Nil(t, p.Attrs(CTRL_CMD_GETPOLICY, false), "a policy is only dumped")
	require.Len(t, p.Attrs(CTRL_CMD_GETPOLICY, true), 3)
	dump := p.Attrs(CTRL_CMD_GETPOLICY, true)
	require.Equal(t, AttrU32, dump[CTRL_ATTR_OP].Type)
	require.Nil(t, p.Attrs(250, false))
}

// TestPolicies fetches what every family here accepts.
func TestPolicies(t *testing.T) {
	_, c, ctx := kernel(t)
	var names []string
	for f, err := range Families(ctx, c) {
		require.NoError(t, err)
		names = append(names, f.Name)
	}
	for _, name := range names {
		p, err := FetchPolicy(ctx, c, name)
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		for i, set := range p.Sets {
			for n, a := range set {
				require.NotZero(t, a.Type, "%s, set %d, attribute %d", name, i, n)
				if inner := p.Inside(a); a.Type == AttrNested && a.Has&AttrPolicyNested != 0 {
					require.NotNil(t, inner)
				}
			}
		}
		require.NotEmpty(t, p.Ops, name)
		f, err := Resolve(ctx, c, name)
		require.NoError(t, err)
		for _, op := range f.Ops {
			if op.Flags&GENL_CMD_CAP_HASPOL == 0 {
				continue
			}
			// Some dumps look at no attributes.
			told := p.Attrs(uint8(op.ID), false) != nil || p.Attrs(uint8(op.ID), true) != nil
			require.True(t, told, "%s: command %d", name, op.ID)
		}
	}
}

func TestSubscribe(t *testing.T) {
	_, c, ctx := kernel(t)
	g, err := Dial(ctx, c, "nlctrl")
	require.NoError(t, err)
	s, err := g.Subscribe(ctx, "notify")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = g.Subscribe(ctx, "no such group")
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// TestConn asks the controller as a family like others.
func TestConn(t *testing.T) {
	_, c, ctx := kernel(t)
	g, err := Dial(ctx, c, "nlctrl")
	require.NoError(t, err)
	n := 0
	for m, err := range g.Dump(ctx, &Family{Header: ctrl(CTRL_CMD_GETFAMILY)}) {
		require.NoError(t, err)
		var f Family
		require.NoError(t, f.Decode(m.Data))
		n++
	}
	require.NotZero(t, n)

	q := &Family{Header: ctrl(CTRL_CMD_GETFAMILY), Name: "no_such_family"}
	require.ErrorIs(t, g.Do(ctx, 0, q), fs.ErrNotExist)
	var ke *nl.Error
	require.ErrorAs(t, g.Do(ctx, 0, q), &ke)
	require.Equal(t, "CTRL_CMD_GETFAMILY", ke.Op)
}

// TestMovedFamily is a family that got another number since it was looked up.
func TestMovedFamily(t *testing.T) {
	_, c, ctx := kernel(t)
	g, err := Dial(ctx, c, "nlctrl")
	require.NoError(t, err)
	stale := *g.fam
	stale.ID = 1000 // nobody's
	q := &Family{Header: ctrl(CTRL_CMD_GETFAMILY), Name: "nlctrl"}

	g.fam = &stale
	var f Family
	require.NoError(t, g.Get(ctx, 0, q, func(m nl.Message) error { return f.Decode(m.Data) }))
	require.Equal(t, "nlctrl", f.Name)
	require.Equal(t, uint16(GENL_ID_CTRL), g.Family().ID)

	g.fam = &stale
	n := 0
	for _, err := range g.Dump(ctx, &Family{Header: ctrl(CTRL_CMD_GETFAMILY)}) {
		require.NoError(t, err)
		n++
	}
	require.NotZero(t, n)
}
