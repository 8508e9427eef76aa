package bsd

// The forms: where the fields of each kind of header are. Each lists its fields
// once, for both directions.

type routeForm struct {
	len                                                    int
	hlen, index, flags, pid, seq, errno, use, fmask, inits pos
	addrs, table, priority, mpls, refcnt, parentflags      pos
	locks, mtu, hops, expire, rpipe, spipe, ssthresh, rtt  pos
	rttvar, pksent, weight, nhidx, mrefcnt, state          pos
	mssopt, msl, iwmax, iwcap                              pos
}

type linkForm struct {
	len                                               int
	hlen, index, flags, addrs, xflags, table, dataOff pos
	sndLen, sndMaxLen, sndDrops, timer                pos
	data                                              *dataForm
	dataAt                                            int
}

type addrForm struct {
	len                                          int
	hlen, index, flags, addrs, metric, addrFlags pos
	pid, table, dataOff                          pos
	data                                         *dataForm
	dataAt                                       int
}

type groupForm struct {
	len                         int
	index, flags, addrs, refcnt pos
}

type announceForm struct {
	len                     int
	hlen, index, name, what pos
}

type dataForm struct {
	typ, physical, addrlen, hdrlen, state, vhid, size pos
	mtu, metric, domain, baudrate                     pos
	ipackets, ierrors, opackets, oerrors, collisions  pos
	ibytes, obytes, imcasts, omcasts, iqdrops         pos
	oqdrops, noproto, hwassist, capabilities          pos
	epoch, sec, frac                                  pos
}

func (f *routeForm) size() int    { return f.len }
func (f *linkForm) size() int     { return f.len }
func (f *addrForm) size() int     { return f.len }
func (f *groupForm) size() int    { return f.len }
func (f *announceForm) size() int { return f.len }

func (f *routeForm) hdrlen() pos    { return f.hlen }
func (f *linkForm) hdrlen() pos     { return f.hlen }
func (f *addrForm) hdrlen() pos     { return f.hlen }
func (f *groupForm) hdrlen() pos    { return pos{} }
func (f *announceForm) hdrlen() pos { return f.hlen }

func (f *routeForm) message(d *Decoder) Message    { d.route = RouteMsg{}; return &d.route }
func (f *linkForm) message(d *Decoder) Message     { d.link = LinkMsg{}; return &d.link }
func (f *addrForm) message(d *Decoder) Message     { d.addr = AddrMsg{}; return &d.addr }
func (f *groupForm) message(d *Decoder) Message    { d.group = MaddrMsg{}; return &d.group }
func (f *announceForm) message(d *Decoder) Message { d.announce = AnnounceMsg{}; return &d.announce }

func (f *routeForm) code(c *coder, msg Message) bool {
	m, ok := msg.(*RouteMsg)
	if !ok {
		return false
	}
	num(c, f.addrs, &m.bits)
	num(c, f.index, &m.Index)
	num(c, f.flags, &m.Flags)
	num(c, f.pid, &m.Pid)
	num(c, f.seq, &m.Seq)
	num(c, f.errno, &m.Errno)
	num(c, f.use, &m.Use)
	num(c, f.fmask, &m.Fmask)
	num(c, f.inits, &m.Inits)
	num(c, f.table, &m.Table)
	num(c, f.priority, &m.Priority)
	num(c, f.mpls, &m.MPLS)
	num(c, f.refcnt, &m.RefCount)
	num(c, f.parentflags, &m.ParentFlags)
	x := &m.Metrics
	num(c, f.locks, &x.Locks)
	num(c, f.mtu, &x.MTU)
	num(c, f.hops, &x.HopCount)
	num(c, f.expire, &x.Expire)
	num(c, f.rpipe, &x.RecvPipe)
	num(c, f.spipe, &x.SendPipe)
	num(c, f.ssthresh, &x.SSThresh)
	num(c, f.rtt, &x.RTT)
	num(c, f.rttvar, &x.RTTVar)
	num(c, f.pksent, &x.PkSent)
	num(c, f.weight, &x.Weight)
	num(c, f.nhidx, &x.NHIdx)
	num(c, f.mrefcnt, &x.RefCount)
	num(c, f.state, &x.State)
	num(c, f.mssopt, &x.MSSOpt)
	num(c, f.msl, &x.MSL)
	num(c, f.iwmax, &x.IWMaxSegs)
	num(c, f.iwcap, &x.IWCapSegs)
	return true
}

