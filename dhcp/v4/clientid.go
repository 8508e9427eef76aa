package v4

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"

	"github.com/netfs-project/netfs/dhcp/internal/text"
)

// A ClientID is the value of option 61: a type and what identifies the client.
// It is opaque to a server. Source: RFC 2132 9.14, RFC 4361.
type ClientID []byte

// Types of client identifiers beside the hardware types.
const (
	IDOther = 0   // a name, or whatever
	IDDUID  = 255 // an IAID of 4 bytes and a DUID, RFC 4361 6.1
)

// HardwareID is the identifier that is made of a hardware type and address.
func HardwareID(htype uint8, addr net.HardwareAddr) ClientID {
	return append(ClientID{htype}, addr...)
}

// DUIDID is the identifier of RFC 4361, which a host shares between DHCPv4 and DHCPv6.
func DUIDID(iaid uint32, duid []byte) ClientID {
	return append(binary.BigEndian.AppendUint32(ClientID{IDDUID}, iaid), duid...)
}

// DUID takes an identifier of RFC 4361 apart, and reports whether it is one.
func (id ClientID) DUID() (iaid uint32, duid []byte, ok bool) {
	// A DUID has a type of two bytes and something more.
	if len(id) < 1+4+3 || id[0] != IDDUID {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(id[1:]), id[5:], true
}

// String is the bytes: 01:02:00:5e:00:53:01.
func (id ClientID) String() string { b, _ := printClientID(nil, id); return string(b) }

// ClientID is the client's identifier, RFC 2132 9.14: at least two bytes.
func (o Options) ClientID() (ClientID, error) {
	v, err := o.value(OptClientID)
	return ClientID(v), err
}

// SetClientID sets the client's identifier.
func (o *Options) SetClientID(id ClientID) { o.Set(OptClientID, id) }

func printClientID(b, v []byte) ([]byte, error) {
	for i, c := range v {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, []byte{c})
	}
	return b, nil
}

// parseClientID takes bytes, or a text in quotes: an identifier of type 0.
func parseClientID(b []byte, s string) ([]byte, error) {
	if strings.HasPrefix(s, `"`) {
		t, err := text.Unquote(s)
		return append(append(b, IDOther), t...), err
	}
	v, err := parseHex(b, s)
	if err != nil {
		return b, fmt.Errorf(`%q: neither bytes (01:02:…) nor a "text" in quotes`, s)
	}
	return v, nil
}
