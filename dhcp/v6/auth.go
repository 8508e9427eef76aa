package v6

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

// Authentication of a Reconfigure. Source: RFC 8415 20.4.
const (
	AuthReconfigure = 3 // the protocol: a key that the server gives once
	AlgHMACMD5      = 1
	RDMCounter      = 0 // Replay only grows

	infoKey    = 1
	infoDigest = 2
	keyLen     = 16
)

// Authentication is the value of option 11. Source: RFC 8415 21.11.
type Authentication struct {
	Protocol  uint8
	Algorithm uint8
	RDM       uint8
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

// ReconfigureKey returns the key that a server gives in a Reply, for its Reconfigures.
func (a Authentication) ReconfigureKey() (key []byte, ok bool) {
	if a.Protocol != AuthReconfigure || a.Algorithm != AlgHMACMD5 || len(a.Info) != 1+keyLen || a.Info[0] != infoKey {
		return nil, false
	}
	return a.Info[1:], true
}

// KeyAuth is the authentication of a Reply that gives a key.
func KeyAuth(replay uint64, key [16]byte) Authentication {
	return Authentication{AuthReconfigure, AlgHMACMD5, RDMCounter, replay, append([]byte{infoKey}, key[:]...)}
}

// DigestAuth is the authentication of a Reconfigure to be signed.
func DigestAuth(replay uint64) Authentication {
	return Authentication{AuthReconfigure, AlgHMACMD5, RDMCounter, replay, append([]byte{infoDigest}, make([]byte, md5.Size)...)}
}

// ErrUnauthentic is why VerifyReconfigure refuses.
var ErrUnauthentic = errors.New("not authentic")

// SignReconfigure puts the digest into packet, an encoded message with a
// DigestAuth in it.
func SignReconfigure(packet, key []byte) error {
	digest, err := findDigest(packet)
	if err == nil {
		clear(digest)
		copy(digest, mac(packet, key))
	}
	return err
}

// VerifyReconfigure tests the digest of packet, an encoded Reconfigure as it
// came, and that its replay counter is beyond last. It returns the new counter. Packet is not
// changed. Source: RFC 8415 20.4.3: HMAC-MD5 over the message with the digest as zero.
func VerifyReconfigure(packet, key []byte, last uint64) (replay uint64, err error) {
	m, err := Decode(packet)
	if err != nil {
		return 0, err
	}
	a, err := m.Options.Auth()
	if err != nil {
		return 0, err
	}
	if m.Type != Reconfigure || a.RDM != RDMCounter || a.Replay <= last {
		return 0, fmt.Errorf("a %v with replay counter %d after %d: %w", m.Type, a.Replay, last, ErrUnauthentic)
	}
	b := append([]byte(nil), packet...)
	digest, err := findDigest(b)
	if err != nil {
		return 0, err
	}
	got := append([]byte(nil), digest...)
	clear(digest)
	if !hmac.Equal(got, mac(b, key)) {
		return 0, fmt.Errorf("wrong digest: %w", ErrUnauthentic)
	}
	return a.Replay, nil
}

func mac(packet, key []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(packet)
	return h.Sum(nil)
}

// findDigest returns the bytes of the digest in an encoded message, of its first option 11.
func findDigest(packet []byte) ([]byte, error) {
	var m Message
	if err := m.Decode(packet); err != nil {
		return nil, err
	}
	v, _ := m.Options.Get(OptAuth)
	if len(v) != 11+1+md5.Size || v[0] != AuthReconfigure || v[1] != AlgHMACMD5 || v[11] != infoDigest {
		return nil, fmt.Errorf("no digest of a Reconfigure: %w", ErrUnauthentic)
	}
	return v[12:], nil
}

func printAuth(b, v []byte) []byte {
	a := readAuth(v)
	for _, n := range [...]uint64{uint64(a.Protocol), uint64(a.Algorithm), uint64(a.RDM), a.Replay} {
		b = append(strconv.AppendUint(b, n, 10), ':')
	}
	return hex.AppendEncode(b, a.Info)
}

func parseAuth(s string) ([]byte, error) {
	w := strings.Split(s, ":")
	if len(w) != 5 {
		return nil, fmt.Errorf("%q: not PROTOCOL:ALGORITHM:RDM:REPLAY:HEX", s)
	}
	var n [4]uint64
	for i, size := range [...]int{8, 8, 8, 64} {
		var err error
		if n[i], err = strconv.ParseUint(w[i], 10, size); err != nil {
			return nil, fmt.Errorf("%q: not a number of %d bits", w[i], size)
		}
	}
	info, err := hex.DecodeString(w[4])
	if err != nil {
		return nil, fmt.Errorf("%q: not hex", w[4])
	}
	return appendAuth(nil, Authentication{uint8(n[0]), uint8(n[1]), uint8(n[2]), n[3], info}), nil
}