func (f *linkForm) code(c *coder, msg Message) bool {
	m, ok := msg.(*LinkMsg)
	if !ok {
		return false
	}
	num(c, f.addrs, &m.bits)
	num(c, f.index, &m.Index)
	num(c, f.flags, &m.Flags)
	num(c, f.xflags, &m.XFlags)
	num(c, f.table, &m.Table)
	num(c, f.sndLen, &m.SendLen)
	num(c, f.sndMaxLen, &m.SendMaxLen)
	num(c, f.sndDrops, &m.SendDrops)
	num(c, f.timer, &m.Timer)
	f.data.code(c, f.dataOff, f.dataAt, &m.Data)
	return true
}

func (f *addrForm) code(c *coder, msg Message) bool {
	m, ok := msg.(*AddrMsg)
	if !ok {
		return false
	}
	num(c, f.addrs, &m.bits)
	num(c, f.index, &m.Index)
	num(c, f.flags, &m.Flags)
	num(c, f.metric, &m.Metric)
	num(c, f.addrFlags, &m.AddrFlags)
	num(c, f.pid, &m.Pid)
	num(c, f.table, &m.Table)
	f.data.code(c, f.dataOff, f.dataAt, &m.Data)
	return true
}

func (f *groupForm) code(c *coder, msg Message) bool {
	m, ok := msg.(*MaddrMsg)
	if !ok {
		return false
	}
	num(c, f.addrs, &m.bits)
	num(c, f.index, &m.Index)
	num(c, f.flags, &m.Flags)
	num(c, f.refcnt, &m.RefCount)
	return true
}

func (f *announceForm) code(c *coder, msg Message) bool {
	m, ok := msg.(*AnnounceMsg)
	if !ok {
		return false
	}
	num(c, f.index, &m.Index)
	text(c, f.name, &m.Name)
	num(c, f.what, &m.What)
	return true
}

// code moves the fields of a struct if_data at the offset at, or where the message
// says that it is (off).
func (f *dataForm) code(c *coder, off pos, at int, m *LinkData) {
	if f == nil {
		return
	}
	if off.size != 0 && int(off.off+off.size) <= len(c.b) {
		p := c.b[off.off : off.off+off.size]
		if said := int(c.get(p)); said >= at {
			at = said
		} else if c.fresh {
			c.put(p, uint64(at))
		} else {
			return
		}
	}
	in := &coder{b: c.b[min(at, len(c.b)):], order: c.order, write: c.write}
	num(in, f.typ, &m.Type)
	num(in, f.physical, &m.Physical)
	num(in, f.addrlen, &m.AddrLen)
	num(in, f.hdrlen, &m.HdrLen)
	num(in, f.state, &m.State)
	num(in, f.vhid, &m.VHID)
	num(in, f.size, &m.Size)
	num(in, f.mtu, &m.MTU)
	num(in, f.metric, &m.Metric)
	num(in, f.domain, &m.Domain)
	num(in, f.baudrate, &m.Baudrate)
	num(in, f.ipackets, &m.InPackets)
	num(in, f.ierrors, &m.InErrors)
	num(in, f.opackets, &m.OutPackets)
	num(in, f.oerrors, &m.OutErrors)
	num(in, f.collisions, &m.Collisions)
	num(in, f.ibytes, &m.InBytes)
	num(in, f.obytes, &m.OutBytes)
	num(in, f.imcasts, &m.InMulticasts)
	num(in, f.omcasts, &m.OutMulticasts)
	num(in, f.iqdrops, &m.InDrops)
	num(in, f.oqdrops, &m.OutDrops)
	num(in, f.noproto, &m.NoProto)
	num(in, f.hwassist, &m.HWAssist)
	num(in, f.capabilities, &m.Capabilities)
	num(in, f.epoch, &m.Epoch)
	num(in, f.sec, &m.ChangeSec)
	num(in, f.frac, &m.ChangeFrac)
}
