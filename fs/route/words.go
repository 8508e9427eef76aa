package route

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Type is what becomes of packets that match. The numbers are those of RTN_*
// in linux/rtnetlink.h.
type Type uint8

const (
	Unicast     Type = 1
	Local       Type = 2
	Broadcast   Type = 3
	Anycast     Type = 4
	Multicast   Type = 5
	Blackhole   Type = 6
	Unreachable Type = 7
	Prohibit    Type = 8
	Throw       Type = 9
	NAT         Type = 10
	XResolve    Type = 11
)

var types = list{"unspec", "unicast", "local", "broadcast", "anycast", "multicast",
	"blackhole", "unreachable", "prohibit", "throw", "nat", "xresolve"}

// refuses reports whether routes of this type lead nowhere.
func (t Type) refuses() bool { return t >= Blackhole && t <= Throw }

// forwards reports whether packets leave through a link of the route.
func (t Type) forwards() bool { return !t.refuses() }

// table is where ip-route(8) puts routes of this type when none is named.
func (t Type) table() uint32 {
	switch t {
	case Local, Broadcast, NAT, Anycast:
		return TableLocal
	}
	return TableMain
}

// Pref is the preference of RFC 4191, as its two bits say it.
type Pref uint8

var prefs = list{"medium", "high", "invalid", "low"}

// TTLProp says whether the TTL of MPLS goes into the IP header.
type TTLProp uint8

const (
	TTLDefault TTLProp = iota
	TTLDisabled
	TTLEnabled
)

var ttlProps = list{"", "disabled", "enabled"}

// Flags of a route or a way. The numbers are ours.
type Flags uint16

const (
	Onlink     Flags = 1 << iota // the gateway is on the link, whatever the addresses say
	Pervasive                    // the gateway is looked up again
	Dead                         // the link is down
	Linkdown                     // the link has no carrier
	Unresolved                   // waits for a multicast router
	Offload                      // hardware forwards it
	Trap                         // hardware sends its packets to the kernel
	OffloadFailed
	Cloned // made for one destination
	Notify
)

var flagWords = []struct {
	f    Flags
	name string
	ro   bool
	doc  string
}{
	{Onlink, "onlink", false, "take the gateway to be on the link, whatever the addresses say"},
	{Pervasive, "pervasive", false, "look the gateway up again for every packet"},
	{Dead, "dead", true, "the link is down"},
	{Linkdown, "linkdown", true, "the link has no carrier"},
	{Unresolved, "unresolved", true, "waits for a multicast router"},
	{Offload, "offload", true, "hardware forwards these packets"},
	{Trap, "trap", true, "hardware hands these packets to the kernel"},
	{OffloadFailed, "offload_failed", true, "hardware could not take the route"},
	{Cloned, "cloned", true, "made for one destination, as answers of lookup are"},
	{Notify, "notify", true, "tells user space about changes"},
}

// The metrics of a route, by their number (RTAX_* in linux/rtnetlink.h).
const (
	mLock = 1 + iota
	mMTU
	mWindow
	mRTT
	mRTTVar
	mSSThresh
	mCwnd
	mAdvMSS
	mReordering
	mHopLimit
	mInitCwnd
	mFeatures
	mRTOMin
	mInitRwnd
	mQuickAck
	mCongCtl
	mFastOpen
	mCount
)

var metricNames = list{
	mMTU: "mtu", mWindow: "window", mRTT: "rtt", mRTTVar: "rttvar", mSSThresh: "ssthresh", mCwnd: "cwnd",
	mAdvMSS: "advmss", mReordering: "reordering", mHopLimit: "hoplimit", mInitCwnd: "initcwnd",
	mFeatures: "features", mRTOMin: "rto_min", mInitRwnd: "initrwnd", mQuickAck: "quickack",
	mCongCtl: "congctl", mFastOpen: "fastopen_no_cookie",
}

// Metrics are what TCP and path MTU discovery should know of a way. A number
// that is 0 is not given.
type Metrics struct {
	N       [mCount]uint32 // by RTAX number; N[1] has the bit 1<<n of each n that is locked
	CongCtl string
}

// Features of mFeatures, by bit.
var features = list{"ecn", "sack", "timestamp", "allfrag", "tcp_usec_ts"}

// list gives the numbers from 0 on their words; an empty one has none.
type list []string

func (l list) Append(b []byte, n uint32) []byte {
	if int(n) < len(l) && l[n] != "" {
		return append(b, l[n]...)
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

func (l list) Parse(s string) (uint32, error) {
	for i, w := range l {
		if w == s && w != "" {
			return uint32(i), nil
		}
	}
	if n, err := strconv.ParseUint(s, 0, 32); err == nil {
		return uint32(n), nil
	}
	return 0, errors.New("not one of " + strings.Join(l.Words(), " "))
}

func (l list) Words() []string {
	var known []string
	for _, w := range l {
		if w != "" {
			known = append(known, w)
		}
	}
	return known
}

// appendBits prints the names of set bits with commas; a bit without a name is
// its number.
func appendBits(b []byte, words list, set uint32) []byte {
	first := true
	for i := uint32(0); i < 32; i++ {
		if set&(1<<i) == 0 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = words.Append(b, i)
	}
	return b
}

func parseBits(words list, s string) (uint32, error) {
	var set uint32
	for s != "" {
		var w string
		w, s, _ = strings.Cut(s, ",")
		n, err := words.Parse(w)
		if err != nil {
			return 0, err
		}
		if n > 31 {
			return 0, errors.New("bit " + w + " of 32")
		}
		set |= 1 << n
	}
	return set, nil
}

// appendTicks prints n units of 1/per ms.
func appendTicks(b []byte, n, per uint32) []byte {
	b = strconv.AppendUint(b, uint64(n/per), 10)
	if rest := n % per; rest != 0 {
		b = append(b, '.')
		for rest != 0 {
			rest *= 10
			b = append(b, '0'+byte(rest/per))
			rest %= per
		}
	}
	return append(b, "ms"...)
}

// parseTicks reads a time such as 20ms or 1.5s in units of 1/per ms. A bare
// number is such units themselves, as it is for ip-route(8).
func parseTicks(s string, per uint32) (uint32, error) {
	if n, err := strconv.ParseUint(s, 0, 32); err == nil {
		return uint32(n), nil
	}
	s = strings.TrimSuffix(strings.TrimSuffix(s, "ecs"), "ec") // msec, secs
	d, err := time.ParseDuration(s)
	n := d * time.Duration(per) / time.Millisecond
	if err != nil || n < 0 || n > 1<<32-1 {
		return 0, errors.New("not a time such as 20ms")
	}
	return uint32(n), nil
}
