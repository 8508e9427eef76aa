package v4

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Protocols, algorithms and methods of Authentication. Source: RFC 3118 2 and
// 5; RFC 6704 3.1.
const (
	AuthToken       = 0 // a token in the clear
	AuthDelayed     = 1
	AuthReconfigure = 3 // a key that the server gives once: ForceRenew

	AlgHMACMD5 = 1

	RDMCounter = 0 // Replay only grows
)

// Types of the information of AuthReconfigure. Source: RFC 6704 3.1.1.
const (
	infoNonce  = 1
	infoDigest = 2
	nonceLen   = 16
)

// Authentication is the value of option 90. Source: RFC 3118 2.
type Authentication struct {
	Protocol  uint8
	Algorithm uint8
	RDM       uint8 // how Replay is meant
	Replay    uint64
	Info      []byte // the protocol's
}

// Auth returns the authentication of the message, unverified.
func (o Options) Auth() (Authentication, error) {
	v, err := o.value(OptAuth)
	if err != nil {
		return Authentication{}, err
	}
	return readAuth(v), nil
}

func readAuth(v []byte) Authentication {
	return Authentication{v[0], v[1], v[2], binary.BigEndian.Uint64(v[3:]), v[11:]}
}

// SetAuth sets the authentication.
func (o *Options) SetAuth(a Authentication) { o.Set(OptAuth, appendAuth(nil, a)) }

func appendAuth(b []byte, a Authentication) []byte {
	b = append(b, a.Protocol, a.Algorithm, a.RDM)
	return append(binary.BigEndian.AppendUint64(b, a.Replay), a.Info...)
}

// Nonce returns the key that a server gives in an ACK, for its ForceRenews.
func (a Authentication) Nonce() (key []byte, ok bool) {
	if a.Protocol != AuthReconfigure || a.Algorithm != AlgHMACMD5 || len(a.Info) != 1+nonceLen || a.Info[0] != infoNonce {
		return nil, false
	}
	return a.Info[1:], true
}

// NonceAuth is the authentication of an ACK that gives a key of 16 bytes.
func NonceAuth(replay uint64, key [16]byte) Authentication {
	return Authentication{AuthReconfigure, AlgHMACMD5, RDMCounter, replay, append([]byte{infoNonce}, key[:]...)}
}

// ErrUnauthentic is why VerifyForceRenew refuses.
var ErrUnauthentic = errors.New("not authentic")

// SignForceRenew puts the digest into packet, an encoded message with a
// DigestAuth in it.
func SignForceRenew(packet, key []byte) error {
	digest, err := findDigest(packet)
	if err == nil {
		clear(digest)
		copy(digest, forceRenewMAC(packet, key))
	}
	return err
}

// DigestAuth is the authentication of a ForceRenew to be signed.
func DigestAuth(replay uint64) Authentication {
	return Authentication{AuthReconfigure, AlgHMACMD5, RDMCounter, replay, append([]byte{infoDigest}, make([]byte, md5.Size)...)}
}

// VerifyForceRenew tests the digest of packet, an encoded ForceRenew as it came,
// and that its replay counter is beyond last. It returns the new counter. Packet
// is not changed. Source: RFC 6704 3.1: HMAC-MD5 over the whole message, with the
// digest as zero, and hops and giaddr too, which a relay may change (RFC 3118 5.2).
func VerifyForceRenew(packet, key []byte, last uint64) (replay uint64, err error) {
	b := append([]byte(nil), packet...)
	digest, err := findDigest(b)
	if err != nil {
		return 0, err
	}
	var m Message
	if err := m.Decode(b); err != nil {
		return 0, err
	}
	a, err := m.Options.Auth()
	if err != nil {
		return 0, err
	}
	if m.Type() != ForceRenew || a.RDM != RDMCounter || a.Replay <= last {
		return 0, fmt.Errorf("a %v with replay counter %d after %d: %w", m.Type(), a.Replay, last, ErrUnauthentic)
	}
	got := append([]byte(nil), digest...)
	clear(digest)
	if !hmac.Equal(got, forceRenewMAC(b, key)) {
		return 0, fmt.Errorf("wrong digest: %w", ErrUnauthentic)
	}
	return a.Replay, nil
}

// findDigest returns the bytes of the digest in an encoded message: of the
// first option 90, which must be in the options field and whole.
func findDigest(packet []byte) ([]byte, error) {
	if len(packet) < offOptions {
		return nil, fmt.Errorf("%d bytes are too few for a message", len(packet))
	}
	b := packet[offOptions:]
	for len(b) > 0 && Code(b[0]) != optEnd {
		if Code(b[0]) == optPad {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			break
		}
		v := b[2 : 2+int(b[1])]
		if Code(b[0]) == OptAuth {
			if len(v) != 11+1+md5.Size || v[0] != AuthReconfigure || v[1] != AlgHMACMD5 || v[11] != infoDigest {
				break
			}
			return v[12:], nil
		}
		b = b[2+int(b[1]):]
	}
	return nil, fmt.Errorf("no digest of a ForceRenew: %w", ErrUnauthentic)
}

// forceRenewMAC is the digest over packet, whose digest is zero.
func forceRenewMAC(packet, key []byte) []byte {
	h := hmac.New(md5.New, key)
	var zero [4]byte
	h.Write(packet[:3])
	h.Write(zero[:1]) // hops
	h.Write(packet[4:24])
	h.Write(zero[:]) // giaddr
	h.Write(packet[28:])
	return h.Sum(nil)
}

func printAuth(b, v []byte) ([]byte, error) {
	a := readAuth(v)
	for _, n := range [...]uint64{uint64(a.Protocol), uint64(a.Algorithm), uint64(a.RDM), a.Replay} {
		b = append(strconv.AppendUint(b, n, 10), ':')
	}
	return hex.AppendEncode(b, a.Info), nil
}

func parseAuth(b []byte, s string) ([]byte, error) {
	w := strings.Split(s, ":")
	if len(w) != 5 {
		return b, fmt.Errorf("%q: not PROTOCOL:ALGORITHM:RDM:REPLAY:HEX", s)
	}
	var n [4]uint64
	for i, size := range [...]int{8, 8, 8, 64} {
		var err error
		if n[i], err = strconv.ParseUint(w[i], 10, size); err != nil {
			return b, fmt.Errorf("%q: not a number of %d bits", w[i], size)
		}
	}
	info, err := hex.DecodeString(w[4])
	if err != nil {
		return b, fmt.Errorf("%q: not hex", w[4])
	}
	return appendAuth(b, Authentication{uint8(n[0]), uint8(n[1]), uint8(n[2]), n[3], info}), nil
}
