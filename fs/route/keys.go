package route

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/encap"
)

// keys are the words of a route, in the order in which they print.
func (w *words) keys() *fs.Keys[Route] {
	all := []fs.Key[Route]{
		fs.Prefix("dst", "destination; default is 0.0.0.0/0 or ::/0", func(r *Route) *netip.Prefix { return &r.Dst }).Or("to").AsID(),
		typeKey(),
		fs.Prefix("from", "IPv6: only packets from these sources", func(r *Route) *netip.Prefix { return &r.From }),
		given(viaKey(func(r *Route) *netip.Addr { return &r.Via }), sayVia),
		given(fs.Str("dev", "link that packets leave by; found from via when not given", func(r *Route) *string { return &r.Dev }).Or("oif"), sayDev),
		fs.Num("nhid", "nexthop object that says the way", func(r *Route) *uint32 { return &r.NHID }),
		w.protoKey(),
		metricKey(),
		w.tableKey(),
		fs.Addr("src", "source address of this machine's own packets", func(r *Route) *netip.Addr { return &r.Src }).Or("prefsrc"),
		w.scopeKey(),
	}
	all = append(all, fs.Section((*Route).rare,
		fs.Enum("tos", "only packets with this TOS byte", w.dsfields, func(r *Route) *uint8 { return &r.Tos }).Or("dsfield").AsID(),
		realmKey(w, func(r *Route) *uint32 { return &r.Realm }),
		fs.Enum("pref", "IPv6: router preference of RFC 4191, medium when not given", prefs, func(r *Route) *Pref { return &r.Pref }),
		runs(fs.Num("expires", "IPv6: seconds until it is removed", func(r *Route) *uint32 { return &r.Expires })),
		fs.Enum("ttl-propagate", "MPLS: whether its TTL goes into the IP header", ttlProps, func(r *Route) *TTLProp { return &r.TTLProp }),
	)...)
	all = append(all, fs.Section(func(r *Route) bool { return r.Flags != 0 },
		flagKeys(func(r *Route) *Flags { return &r.Flags }, Onlink|Pervasive|Dead|Linkdown|Unresolved|Offload|Trap|OffloadFailed|Cloned|Notify)...)...)
	all = append(all, fs.Section(func(r *Route) bool { return r.Metrics != Metrics{} }, metricKeys()...)...)
	all = append(all, fs.Section(func(r *Route) bool { return r.Encap.Kind != 0 },
		encap.Keys(func(r *Route) *encap.Encap { return &r.Encap })...)...)
	all = append(all, answerKeys()...)
	all = append(all, familyKey())
	for i := range all {
		if doc, ok := w.docs[all[i].Name]; ok {
			all[i].Doc = doc
		}
	}
	return fs.NewKeys(append(all, fs.Section(func(r *Route) bool { return len(r.Opts)+len(r.Hops) > 0 },
		fs.Opts("attribute that netfs does not know, by its number", func(r *Route) *[]fs.Opt { return &r.Opts }),
		fs.Sub("nexthop", "one of several ways; its words follow", w.hopKeys(), func(r *Route) *[]Hop { return &r.Hops }).Or("nexthops"),
	)...)...)
}

// rare reports whether there is anything of what few routes have.
func (r *Route) rare() bool {
	return r.Tos != 0 || r.Realm != 0 || r.Pref != 0 || r.Expires != 0 || r.TTLProp != 0
}

func (w *words) hopKeys() *fs.Keys[Hop] {
	all := []fs.Key[Hop]{
		viaKey(func(h *Hop) *netip.Addr { return &h.Via }),
		fs.Str("dev", "link that packets leave by", func(h *Hop) *string { return &h.Dev }).Or("oif"),
		weightKey(),
		realmKey(w, func(h *Hop) *uint32 { return &h.Realm }),
	}
	all = append(all, flagKeys(func(h *Hop) *Flags { return &h.Flags }, Onlink|Pervasive|Dead|Linkdown|Unresolved|Offload|Trap)...)
	return fs.NewKeys(append(all, encap.Keys(func(h *Hop) *encap.Encap { return &h.Encap })...)...)
}

// typeKey hides unicast. Its words may stand alone, as in "blackhole
// 10.0.0.0/8".
func typeKey() fs.Key[Route] {
	k := fs.Enum("type", "what becomes of the packets; unicast when not given", types, func(r *Route) *Type { return &r.Type })
	k.Hide = func(r *Route) bool { return r.Type == Unicast }
	k.Bare = true
	return k
}

func viaKey[T any](at func(v *T) *netip.Addr) fs.Key[T] {
	k := fs.Addr("via", "address of the next router, of either family", at).Or("gateway")
	k.Mods = []string{"inet", "inet6"}
	return afterMod(k, func(*T, string) {})
}

