package bsd

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// machines are the systems and word sizes whose requests differ.
var machines = []Profile{
	{OS: "freebsd"}, {OS: "freebsd", Arch: "386"}, {OS: "freebsd", Arch: "arm"}, {OS: "freebsd", Arch: "powerpc64"},
	{OS: "openbsd"}, {OS: "openbsd", Arch: "386"}, {OS: "openbsd", Arch: "sparc64"},
	{OS: "netbsd"}, {OS: "netbsd", Arch: "386"}, {OS: "netbsd", Arch: "arm"}, {OS: "netbsd", Arch: "sparc64"},
	{OS: "dragonfly"}, {OS: "darwin"}, {OS: "darwin", Arch: "arm64"},
}

// randomReq has something in every part.
func randomReq(r *rand.Rand, l *Layout) IfReq {
	name := func() string { return strings.Repeat("x", 1+r.IntN(10)) + fmt.Sprint(r.IntN(100)) }
	addr := func() Sockaddr {
		b := [4]byte{198, 51, 100, byte(r.Uint32())}
		return l.SockaddrOf(netip.AddrFrom4(b))
	}
	return IfReq{
		Name: name(), Addr: addr(), Dst: addr(), Mask: addr(), Flags: r.Uint32(), MTU: r.Int32(), VHID: r.Int32(),
		LLAddr: []byte{2, 0, 0, 0, 0, byte(r.Uint32())}, Valid: r.Uint32(), Preferred: r.Uint32(),
		Expire: int64(r.Int32()), Deprecate: int64(r.Int32()), PrefixLen: r.Uint32(),
		NewName: name(), Parent: name(), Member: name(), Tag: uint16(r.Uint32()), TagType: uint16(r.Uint32()), VNetID: int64(r.Uint64()),
	}
}

// kept is what a form has of a request: what comes back when it goes through bytes.
func (f *reqForm) kept(r IfReq) IfReq {
	var k IfReq
	for ; f != nil; f = f.inner {
		has := func(p pos) bool { return p.size != 0 }
		if has(f.name) {
			k.Name = r.Name
		}
		if has(f.addr) {
			k.Addr = r.Addr
		}
		if has(f.dst) {
			k.Dst = r.Dst
		}
		if has(f.mask) {
			k.Mask = r.Mask
		}
		switch {
		case has(f.high) || f.flags.size == 4:
			k.Flags = r.Flags
		case has(f.flags):
			k.Flags = r.Flags & 0xffff
		}
		if has(f.mtu) {
			k.MTU = r.MTU
		}
		if has(f.vhid) {
			k.VHID = r.VHID
		}
		if has(f.prefix) {
			k.PrefixLen = r.PrefixLen
		}
		if has(f.lladdr) {
			k.LLAddr = r.LLAddr
		}
		if has(f.newname) {
			k.NewName = r.NewName
		}
		if has(f.parent) {
			k.Parent = r.Parent
		}
		if has(f.member) && f.item == 0 {
			k.Member = r.Member
		}
		if has(f.tag) {
			k.Tag = r.Tag
		}
		if has(f.tagType) {
			k.TagType = r.TagType
		}
		if has(f.vnetid) {
			k.VNetID = r.VNetID
		}
		if f.item != 0 {
			k.Names, k.Room = r.Names, r.Room
		}
		if has(f.total) {
			k.Total = r.Total
		}
		if has(f.valid) {
			k.Valid, k.Preferred, k.Expire, k.Deprecate = r.Valid, r.Preferred, r.Expire, r.Deprecate
		}
	}
	return k
}

