package conntrack

import (
	"errors"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/fs"
)

// State is the state of a connection's protocol: the kernel's number plus one,
// so that zero is none, and the protocol in the upper byte.
type State uint16

// MakeState is the state n of a protocol.
func MakeState(proto, n uint8) State { return State(proto)<<8 | State(n) + 1 }

// Proto is the protocol whose state it is.
func (s State) Proto() uint8 { return uint8(s >> 8) }

// Number is the kernel's number of the state.
func (s State) Number() uint8 { return uint8(s) - 1 }

// States by the kernel's numbers: enum tcp_conntrack, sctp_conntrack,
// ct_dccp_states.
var states = map[uint8][]string{
	protoTCP: {"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"},
	protoSCTP: {"NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD",
		"SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT", "HEARTBEAT_ACKED"},
	protoDCCP: {"NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT", "IGNORE", "INVALID"},
}

var tcpStates = states[protoTCP]

func (s State) append(b []byte) []byte {
	list := tcpStates
	if p := s.Proto(); p != protoTCP {
		list = states[p]
	}
	n := int(s.Number())
	if n < len(list) {
		return append(b, list[n]...)
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

func parseState(proto uint8, word string) (State, error) {
	list := states[proto]
	if list == nil {
		return 0, errors.New("this protocol has no states")
	}
	for n, s := range list {
		if strings.EqualFold(s, word) {
			return MakeState(proto, uint8(n)), nil
		}
	}
	if n, err := strconv.ParseUint(word, 0, 7); err == nil {
		return MakeState(proto, uint8(n)), nil
	}
	return 0, errors.New("not one of " + strings.Join(list, " "))
}

// Status is what happened to a connection: bits IPS_ of
// linux/netfilter/nf_conntrack_common.h.
type Status uint32

var statusBits = []string{"expected", "seen_reply", "assured", "confirmed", "src_nat", "dst_nat", "seq_adjust", "src_nat_done",
	"dst_nat_done", "dying", "fixed_timeout", "template", "nat_clash", "helper", "offload", "hw_offload"}

var expectFlags = []string{"permanent", "inactive", "userspace"}

// bitsKey is a set of bits, by their names with commas between them.
func bitsKey[T any, N ~uint32](name, doc string, words []string, at func(v *T) *N) fs.Key[T] {
	return fs.Key[T]{
		Name: name, Doc: doc, Type: fs.List, Words: words,
		Get: func(b []byte, v *T) []byte { return appendBits(b, words, uint32(*at(v))) },
		Set: func(v *T, word string) error {
			n, err := parseBits(words, word)
			if err == nil {
				*at(v) = N(n)
			}
			return err
		},
	}
}

func appendBits(b []byte, words []string, set uint32) []byte {
	first := true
	for i := 0; set != 0; i, set = i+1, set>>1 {
		if set&1 == 0 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		if i < len(words) {
			b = append(b, words[i]...)
		} else {
			b = strconv.AppendUint(b, uint64(i), 10)
		}
	}
	return b
}

func parseBits(words []string, word string) (uint32, error) {
	var set uint32
	for word != "" {
		var w string
		w, word, _ = strings.Cut(word, ",")
		n, err := parseBit(words, w)
		if err != nil {
			return 0, err
		}
		set |= 1 << n
	}
	return set, nil
}

func parseBit(words []string, w string) (int, error) {
	for i, s := range words {
		if strings.EqualFold(s, w) {
			return i, nil
		}
	}
	n, err := strconv.ParseUint(w, 10, 8)
	if err != nil || n > 31 {
		return 0, errors.New("not of " + strings.Join(words, ","))
	}
	return int(n), nil
}