// afterMod tells mod of a word that stood before the value and takes it away.
func afterMod[T any](k fs.Key[T], mod func(v *T, word string)) fs.Key[T] {
	set := k.Set
	k.Set = func(v *T, word string) error {
		first, rest, two := strings.Cut(word, " ")
		if !two {
			return set(v, word)
		}
		if err := set(v, rest); err != nil {
			return err
		}
		mod(v, first)
		return nil
	}
	return k
}

func runs(k fs.Key[Route]) fs.Key[Route] { k.Runs = true; return k }

// given counts how often a line had the key.
func given(k fs.Key[Route], n say) fs.Key[Route] {
	set := k.Set
	k.Set = func(r *Route, word string) error {
		r.said[n]++
		return set(r, word)
	}
	return k
}

// protoKey hides only what the kernel has forgotten in the answers of lookup.
func (w *words) protoKey() fs.Key[Route] {
	k := fs.Enum("proto", "who made the route; boot when not given", w.protos, func(r *Route) *uint8 { return &r.Proto }).Or("protocol").Always()
	k.Hide = func(r *Route) bool { return r.Proto == 0 && r.Flags&Cloned != 0 }
	return given(k, sayProto)
}

// metricKey hides 0, but not for IPv6, whose default is 1024.
func metricKey() fs.Key[Route] {
	k := fs.Num("metric", "the lower is preferred; IPv6: 1024 when not given", func(r *Route) *uint32 { return &r.Metric }).Always()
	k.Hide = func(r *Route) bool { return r.Metric == 0 && (!r.Is6() || r.plain || r.Flags&Cloned != 0) }
	return given(k.Or("preference", "priority"), sayMetric).AsID()
}

// tableKey hides the table that ip-route(8) takes by itself.
func (w *words) tableKey() fs.Key[Route] {
	k := fs.Enum("table", "routing table; main when not given, local for local addresses", w.tables, func(r *Route) *uint32 { return &r.Table }).Always()
	k.Hide = func(r *Route) bool { return r.Table == r.home() }
	return k.AsID()
}

// scopeKey hides global where that is the default.
func (w *words) scopeKey() fs.Key[Route] {
	k := fs.Enum("scope", "IPv4: how far the destination is; link for direct routes, host for local ones, else global", w.scopes, func(r *Route) *uint8 { return &r.Scope }).Always()
	k.Hide = func(r *Route) bool {
		return r.Scope == scopeGlobal && (r.Is6() || r.Flags&Cloned != 0 || r.scope() == scopeGlobal)
	}
	return given(k, sayScope)
}

// realmKey makes the key of a realm or of two of them: TO, FROM/TO.
func realmKey[T any](w *words, at func(v *T) *uint32) fs.Key[T] {
	return fs.Key[T]{
		Name: "realm", Also: []string{"realms"}, Doc: "IPv4: realm of the destination, or FROM/TO", Type: fs.Word,
		Get: func(b []byte, v *T) []byte {
			n := *at(v)
			if n == 0 {
				return b
			}
			if from := n >> 16; from != 0 {
				b = append(w.realms.Append(b, from), '/')
			}
			return w.realms.Append(b, n&0xffff)
		},
		Set: func(v *T, word string) error {
			from, to, two := strings.Cut(word, "/")
			if !two {
				from, to = "0", word
			}
			f, err := w.realms.Parse(from)
			if err != nil {
				return err
			}
			t, err := w.realms.Parse(to)
			if err != nil {
				return err
			}
			*at(v) = f<<16 | t
			return nil
		},
	}
}

func flagKeys[T any](at func(v *T) *Flags, which Flags) []fs.Key[T] {
	var all []fs.Key[T]
	for _, w := range flagWords {
		if w.f&which == 0 {
			continue
		}
		k := fs.Bit(w.name, w.doc, at, w.f)
		k.RO = w.ro
		all = append(all, k)
	}
	return all
}

// weightKey prints the weight of every way.
func weightKey() fs.Key[Hop] {
	return fs.Key[Hop]{
		Name: "weight", Doc: "its part of the traffic, 1 to 256; 1 when not given", Type: fs.Number,
		Get: func(b []byte, h *Hop) []byte { return strconv.AppendUint(b, uint64(max(h.Weight, 1)), 10) },
		Set: func(h *Hop, word string) error {
			n, err := strconv.ParseUint(word, 0, 16)
			if err != nil || n < 1 || n > 256 {
				return errors.New("not in 1..256")
			}
			h.Weight = uint16(n)
			return nil
		},
	}
}

