package nfnl

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestType(t *testing.T) {
	require.Equal(t, uint16(0x0a07), Type(SubsysNFTables, 7))
	subsys, msg := Split(0x0a07)
	require.Equal(t, uint8(SubsysNFTables), subsys)
	require.Equal(t, uint8(7), msg)
}

func TestHeader(t *testing.T) {
	h := Header{Family: 2, Version: 1, ResID: 0x0102}
	b := h.Append(nil)
	require.Equal(t, []byte{2, 1, 1, 2}, b)
	var got Header
	got.Decode(b)
	require.Equal(t, h, got)
	got.Decode([]byte{10})
	require.Equal(t, Header{Family: 10}, got, "a header that is cut")
}

func TestProbe(t *testing.T) {
	require.NoError(t, Probe(nil, "x"))
	err := Probe(fmt.Errorf("get: %w", syscall.EINVAL), "conntrack")
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, err, syscall.EINVAL)
	require.EqualError(t, err, "conntrack: not in this kernel")
	require.NotErrorIs(t, Probe(syscall.EPERM, "x"), errors.ErrUnsupported)
}
