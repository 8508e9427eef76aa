package bsd

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tables are compared with golang.org/x/sys/unix: its source, since this runs
// on any system.

// xsys is what x/sys says about a system and an architecture.
type xsys struct {
	os, arch string
	types    *types.Package // ztypes_*.go
	consts   map[string]int64
	sizes    types.Sizes
}

func loadXSys(t *testing.T, os, arch string) *xsys {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil || len(out) == 0 {
		t.Skipf("the source of x/sys is not here: %v", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "unix")
	x := &xsys{os: os, arch: arch, consts: map[string]int64{}, sizes: types.SizesFor("gc", arch)}
	fset := token.NewFileSet()
	parse := func(kind string) *ast.File {
		f, err := parser.ParseFile(fset, filepath.Join(dir, kind+"_"+os+"_"+arch+".go"), nil, 0)
		require.NoError(t, err)
		return f
	}
	conf := types.Config{Error: func(error) {}, Sizes: x.sizes, FakeImportC: true}
	x.types, _ = conf.Check("unix", fset, []*ast.File{parse("ztypes")}, nil) // names from other files are missing
	consts, _ := conf.Check("unix", fset, []*ast.File{parse("zerrors")}, nil)
	for _, name := range consts.Scope().Names() {
		if c, ok := consts.Scope().Lookup(name).(*types.Const); ok {
			if n, ok := constant.Int64Val(constant.ToInt(c.Val())); ok {
				x.consts[name] = n
			}
		}
	}
	require.Greater(t, len(x.consts), 500)
	return x
}

// fields returns the offset and size of each field of a struct, and its size.
func (x *xsys) fields(name string) (map[string][2]int64, int64) {
	obj := x.types.Scope().Lookup(name)
	if obj == nil {
		return nil, 0
	}
	st := obj.Type().Underlying().(*types.Struct)
	var vars []*types.Var
	for i := range st.NumFields() {
		vars = append(vars, st.Field(i))
	}
	offs := x.sizes.Offsetsof(vars)
	all := map[string][2]int64{}
	for i, v := range vars {
		all[v.Name()] = [2]int64{offs[i], x.sizes.Sizeof(v.Type())}
	}
	return all, x.sizes.Sizeof(st)
}

// Where the tables and x/sys differ, and x/sys is what is wrong or old. A line that
// no longer differs fails, so that the list stays true. The key is the system, or
// the system and architecture, and the name.
var disagree = map[string]string{
	"freebsd/386 IfMsghdr":  "the form of FreeBSD 8; since 11 it is x/sys's own unexported ifMsghdr (sys/net/if.h)",
	"freebsd/arm IfMsghdr":  "the form of FreeBSD 8, as on 386",
	"freebsd IfData":        "the form of FreeBSD 8; since 11 it is x/sys's own unexported ifData (sys/net/if.h)",
	"netbsd RTM_NEWADDR":    "0xc is RTM_ONEWADDR since NetBSD 8 (sys/net/route.h)",
	"netbsd RTM_DELADDR":    "0xd is RTM_ODELADDR since NetBSD 8 (sys/net/route.h)",
	"netbsd RTM_CHGADDR":    "0x15 is RTM_OCHGADDR since NetBSD 8 (sys/net/route.h)",
	"netbsd NET_RT_IFLIST":  "5 is NET_RT_OIFLIST since NetBSD 8 (sys/net/route.h, sys/sys/socket.h)",
	"netbsd IfaMsghdr":      "the form of NetBSD 7; since 8 it has 32 bytes (sys/net/if.h)",
	"netbsd RTF_CONNECTED":  "0x100 was RTF_CLONING until NetBSD 8 (sys/net/route.h); the number is right",
	"netbsd RTF_LOCAL":      "younger than x/sys's (sys/net/route.h)",
	"netbsd RTF_BROADCAST":  "younger than x/sys's (sys/net/route.h)",
	"freebsd RTM_IPFWLOG":   "not in x/sys (sys/net/route.h)",
	"dragonfly RTM_OLDADD":  "not in x/sys (sys/net/route.h)",
	"dragonfly RTM_OLDDEL":  "not in x/sys (sys/net/route.h)",
	"freebsd SIOCAIFADDR":   "the number of FreeBSD 9, without a vhid (sys/sys/sockio.h)",
	"darwin NET_RT_DUMP":    "the tables ask for NET_RT_DUMP2, 7, which has the parent's flags too",
	"darwin NET_RT_IFLISTL": "the tables' long form is NET_RT_IFLIST2, 6",
}

func TestXSys(t *testing.T) {
	for _, c := range []struct {
		os    string
		archs []string
	}{
		{"freebsd", []string{"amd64", "arm64", "386", "arm", "riscv64"}},
		{"openbsd", []string{"amd64", "arm64", "386", "arm", "mips64", "ppc64", "riscv64"}},
		{"netbsd", []string{"amd64", "arm64", "386", "arm"}},
		{"dragonfly", []string{"amd64"}},
		{"darwin", []string{"amd64", "arm64"}},
	} {
		for _, arch := range c.archs {
			t.Run(c.os+"/"+arch, func(t *testing.T) {
				checkXSys(t, layout(t, c.os, arch, 0), loadXSys(t, c.os, arch))
			})
		}
	}
}

// why returns the reason of a disagreement, "" if there should be none.
func (x *xsys) why(name string) string {
	if s := disagree[x.os+"/"+x.arch+" "+name]; s != "" {
		return s
	}
	return disagree[x.os+" "+name]
}

func checkXSys(t *testing.T, l *Layout, x *xsys) {
	constant := func(name string, n int64) {
		t.Helper()
		want, ok := x.consts[name]
		switch why := x.why(name); {
		case !ok:
			assert.NotEmpty(t, why, "%s is not in x/sys", name)
		case why != "":
			assert.NotEqual(t, want, n, "%s agrees: %s", name, why)
		default:
			assert.Equal(t, want, n, name)
		}
	}
	constant("RTM_VERSION", int64(l.Version))
	constant("AF_ROUTE", int64(l.AFRoute))
	constant("AF_INET6", int64(l.AFInet6))
	constant("AF_LINK", afLink)
	if l.AFMPLS != 0 {
		constant("AF_MPLS", int64(l.AFMPLS))
	}
	seen := map[string]bool{}
	for _, ty := range l.types {
		if name := "RTM_" + ty.name; !seen[name] {
			seen[name] = true
			constant(name, int64(ty.num))
		}
	}
	for _, b := range l.rtf {
		constant("RTF_"+strings.ToUpper(b.name), int64(b.mask))
	}
	for _, b := range l.iff {
		constant("IFF_"+strings.ToUpper(b.name), int64(b.mask))
	}
	for i := range axes {
		if name := l.AxisName(i); name != "" {
			constant("RTAX_"+name, int64(i))
		}
	}
	assert.Equal(t, int(x.consts["RTAX_MAX"]), len(commonAxes)+len(l.axes))
	names := map[Dump]string{DumpRoutes: "NET_RT_DUMP", DumpFlags: "NET_RT_FLAGS", DumpLinks: "NET_RT_IFLIST",
		DumpLinksLong: "NET_RT_IFLISTL", DumpMaddrs: "NET_RT_IFMALIST", DumpStats: "NET_RT_STATS", DumpTable: "NET_RT_TABLE"}
	if l.OS == "darwin" {
		names[DumpStats] = "NET_RT_STAT"
	}
	for d, n := range l.dumps {
		constant(names[d], int64(n))
	}
	checkStructs(t, l, x)
}

// A where is where the tables have a field that x/sys has under a name.
type where map[string]pos

func checkStructs(t *testing.T, l *Layout, x *xsys) {
	for name, f := range structs(l) {
		known, size := x.fields(name)
		if known == nil {
			t.Errorf("x/sys has no %s", name)
			continue
		}
		different := f.size != 0 && int64(f.size) != size
		for field, p := range f.at {
			if p.size == 0 {
				continue
			}
			if got := ([2]int64{int64(p.off) - int64(f.base), int64(p.size)}); known[field] != got {
				different = true
				if x.why(name) == "" {
					t.Errorf("%s.%s: x/sys %v, here %v", name, field, known[field], got)
				}
			}
		}
		if why := x.why(name); why != "" {
			assert.True(t, different, "%s agrees: %s", name, why)
		} else if f.size != 0 {
			assert.Equal(t, size, int64(f.size), "size of %s", name)
		}
	}
}

type structAt struct {
	size, base int
	at         where
}

// structs names the fields of the tables as x/sys does.
func structs(l *Layout) map[string]structAt {
	all := map[string]structAt{}
	get := func(name string) form {
		for i := range l.types {
			if l.types[i].name == name {
				return l.types[i].form
			}
		}
		return nil
	}
	r := get("ADD").(*routeForm)
	all["RtMsghdr"] = structAt{r.len, 0, where{"Hdrlen": r.hlen, "Index": r.index, "Flags": r.flags, "Addrs": r.addrs, "Pid": r.pid,
		"Seq": r.seq, "Errno": r.errno, "Use": r.use, "Fmask": r.fmask, "Inits": r.inits, "Tableid": r.table,
		"Priority": r.priority, "Mpls": r.mpls}}
	rmx := int(r.locks.off)
	if l.OS == "openbsd" {
		rmx = int(r.pksent.off)
	}
	all["RtMetrics"] = structAt{0, rmx, where{"Locks": r.locks, "Mtu": r.mtu, "Hopcount": r.hops, "Expire": r.expire,
		"Recvpipe": r.rpipe, "Sendpipe": r.spipe, "Ssthresh": r.ssthresh, "Rtt": r.rtt, "Rttvar": r.rttvar, "Pksent": r.pksent,
		"Weight": r.weight, "Refcnt": r.mrefcnt, "State": r.state, "Mssopt": r.mssopt, "Msl": r.msl, "Iwmaxsegs": r.iwmax,
		"Iwcapsegs": r.iwcap}}
	links := map[string]*linkForm{"IfMsghdr": get("IFINFO").(*linkForm)}
	datas := map[string]*dataForm{"IfData": links["IfMsghdr"].data}
	switch l.OS {
	case "freebsd":
		links["ifMsghdr"], datas["ifData"] = links["IfMsghdr"], datas["IfData"]
	case "darwin":
		links["IfMsghdr2"] = get("IFINFO2").(*linkForm)
		datas["IfData64"] = links["IfMsghdr2"].data
		g := get("NEWMADDR2").(*groupForm)
		all["IfmaMsghdr2"] = structAt{g.len, 0, where{"Addrs": g.addrs, "Flags": g.flags, "Index": g.index, "Refcount": g.refcnt}}
	}
	for name, f := range links {
		all[name] = structAt{f.len, 0, where{"Hdrlen": f.hlen, "Index": f.index, "Flags": f.flags, "Addrs": f.addrs, "Xflags": f.xflags,
			"Tableid": f.table, "Snd_len": f.sndLen, "Snd_maxlen": f.sndMaxLen, "Snd_drops": f.sndDrops, "Timer": f.timer}}
	}
	for name, f := range datas {
		all[name] = structAt{0, 0, where{"Type": f.typ, "Physical": f.physical, "Addrlen": f.addrlen, "Hdrlen": f.hdrlen,
			"Link_state": f.state, "Vhid": f.vhid, "Datalen": f.size, "Mtu": f.mtu, "Metric": f.metric, "Rdomain": f.domain,
			"Baudrate": f.baudrate, "Ipackets": f.ipackets, "Ierrors": f.ierrors, "Opackets": f.opackets, "Oerrors": f.oerrors,
			"Collisions": f.collisions, "Ibytes": f.ibytes, "Obytes": f.obytes, "Imcasts": f.imcasts, "Omcasts": f.omcasts,
			"Iqdrops": f.iqdrops, "Oqdrops": f.oqdrops, "Noproto": f.noproto, "Hwassist": f.hwassist, "Capabilities": f.capabilities}}
	}
	a := get("NEWADDR").(*addrForm)
	all["IfaMsghdr"] = structAt{a.len, 0, where{"Hdrlen": a.hlen, "Index": a.index, "Flags": a.flags, "Addrs": a.addrs,
		"Metric": a.metric, "Addrflags": a.addrFlags, "Tableid": a.table}}
	if g, ok := get("NEWMADDR").(*groupForm); ok {
		all["IfmaMsghdr"] = structAt{g.len, 0, where{"Addrs": g.addrs, "Flags": g.flags, "Index": g.index}}
	}
	if n, ok := get("IFANNOUNCE").(*announceForm); ok {
		all["IfAnnounceMsghdr"] = structAt{n.len, 0, where{"Hdrlen": n.hlen, "Index": n.index, "Name": n.name, "What": n.what}}
	}
	return all
}

// x/sys's NetBSD is of version 7, so that those layouts can be compared whole.
func TestXSysNetBSD7(t *testing.T) {
	l := layout(t, "netbsd", "amd64", 7)
	x := loadXSys(t, "netbsd", "amd64")
	a := structs(l)["IfaMsghdr"]
	known, size := x.fields("IfaMsghdr")
	assert.Equal(t, int64(a.size), size)
	for field, p := range a.at {
		if p.size != 0 {
			assert.Equal(t, known[field], [2]int64{int64(p.off), int64(p.size)}, field)
		}
	}
	n, _ := l.Type(OpNewAddr)
	assert.Equal(t, x.consts["RTM_NEWADDR"], int64(n))
	d, _ := l.Sysctl(DumpLinks)
	assert.Equal(t, x.consts["NET_RT_IFLIST"], int64(d))
}