// familyKey is for lines that say no more ("default inet6 dev eth0", "ip -6
// route add default") and for filters.
func familyKey() fs.Key[Route] {
	return fs.Key[Route]{
		Name: "family", Doc: "inet or inet6: the family of dst=default", Type: fs.Word,
		Words: []string{"inet", "inet6"}, Bare: true, Hidden: true,
		Get: func(b []byte, r *Route) []byte {
			if r.Is6() || r.inet6 && !r.Dst.IsValid() { // of a question, which has no dst
				return append(b, "inet6"...)
			}
			return append(b, "inet"...)
		},
		Set: func(r *Route, word string) error {
			if word != "inet" && word != "inet6" {
				return errors.New("neither inet nor inet6")
			}
			r.inet6 = word == "inet6"
			return nil
		},
	}
}

// answerKeys are what only lookup tells.
func answerKeys() []fs.Key[Route] {
	return fs.Section(func(r *Route) bool { return r.Iif != "" || r.Asked != 0 },
		fs.Str("iif", "lookup: link the packet came by", func(r *Route) *string { return &r.Iif }).ReadOnly(),
		asked(fs.Num("uid", "lookup: user whose packet it is", func(r *Route) *uint32 { return &r.UID }).Always().ReadOnly(), AskedUID),
		asked(fs.HexNum("mark", "lookup: the packet's mark", func(r *Route) *uint32 { return &r.Mark }).Always().ReadOnly(), AskedMark),
	)
}

func asked(k fs.Key[Route], bit Asked) fs.Key[Route] {
	get, set := k.Get, k.Set
	k.Get = func(b []byte, r *Route) []byte {
		if r.Asked&bit == 0 {
			return b
		}
		return get(b, r)
	}
	k.Set = func(r *Route, word string) error {
		r.Asked |= bit
		return set(r, word)
	}
	return k
}

// metricKeys are the metrics and lock, which names those that are not to be
// changed. "mtu lock 1400" is taken for mtu=1400 lock=mtu.
func metricKeys() []fs.Key[Route] {
	num := func(n int, doc string) fs.Key[Route] {
		return locked(fs.Num(metricNames[n], doc, func(r *Route) *uint32 { return &r.Metrics.N[n] }), n)
	}
	congctl := fs.Str("congctl", "TCP congestion control", func(r *Route) *string { return &r.Metrics.CongCtl })
	rtoMin := ticksKey(mRTOMin, "least TCP retransmission timeout; always locked", 1)
	set := rtoMin.Set
	rtoMin.Set = func(r *Route, word string) error {
		r.Metrics.N[mLock] |= 1 << mRTOMin // the kernel heeds it only then
		return set(r, word)
	}
	return fs.Section(func(r *Route) bool { return r.Metrics != Metrics{} },
		num(mMTU, "largest packet of the path, in bytes"),
		num(mAdvMSS, "segment size told to TCP peers, in bytes"),
		num(mHopLimit, "hop limit of packets sent"),
		num(mWindow, "largest TCP window to offer, in bytes"),
		ticksKey(mRTT, "first guess of the round trip; 20ms, or in 1/8 ms without a unit", 8),
		ticksKey(mRTTVar, "first guess of its variation; 20ms, or in 1/4 ms without a unit", 4),
		rtoMin,
		num(mCwnd, "limit of the congestion window, heeded when locked"),
		num(mInitCwnd, "first congestion window, in segments"),
		num(mInitRwnd, "first receive window, in segments"),
		num(mSSThresh, "first slow start threshold, in segments"),
		num(mReordering, "reordering to bear, in segments"),
		num(mQuickAck, "1: acknowledge at once"),
		num(mFastOpen, "1: TCP Fast Open without a cookie"),
		bitsKey("features", "protocol features such as ecn", features, mFeatures),
		locked(congctl, mCongCtl),
		bitsKey("lock", "metrics that the kernel must not change", metricNames, mLock),
	)
}

func locked(k fs.Key[Route], n int) fs.Key[Route] {
	k.Mods = []string{"lock"}
	return afterMod(k, func(r *Route, _ string) { r.Metrics.N[mLock] |= 1 << n })
}

func ticksKey(n int, doc string, per uint32) fs.Key[Route] {
	return locked(fs.Key[Route]{
		Name: metricNames[n], Doc: doc, Type: fs.Word,
		Get: func(b []byte, r *Route) []byte {
			if r.Metrics.N[n] == 0 {
				return b
			}
			return appendTicks(b, r.Metrics.N[n], per)
		},
		Set: func(r *Route, word string) (err error) {
			r.Metrics.N[n], err = parseTicks(word, per)
			return err
		},
	}, n)
}

func bitsKey(name, doc string, words list, n int) fs.Key[Route] {
	return fs.Key[Route]{
		Name: name, Doc: doc, Type: fs.List, Words: words.Words(),
		Get: func(b []byte, r *Route) []byte { return appendBits(b, words, r.Metrics.N[n]) },
		Set: func(r *Route, word string) (err error) {
			r.Metrics.N[n], err = parseBits(words, word)
			return err
		},
	}
}
