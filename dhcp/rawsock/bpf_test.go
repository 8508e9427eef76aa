package rawsock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/netfs-project/netfs/dhcp/wire"

	"github.com/stretchr/testify/require"
)

// The tables are compared with the source of golang.org/x/sys/unix, for each system and
// architecture that both know.
func TestBPFHeaderXSys(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil || len(out) == 0 {
		t.Skipf("the source of x/sys is not here: %v", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "unix")
	seen := 0
	for os, sys := range bpfSystems {
		files, err := filepath.Glob(filepath.Join(dir, "ztypes_"+os+"_*.go"))
		require.NoError(t, err)
		for _, file := range files {
			arch := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "ztypes_"+os+"_"), ".go")
			sizes := types.SizesFor("gc", arch)
			conf := types.Config{Error: func(error) {}, Sizes: sizes, FakeImportC: true}
			load := func(name string) *types.Scope {
				fset := token.NewFileSet()
				f, err := parser.ParseFile(fset, name, nil, 0)
				require.NoError(t, err)
				p, _ := conf.Check("unix", fset, []*ast.File{f}, nil) // names from other files are missing
				return p.Scope()
			}
			st := load(file).Lookup("BpfHdr").Type().Underlying().(*types.Struct)
			var vars []*types.Var
			for i := range st.NumFields() {
				vars = append(vars, st.Field(i))
			}
			at := map[string]int{}
			for i, off := range sizes.Offsetsof(vars) {
				at[vars[i].Name()] = int(off)
			}
			c := load(strings.Replace(file, "ztypes", "zerrors", 1)).Lookup("BPF_ALIGNMENT").(*types.Const)
			align, _ := constant.Int64Val(c.Val())
			h := sys.headerOf(os, arch, int(sizes.Sizeof(types.Typ[types.Int]))*8)
			require.Equal(t, bpfHeader{at["Caplen"], at["Hdrlen"], int(align)}, *h, "%s/%s", os, arch)
			require.Equal(t, at["Caplen"]+4, at["Datalen"], "%s/%s", os, arch)
			seen++
		}
	}
	require.GreaterOrEqual(t, seen, 19)
}

func headers() []bpfHeader { return []bpfHeader{bpfLong, bpfShort, bpfLong386} }

// put appends a packet as a kernel does, of which it kept n bytes. Kernels make their header so
// long that the packet's network header is aligned.
func (h *bpfHeader) put(b, packet []byte, n, pad int) []byte {
	for len(b)%h.align != 0 {
		b = append(b, 0xee)
	}
	head := make([]byte, h.hdrlen+2+pad)
	binary.NativeEndian.PutUint32(head[h.caplen:], uint32(n))
	binary.NativeEndian.PutUint32(head[h.caplen+4:], uint32(len(packet)))
	binary.NativeEndian.PutUint16(head[h.hdrlen:], uint16(len(head)))
	return append(append(b, head...), packet[:n]...)
}

// What is put in comes out, whatever the lengths.
func TestBPFRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, h := range headers() {
		for range 500 {
			var b []byte
			var want [][]byte
			var cuts []bool
			for range 1 + r.IntN(8) {
				p := make([]byte, r.IntN(1600))
				for i := range p {
					p[i] = byte(r.Uint32())
				}
				n := len(p)
				if n > 0 && r.IntN(4) == 0 {
					n = r.IntN(n)
				}
				b = h.put(b, p, n, r.IntN(h.align))
				want, cuts = append(want, p[:n]), append(cuts, n < len(p))
			}
			for i := range want {
				p, rest, cut, err := h.next(b)
				require.NoError(t, err)
				require.Equal(t, want[i], p)
				require.Equal(t, cuts[i], cut)
				b = rest
			}
			require.Empty(t, b)
		}
	}
}

