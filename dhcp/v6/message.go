package v6

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// A MessageType is the first byte of a message.
type MessageType uint8

// Source: RFC 8415 7.3.
const (
	Solicit      MessageType = 1
	Advertise    MessageType = 2
	Request      MessageType = 3
	Confirm      MessageType = 4
	Renew        MessageType = 5
	Rebind       MessageType = 6
	Reply        MessageType = 7
	Release      MessageType = 8
	Decline      MessageType = 9
	Reconfigure  MessageType = 10
	InfoRequest  MessageType = 11
	RelayForward MessageType = 12
	RelayReply   MessageType = 13
)

var typeNames = [...]string{
	Solicit: "solicit", Advertise: "advertise", Request: "request", Confirm: "confirm", Renew: "renew", Rebind: "rebind",
	Reply: "reply", Release: "release", Decline: "decline", Reconfigure: "reconfigure",
	InfoRequest: "information-request", RelayForward: "relay-forward", RelayReply: "relay-reply",
}

func (t MessageType) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return strconv.Itoa(int(t))
}

// IsRelay reports whether the message is between a relay and a server: it has
// addresses and carries another message (RFC 8415 9).
func (t MessageType) IsRelay() bool { return t == RelayForward || t == RelayReply }

const (
	headLen    = 4
	relayLen   = 34
	maxMessage = 0xffff - 8 // what UDP carries
	maxXID     = 1<<24 - 1
	maxOption  = 0xffff
	hopLimit   = 8 // relays that a message passes, HOP_COUNT_LIMIT of RFC 8415 7.6
)

// A Message is a message of DHCPv6.
type Message struct {
	Type MessageType
	XID  uint32 // 24 bits; not of relays' messages

	HopCount uint8      // the rest is of relays' messages only:
	LinkAddr netip.Addr // on the client's link, or unspecified
	PeerAddr netip.Addr // who sent what is relayed, or is to get it

	Options Options
}

// Decode returns the message in b, which it copies.
func Decode(b []byte) (*Message, error) {
	m := new(Message)
	if err := m.Decode(slices.Clone(b)); err != nil {
		return nil, err
	}
	return m, nil
}

// Decode reads the message in b and borrows b for the values of its options.
// The memory of m.Options is used again. An option that ends behind the message is an error; after one, m
// is good for nothing but another Decode.
func (m *Message) Decode(b []byte) error {
	if len(b) < headLen {
		return fmt.Errorf("%d bytes are too few for a message", len(b))
	}
	*m = Message{Type: MessageType(b[0]), Options: m.Options[:0]}
	if m.Type == 0 {
		return fmt.Errorf("a message of type 0")
	}
	if !m.Type.IsRelay() {
		m.XID = binary.BigEndian.Uint32(b) & maxXID
		return m.Options.decode(b[headLen:])
	}
	if len(b) < relayLen {
		return fmt.Errorf("%d bytes are too few for a relay's message", len(b))
	}
	m.HopCount = b[1]
	m.LinkAddr = addrAt(b, 2)
	m.PeerAddr = addrAt(b, 18)
	return m.Options.decode(b[relayLen:])
}

func addrAt(b []byte, at int) netip.Addr { return netip.AddrFrom16([16]byte(b[at:])) }

// Append appends the encoding of m. It fails if a field or an option is too long
// for its place.
func (m *Message) Append(b []byte) ([]byte, error) {
	start := len(b)
	out, err := m.appendHeader(b)
	if err == nil {
		out, err = m.Options.append(out)
	}
	if err == nil && len(out)-start > maxMessage {
		err = fmt.Errorf("a message of %d bytes is too long for UDP", len(out)-start)
	}
	if err != nil {
		return b, err
	}
	return out, nil
}

func (m *Message) appendHeader(b []byte) ([]byte, error) {
	switch {
	case m.Type == 0:
		return b, fmt.Errorf("a message of type 0")
	case !m.Type.IsRelay():
		if m.XID > maxXID {
			return b, fmt.Errorf("transaction %#x has more than 24 bits", m.XID)
		}
		return binary.BigEndian.AppendUint32(b, uint32(m.Type)<<24|m.XID), nil
	}
	b = append(b, byte(m.Type), m.HopCount)
	for _, a := range [...]netip.Addr{m.LinkAddr, m.PeerAddr} {
		if !a.IsValid() {
			a = netip.IPv6Unspecified()
		}
		if !a.Is6() || a.Zone() != "" {
			return b, fmt.Errorf("%v is not an IPv6 address", a)
		}
		a16 := a.As16()
		b = append(b, a16[:]...)
	}
	return b, nil
}

// Relayed returns the message that a relay's message carries, decoded.
func (m *Message) Relayed() (*Message, error) { return m.Options.RelayMessage() }

// Innermost returns the client's or server's message within any number of
// relays' (at most 9: RFC 8415 19.1.2), which is m itself if m is none of them.
func (m *Message) Innermost() (*Message, error) {
	for range hopLimit + 2 {
		if !m.Type.IsRelay() {
			return m, nil
		}
		inner, err := m.Relayed()
		if err != nil {
			return nil, err
		}
		m = inner
	}
	return nil, fmt.Errorf("more than %d relays", hopLimit+1)
}