// Decoding what was encoded gives the same, both ways, on every system.
func TestIoctlRoundTrip(t *testing.T) {
	for _, p := range machines {
		t.Run(p.name(), func(t *testing.T) {
			l, err := p.Layout()
			require.NoError(t, err)
			r := rand.New(rand.NewPCG(1, 2))
			for _, i := range l.ioctls {
				for range 50 {
					want := randomReq(r, l)
					want.Room = r.IntN(5)
					q, err := l.Request(i.op, &want)
					require.NoError(t, err, i.name)
					assert.Len(t, q.Parts[0], int(q.Num>>16&0x1fff), i.name)
					op, got, err := l.ParseRequest(q)
					require.NoError(t, err, i.name)
					assert.Equal(t, i.op, op, i.name)
					assert.Equal(t, i.form.kept(want), got, i.name)

					answer := randomReq(r, l)
					answer.Room = want.Room
					for range r.IntN(want.Room + 1) {
						answer.Names = append(answer.Names, fmt.Sprint("em", r.IntN(100)))
					}
					answer.Total = int32(len(answer.Names))
					require.NoError(t, l.Reply(i.op, q, &answer), i.name)
					got, err = l.Answer(i.op, q)
					require.NoError(t, err, i.name)
					f := i.form
					if f.answer != nil {
						f = f.answer
					}
					assert.Equal(t, f.kept(answer), got, i.name)
				}
			}
		})
	}
}

// Fields are within their struct, and no two are in one place.
func TestIoctlFields(t *testing.T) {
	for _, p := range machines {
		l, err := p.Layout()
		require.NoError(t, err)
		var forms []*reqForm
		for _, i := range l.ioctls {
			for f := i.form; f != nil; f = f.inner {
				forms = append(forms, f)
			}
			if i.form.answer != nil {
				forms = append(forms, i.form.answer)
			}
		}
		for _, f := range forms {
			used := make([]bool, f.len+f.item)
			for _, at := range f.fields() {
				for b := int(at.off); b < int(at.off)+int(at.size); b++ {
					require.Less(t, b, len(used), "%s: %v", p.name(), at)
					assert.False(t, used[b], "%s: two fields at %d", p.name(), b)
					used[b] = true
				}
			}
		}
	}
}

func (f *reqForm) fields() []pos {
	all := []pos{f.name, f.addr, f.dst, f.mask, f.flags, f.high, f.mtu, f.vhid, f.prefix, f.lladdr, f.expire, f.deprecate, f.valid, f.preferred,
		f.newname, f.parent, f.member, f.tag, f.tagType, f.vnetid, f.cmd, f.size, f.count, f.total, f.ptr}
	return slices.DeleteFunc(all, func(p pos) bool { return p.size == 0 })
}

func TestIoctlRefused(t *testing.T) {
	for _, p := range machines {
		l, err := p.Layout()
		require.NoError(t, err)
		_, err = l.Request(SetMTU, &IfReq{Name: "a-name-of-16-byt"})
		assert.ErrorContains(t, err, "longer than 15 bytes")
		_, err = l.Request(AddAddr, &IfReq{Name: "em0", Addr: l.SockaddrOf(netip.IPv6Loopback())})
		assert.ErrorContains(t, err, "sockaddr of 28 bytes")
		if l.HasIoctl(SetLLAddr) {
			_, err = l.Request(SetLLAddr, &IfReq{Name: "em0", LLAddr: make([]byte, 20)})
			assert.ErrorContains(t, err, "link-layer address of 20 bytes")
		}
		_, err = l.Request(IoctlNone, &IfReq{})
		assert.ErrorIs(t, err, errors.ErrUnsupported)
		_, _, err = l.ParseRequest(&Request{Num: 7})
		assert.ErrorIs(t, err, errors.ErrUnsupported)
		q, err := l.Request(GetFlags, &IfReq{Name: "em0"})
		require.NoError(t, err)
		q.Parts[0] = q.Parts[0][:10]
		_, err = l.Answer(GetFlags, q)
		assert.ErrorContains(t, err, "too short")
	}
}

