package v6

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"time"
)

// A DUID names a client or a server: a type of two bytes and 1 to 128 more.
// Others compare it and look no further. Source: RFC 8415 11.
type DUID []byte

// Types of DUIDs. Source: RFC 8415 11.1; 6355 for the last.
const (
	DUIDLLT  = 1 // a link-layer address and a time
	DUIDEN   = 2 // an enterprise number and what it gives
	DUIDLL   = 3 // a link-layer address
	DUIDUUID = 4
)

// duidEpoch is midnight UTC, 2000-01-01.
const duidEpoch = 946684800

// NewDUIDLLT makes a DUID of a link-layer address and the time when it is made,
// which is to be stored: a later one would be another.
func NewDUIDLLT(htype uint16, addr net.HardwareAddr, made time.Time) DUID {
	d := binary.BigEndian.AppendUint16(DUID{0, DUIDLLT}, htype)
	d = binary.BigEndian.AppendUint32(d, uint32(made.Unix()-duidEpoch))
	return append(d, addr...)
}

// NewDUIDLL makes a DUID of a link-layer address.
func NewDUIDLL(htype uint16, addr net.HardwareAddr) DUID {
	return append(binary.BigEndian.AppendUint16(DUID{0, DUIDLL}, htype), addr...)
}

// NewDUIDEN makes a DUID of an enterprise's number at IANA and what it chose.
func NewDUIDEN(number uint32, id []byte) DUID {
	return append(binary.BigEndian.AppendUint32(DUID{0, DUIDEN}, number), id...)
}

// NewDUIDUUID makes a DUID of a UUID.
func NewDUIDUUID(uuid [16]byte) DUID { return append(DUID{0, DUIDUUID}, uuid[:]...) }

// Type is the DUID's type, 0 if it has none.
func (d DUID) Type() uint16 {
	if len(d) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(d)
}

// String is the bytes: 00:03:00:01:02:00:5e:00:53:01.
func (d DUID) String() string {
	b := make([]byte, 0, 3*len(d))
	for i := range d {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, d[i:i+1])
	}
	return string(b)
}

// ParseDUID reads what String writes, also without the colons.
func ParseDUID(s string) (DUID, error) {
	d, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil {
		return nil, fmt.Errorf("%q: not bytes, 00:03:…", s)
	}
	if len(d) < 3 || len(d) > 130 {
		return nil, fmt.Errorf("%q: a DUID has 3 to 130 bytes", s)
	}
	return d, nil
}

// ClientID returns the client's DUID.
func (o Options) ClientID() (DUID, error) { return o.duid(OptClientID) }

// ServerID returns the server's DUID.
func (o Options) ServerID() (DUID, error) { return o.duid(OptServerID) }

func (o Options) duid(c Code) (DUID, error) {
	v, err := o.value(c)
	return DUID(v), err
}

// SetClientID sets the client's DUID.
func (o *Options) SetClientID(d DUID) { o.Set(OptClientID, d) }

// SetServerID sets the server's DUID.
func (o *Options) SetServerID(d DUID) { o.Set(OptServerID, d) }