func TestBPFReadBroken(t *testing.T) {
	for _, h := range headers() {
		good := h.put(nil, make([]byte, 60), 60, 0)
		for n := range good {
			_, _, _, err := h.next(good[:n])
			require.ErrorIs(t, err, wire.ErrLength, "%d", n)
		}
		for name, edit := range map[string]func(b []byte){
			"a packet beyond the end": func(b []byte) { binary.NativeEndian.PutUint32(b[h.caplen:], 61) },
			"no end":                  func(b []byte) { binary.NativeEndian.PutUint32(b[h.caplen:], 1<<32-1) },
			"no header":               func(b []byte) { binary.NativeEndian.PutUint16(b[h.hdrlen:], 0) },
			"a header beyond the end": func(b []byte) { binary.NativeEndian.PutUint16(b[h.hdrlen:], 1<<16-1) },
		} {
			b := slices.Clone(good)
			edit(b)
			_, _, _, err := h.next(b)
			require.ErrorIs(t, err, wire.ErrLength, name)
		}
	}
}

// Whatever a kernel says, each step takes something away, and what it yields is in the buffer.
func FuzzBPFRead(f *testing.F) {
	for i, h := range headers() {
		f.Add(uint8(i), h.put(h.put(nil, make([]byte, 61), 61, 2), make([]byte, 300), 40, 0))
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		h := headers()[int(which)%len(headers())]
		for len(b) > 0 {
			p, rest, cut, err := h.next(b)
			if err != nil {
				return
			}
			require.Less(t, len(rest), len(b))
			require.LessOrEqual(t, h.hdrlen+2+len(p)+len(rest), len(b))
			again := h.put(nil, append(slices.Clone(p), 0)[:len(p)+map[bool]int{true: 1}[cut]], len(p), 0)
			q, _, qcut, err := h.next(again)
			require.NoError(t, err)
			require.Equal(t, p, q)
			require.Equal(t, cut, qcut)
			b = rest
		}
	})
}

// A fakeBPF notes the calls, and gives what it is told to.
type fakeBPF struct {
	calls []string
	dlt   uint32
	room  uint32
	fail  bpfCall
	err   error
	reads [][]byte
	wrote []byte
}

func (f *fakeBPF) call(c bpfCall, what string) error {
	f.calls = append(f.calls, strings.TrimSpace(c.String()+" "+what))
	if f.err != nil && c == f.fail {
		return f.err
	}
	return nil
}

func (f *fakeBPF) number(c bpfCall, n uint32) (uint32, error) {
	switch c {
	case bpfGetDLT:
		return f.dlt, f.call(c, "")
	case bpfGetBufLen:
		return f.room, f.call(c, "")
	}
	return n, f.call(c, fmt.Sprint(n))
}
func (f *fakeBPF) setIf(link string) error              { return f.call(bpfSetIf, link) }
func (f *fakeBPF) program(c bpfCall, code []insn) error { return f.call(c, fmt.Sprint(len(code))) }
func (f *fakeBPF) lock() error                          { return f.call(bpfLock, "") }
func (f *fakeBPF) dropped() uint64                      { return 3 }
func (f *fakeBPF) write(b []byte) error                 { f.wrote = b; return f.err }
func (f *fakeBPF) close() error                         { return nil }
func (f *fakeBPF) read(b []byte) (int, error) {
	if len(f.reads) == 0 {
		return 0, io.EOF
	}
	n := copy(b, f.reads[0])
	f.reads = f.reads[1:]
	return n, nil
}