// The structs of IPv6 have no numbers in x/sys: these are computed by hand from the
// headers (netinet6/in6_var.h).
func TestIoctlNumbers6(t *testing.T) {
	for _, c := range []struct {
		p    Profile
		op   Ioctl
		want uint32
	}{
		{Profile{OS: "freebsd"}, AddAddr, 0x8044692b},
		{Profile{OS: "freebsd"}, AddAddr6, 0x8088691b},
		{Profile{OS: "freebsd", Arch: "386"}, AddAddr6, 0x807c691b},
		{Profile{OS: "freebsd", Arch: "arm"}, AddAddr6, 0x8088691b},
		{Profile{OS: "openbsd"}, AddAddr6, 0x8080691a},
		{Profile{OS: "openbsd", Arch: "386"}, AddAddr6, 0x8080691a},
		{Profile{OS: "netbsd"}, AddAddr6, 0x8080696b},
		{Profile{OS: "dragonfly"}, AddAddr6, 0x8080691a},
		{Profile{OS: "darwin"}, AddAddr6, 0x8080691a},
		{Profile{OS: "darwin"}, AttachInet6, 0xc080696e},
		{Profile{OS: "netbsd"}, GetAddrLifetime6, 0xc120696a},
		{Profile{OS: "openbsd"}, GetAddrLifetime6, 0xc1206951},
	} {
		l, err := c.p.Layout()
		require.NoError(t, err)
		assert.Equal(t, c.want, l.ioctl(c.op).number(), "%s %s: %#x", c.p.name(), l.ioctl(c.op).name, l.ioctl(c.op).number())
	}
	for _, p := range machines {
		l, err := p.Layout()
		require.NoError(t, err)
		assert.Equal(t, uint32(0x81206919), l.ioctl(DelAddr6).number())
		assert.Equal(t, uint32(0xc1206949), l.ioctl(GetAddrFlags6).number())
	}
}

// What x/sys has of the requests agrees.
func TestXSysIoctls(t *testing.T) {
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
			x, l := loadXSys(t, c.os, arch), layout(t, c.os, arch, 0)
			seen := 0
			for _, i := range l.ioctls {
				want, ok := x.consts[i.name]
				if !ok {
					continue
				}
				seen++
				switch why := x.why(i.name); {
				case why != "":
					assert.NotEqual(t, want, int64(i.number()), "%s/%s %s agrees: %s", c.os, arch, i.name, why)
				default:
					assert.Equal(t, want, int64(i.number()), "%s/%s %s: %#x", c.os, arch, i.name, i.number())
				}
			}
			assert.Greater(t, seen, 5)
		}
	}
}

// FuzzIoctlAnswer reads answers of any bytes: nothing panics, and what was read can be
// written and read again.
func FuzzIoctlAnswer(f *testing.F) {
	for m := range machines {
		f.Add(uint8(m), uint8(0), []byte{})
		f.Add(uint8(m), uint8(4), bytes.Repeat([]byte{0xff}, 300))
		f.Add(uint8(m), uint8(9), bytes.Repeat([]byte{0x10, 2}, 300))
	}
	f.Fuzz(func(t *testing.T, machine, request uint8, b []byte) {
		l, err := machines[int(machine)%len(machines)].Layout()
		require.NoError(t, err)
		i := &l.ioctls[int(request)%len(l.ioctls)]
		q, err := l.Request(i.op, &IfReq{Name: "em0", Room: 3})
		require.NoError(t, err)
		for n := range q.Parts {
			b = b[copy(q.Parts[n], b):]
		}
		got, err := l.Answer(i.op, q)
		if err != nil {
			return
		}
		got = got.clone()
		got.Total = min(max(got.Total, 0), int32(len(got.Names))) // as a kernel that counts well
		require.NoError(t, l.Reply(i.op, q, &got))
		again, err := l.Answer(i.op, q)
		require.NoError(t, err)
		assert.Equal(t, got, again.clone())
		_, _, _ = l.ParseRequest(q)
	})
}

func (r IfReq) clone() IfReq {
	r.Addr, r.Dst, r.Mask = slices.Clone(r.Addr), slices.Clone(r.Dst), slices.Clone(r.Mask)
	r.LLAddr = slices.Clone(r.LLAddr)
	return r
}
