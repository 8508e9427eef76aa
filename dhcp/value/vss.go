package value

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/dhcp/internal/text"
)

// A VSS is a choice of VPN. Source: RFC 6607 3.
type VSS struct {
	Type VSSType
	ID   []byte // VSSName: ASCII; VSSVPNID: 7 bytes, RFC 2685; VSSGlobal: none
}

// A VSSType is how a VPN is named.
type VSSType uint8

// Source: RFC 6607 3.4.
const (
	VSSName   VSSType = 0
	VSSVPNID  VSSType = 1
	VSSGlobal VSSType = 255 // the global, default VPN
)

const vpnIDLen = 7

// ReadVSS reads a choice of VPN, and borrows v.
func ReadVSS(v []byte) (VSS, error) {
	if len(v) == 0 {
		return VSS{}, errShort
	}
	s := VSS{VSSType(v[0]), v[1:]}
	return s, s.check()
}

func (s VSS) check() error {
	switch {
	case s.Type == VSSVPNID && len(s.ID) != vpnIDLen:
		return fmt.Errorf("a VPN-ID of %d bytes, not %d", len(s.ID), vpnIDLen)
	case s.Type == VSSGlobal && len(s.ID) != 0:
		return fmt.Errorf("%d bytes of the global VPN", len(s.ID))
	}
	return nil
}

// Append appends the bytes of the choice.
func (s VSS) Append(b []byte) ([]byte, error) {
	if err := s.check(); err != nil {
		return b, err
	}
	return append(append(b, byte(s.Type)), s.ID...), nil
}

// AppendText appends name:blue, vpn_id:00000100000001, global, or 7:0a0b of a type that nobody knows.
func (s VSS) AppendText(b []byte) []byte {
	switch s.Type {
	case VSSName:
		return text.AppendQuote(append(b, "name:"...), s.ID)
	case VSSVPNID:
		return hex.AppendEncode(append(b, "vpn_id:"...), s.ID)
	case VSSGlobal:
		return append(b, "global"...)
	}
	return hex.AppendEncode(append(strconv.AppendUint(b, uint64(s.Type), 10), ':'), s.ID)
}

// ParseVSS reads what AppendText writes.
func ParseVSS(s string) (v VSS, err error) {
	key, id, _ := strings.Cut(s, ":")
	switch key {
	case "name":
		id, err = text.Unquote(id)
		return VSS{VSSName, []byte(id)}, err
	case "global":
		v.Type = VSSGlobal
	case "vpn_id":
		v.Type = VSSVPNID
	default:
		n, perr := strconv.ParseUint(key, 10, 8)
		if perr != nil {
			return v, fmt.Errorf("%q: not name:TEXT, vpn_id:HEX, global, or NUMBER:HEX", s)
		}
		v.Type = VSSType(n)
	}
	if v.ID, err = hex.DecodeString(id); err != nil {
		return v, fmt.Errorf("%q: not hex", id)
	}
	return v, v.check()
}