func TestBPFSetUp(t *testing.T) {
	filter, writes := replies(within), requests(within)
	f, w := fmt.Sprintf("BIOCSETF %d", len(filter)), fmt.Sprintf("BIOCSETWF %d", len(writes))
	begin := []string{"BIOCSBLEN 32768", "BIOCSETIF em0", "BIOCGDLT", "BIOCIMMEDIATE 1", "BIOCSHDRCMPLT 1"}
	want := map[string][]string{
		"freebsd":   {"BIOCSSEESENT 0", f, w, "BIOCLOCK", "BIOCGBLEN"},
		"dragonfly": {"BIOCSSEESENT 0", f, w, "BIOCLOCK", "BIOCGBLEN"},
		"openbsd":   {"BIOCSDIRFILT 2", f, w, "BIOCLOCK", "BIOCGBLEN"},
		"netbsd":    {"BIOCSSEESENT 0", f, "BIOCGBLEN"},
		"darwin":    {"BIOCSSEESENT 0", f, "BIOCGBLEN"},
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(bpfSystems)), slices.Collect(maps.Keys(want)))
	for os, sys := range bpfSystems {
		d := &fakeBPF{dlt: 1, room: 4096}
		n, err := setUpBPF(d, &sys, "em0", filter, writes)
		require.NoError(t, err, os)
		require.Equal(t, 4096, n, os)
		require.Equal(t, append(slices.Clone(begin), want[os]...), d.calls, os)

		// The first that fails is named, and nothing is called after it.
		calls := d.calls
		for i, c := range calls {
			name, _, _ := strings.Cut(c, " ")
			d := &fakeBPF{dlt: 1, room: 4096, fail: bpfCall(slices.Index(bpfNames[:], name)), err: syscall.EPERM}
			_, err := setUpBPF(d, &sys, "em0", filter, writes)
			require.ErrorIs(t, err, syscall.EPERM)
			require.ErrorContains(t, err, name+": ")
			require.Len(t, d.calls, i+1, "%s %s", os, c)
		}

		d = &fakeBPF{dlt: 12, room: 4096}
		_, err = setUpBPF(d, &sys, "tun0", filter, writes)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorContains(t, err, "not an Ethernet link (its frames are DLT 12)")
		_, err = setUpBPF(&fakeBPF{dlt: 1}, &sys, "em0", filter, writes)
		require.ErrorContains(t, err, "BIOCGBLEN: 0 bytes")
	}
}

// reply is a frame with a reply to port 68.
func reply(t *testing.T, src wire.MAC, tag wire.Tag) []byte {
	payload := make([]byte, 300)
	payload[0] = 2
	e := wire.Ethernet{Dst: wire.Broadcast, Src: src, Type: wire.TypeIPv4, Tags: [2]wire.Tag{tag}}
	b, err := e.Append(nil)
	require.NoError(t, err)
	d := wire.Datagram{Src: netip.MustParseAddrPort("192.0.2.1:67"), Dst: netip.MustParseAddrPort("255.255.255.255:68"), Payload: payload}
	b, err = d.Append(b)
	require.NoError(t, err)
	return b
}

// Several packets in one read, some of them of no use, and a read that is broken.
func TestBPFSocket(t *testing.T) {
	good := reply(t, wire.Broadcast, wire.Tag{})
	for _, h := range headers() {
		one := h.put(nil, good, len(good), 2)
		broken := slices.Clone(one)
		binary.NativeEndian.PutUint32(broken[h.caplen:], 1<<30)
		vlan := reply(t, wire.Broadcast, wire.Tag{TPID: wire.TypeVLAN, TCI: 5})
		unfinished := slices.Clone(good)
		binary.BigEndian.PutUint16(unfinished[14+26:], wire.Fold(wire.Sum(wire.ProtoUDP+308, unfinished[14+12:14+20])))
		d := &fakeBPF{reads: [][]byte{
			h.put(h.put(h.put(slices.Clone(one), good, 100, 0), vlan, len(vlan), 1), unfinished, len(unfinished), 0),
			broken, one,
		}}
		s := &bpfSocket{dev: d, header: &h, buf: make([]byte, 4096)}
		var got []Packet
		for {
			f, err := s.next()
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			var p Packet
			if s.decode(f.b, &p, f.sums) {
				require.Len(t, p.Payload, 300)
				got = append(got, p)
			}
		}
		require.Len(t, got, 3)
		require.Equal(t, Stats{Received: 4, Truncated: 1, Length: 1, VLAN: 1, Unfinished: 1, Lost: 3}, s.Stats())
		require.NoError(t, s.send(good))
		require.Equal(t, good, d.wrote, "a frame as it is")
	}
}
