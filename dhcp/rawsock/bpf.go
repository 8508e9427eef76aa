package rawsock

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/netfs-project/netfs/dhcp/wire"
)

// This file is what is done with bpf(4), apart from the system calls: it is the same, and
// tested, on every system.

// A bpfHeader is where struct bpf_hdr (net/bpf.h) has its fields, and how packets are aligned
// in what is read: BPF_WORDALIGN. Numbers are of the machine's byte order.
type bpfHeader struct {
	caplen int // u32: what is there of the packet; datalen, the whole, is behind it
	hdrlen int // u16: from here to the packet
	align  int
}

// Headers begin with a time: of two longs, or of two 32-bit words.
var (
	bpfLong    = bpfHeader{caplen: 16, hdrlen: 24, align: 8}
	bpfShort   = bpfHeader{caplen: 8, hdrlen: 16, align: 4}
	bpfLong386 = bpfHeader{caplen: 16, hdrlen: 24, align: 4} // a 64-bit time_t on a 32-bit machine
)

// A bpfSystem is how a kernel's bpf is used.
type bpfSystem struct {
	header      bpfHeader
	header32    bpfHeader // of machines of 32 bits
	sent        bpfCall   // keeps what this host sends out of what is read
	sentValue   uint32
	writeFilter bool // it has BIOCSETWF and BIOCLOCK
}

// bpfSystems are by GOOS. Sources: net/bpf.h and bpf(4) of each.
var bpfSystems = map[string]bpfSystem{
	"freebsd":   {bpfLong, bpfShort, bpfSeeSent, 0, true},
	"openbsd":   {bpfShort, bpfShort, bpfDirFilter, 2, true}, // BPF_DIRECTION_OUT
	"netbsd":    {bpfLong, bpfShort, bpfSeeSent, 0, false},
	"dragonfly": {bpfLong, bpfLong, bpfSeeSent, 0, true},
	"darwin":    {bpfShort, bpfShort, bpfSeeSent, 0, false},
}

// headerOf is the one of an architecture, by GOARCH, whose words have so many bits.
func (s *bpfSystem) headerOf(os, arch string, bits int) *bpfHeader {
	switch {
	case os == "freebsd" && arch == "arm":
		return &bpfLong386
	case bits == 32:
		return &s.header32
	}
	return &s.header
}

// errBPF is what no kernel should say.
var errBPF = &wire.Error{Layer: "bpf", Reason: "a header that contradicts itself", Kind: wire.ErrLength}

// next cuts the first packet off what was read. cut says that the kernel kept a part of it
// only.
func (h *bpfHeader) next(b []byte) (packet, rest []byte, cut bool, err error) {
	if len(b) < h.hdrlen+2 {
		return nil, nil, false, errBPF
	}
	caplen, datalen := binary.NativeEndian.Uint32(b[h.caplen:]), binary.NativeEndian.Uint32(b[h.caplen+4:])
	hdrlen := int(binary.NativeEndian.Uint16(b[h.hdrlen:]))
	if hdrlen < h.hdrlen+2 || hdrlen > len(b) || uint64(caplen) > uint64(len(b)-hdrlen) {
		return nil, nil, false, errBPF
	}
	end := hdrlen + int(caplen)
	next := min((end+h.align-1)&^(h.align-1), len(b)) // the last one is not filled up
	return b[hdrlen:end:end], b[next:], caplen < datalen, nil
}

// A bpfCall is an ioctl of bpf(4).
type bpfCall uint8

const (
	bpfSetBufLen bpfCall = iota
	bpfGetBufLen
	bpfGetDLT
	bpfImmediate
	bpfHeaderComplete
	bpfSeeSent
	bpfDirFilter
	bpfSetIf
	bpfSetFilter
	bpfSetWriteFilter
	bpfLock
)

var bpfNames = [...]string{
	"BIOCSBLEN", "BIOCGBLEN", "BIOCGDLT", "BIOCIMMEDIATE", "BIOCSHDRCMPLT", "BIOCSSEESENT", "BIOCSDIRFILT", "BIOCSETIF", "BIOCSETF",
	"BIOCSETWF", "BIOCLOCK",
}

func (c bpfCall) String() string { return bpfNames[c] }

// A bpfDevice is the system calls on one descriptor of bpf(4).
type bpfDevice interface {
	// number makes a call with a pointer to an unsigned int, and returns what is there then.
	number(c bpfCall, n uint32) (uint32, error)
	setIf(link string) error
	program(c bpfCall, code []insn) error
	lock() error
	// dropped is how many packets were, for want of room.
	dropped() uint64
	// read waits for packets; after close it fails with os.ErrClosed.
	read(b []byte) (int, error)
	write(b []byte) error
	close() error
}

const (
	dltEthernet = 1       // DLT_EN10MB, net/bpf.h
	bpfRoom     = 1 << 15 // for packets that wait: a kernel that has less gives less
)

// setUpBPF makes a new descriptor read what filter takes on the link, and returns how much is
// read at once. What came before the filter was there is flushed with it.
func setUpBPF(d bpfDevice, s *bpfSystem, link string, filter, writes []insn) (size int, err error) {
	try := func(c bpfCall, f func() error) {
		if err == nil {
			if e := f(); e != nil {
				err = fmt.Errorf("%v: %w", c, e)
			}
		}
	}
	set := func(c bpfCall, n uint32) {
		try(c, func() error { _, err := d.number(c, n); return err })
	}
	get := func(c bpfCall) (n uint32) {
		try(c, func() (err error) { n, err = d.number(c, 0); return err })
		return n
	}
	set(bpfSetBufLen, bpfRoom) // not possible any more when there is a link
	try(bpfSetIf, func() error { return d.setIf(link) })
	if dlt := get(bpfGetDLT); err == nil && dlt != dltEthernet {
		return 0, fmt.Errorf("not an Ethernet link (its frames are DLT %d): %w", dlt, errors.ErrUnsupported)
	}
	set(bpfImmediate, 1)
	set(bpfHeaderComplete, 1)
	set(s.sent, s.sentValue)
	try(bpfSetFilter, func() error { return d.program(bpfSetFilter, filter) })
	if s.writeFilter {
		try(bpfSetWriteFilter, func() error { return d.program(bpfSetWriteFilter, writes) })
		try(bpfLock, d.lock)
	}
	n := get(bpfGetBufLen)
	if err == nil && (n == 0 || n > 1<<24) {
		err = fmt.Errorf("%v: %d bytes", bpfGetBufLen, n)
	}
	return int(n), err
}

// A bpfSocket reads and writes frames through a bpf device.
type bpfSocket struct {
	dev    bpfDevice
	header *bpfHeader
	counters
	buf  []byte
	rest []byte // of what was read last
}

// next waits for a frame. Whether its checksum is finished the kernel does not tell.
func (s *bpfSocket) next() (arrival, error) {
	for {
		for len(s.rest) > 0 {
			b, rest, cut, err := s.header.next(s.rest)
			s.rest = rest
			switch {
			case err != nil:
				s.dropped(err)
			case cut:
				s.truncated.Add(1)
			default:
				return arrival{b: b, sums: wire.Partial}, nil
			}
		}
		n, err := s.dev.read(s.buf)
		if err != nil {
			return arrival{}, err
		}
		s.rest = s.buf[:n]
	}
}

func (s *bpfSocket) send(frame []byte) error { return s.dev.write(frame) }

// Close ends a Receive that waits.
func (s *bpfSocket) Close() error { return s.dev.close() }

// Stats returns the counters.
func (s *bpfSocket) Stats() Stats {
	st := s.stats()
	st.Lost = s.dev.dropped()
	return st
}
