package dhcp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/dhcp/rawsock"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"

	"golang.org/x/sys/unix"
)

// A search is for the processes that act as DHCP clients of one link, known by their sockets:
// UDP port 68, and packet sockets that get IPv4 and nothing else. Those that get everything
// (tcpdump, but dhclient also) prove nothing alone.
type search struct {
	*linux
	index int
	six   bool // of DHCPv6, which has UDP port 546 only
}

// A hold is what a socket tells of its process.
type hold uint8

const (
	clientHere hold = 1 << iota // a DHCP client of this link
	clientAny                   // a DHCP client of this link or of another: dhclient binds no device
	packetHere                  // reads packets of this link
	packetElse                  // reads packets of another link
)

// maxLinks bounds how many file descriptors of other processes are looked at.
const maxLinks = 1 << 17

// run returns who is found. What it finds counts although there is an error, too.
func (s *search) run(ctx context.Context) ([]Other, error) {
	socks := map[uint64]hold{} // by inode
	err := s.udp(ctx, socks)
	if !s.six {
		err = errors.Join(err, s.packets(socks))
	}
	left := map[uint64]bool{} // whose process is not known yet
	for ino, h := range socks {
		if h&(clientHere|clientAny) != 0 {
			left[ino] = true
		}
	}
	return holders(socks, left), err
}

// holders looks for the processes of the sockets in left. Our own come first, and are nobody's.
func holders(socks map[uint64]hold, left map[uint64]bool) (found []Other) {
	budget := maxLinks
	if len(left) > 0 {
		told("/proc/self", socks, left, &budget)
	}
	if len(left) == 0 {
		return nil
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return []Other{{}}
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		h := told("/proc/"+name, socks, left, &budget)
		if h&clientHere != 0 || h&clientAny != 0 && (h&packetHere != 0 || h&packetElse == 0) {
			comm, _ := os.ReadFile("/proc/" + name + "/comm")
			found = append(found, Other{PID: pid, Name: string(bytes.TrimSuffix(comm, []byte("\n")))})
		}
		if len(left) == 0 {
			break
		}
	}
	if len(left) > 0 {
		found = append(found, Other{})
	}
	return found
}

// told is what the sockets of a process tell, and takes them from left: who shares a socket with its
// parent is not told of.
func told(proc string, socks map[uint64]hold, left map[uint64]bool, budget *int) (all hold) {
	dir, err := os.Open(proc + "/fd")
	if err != nil {
		return 0
	}
	defer dir.Close()
	fds, _ := dir.Readdirnames(*budget + 1)
	for _, fd := range fds {
		if *budget--; *budget < 0 {
			return all
		}
		to, _ := os.Readlink(filepath.Join(proc, "fd", fd))
		to, ok := strings.CutPrefix(to, "socket:[")
		if !ok {
			continue
		}
		ino, _ := strconv.ParseUint(strings.TrimSuffix(to, "]"), 10, 64)
		h := socks[ino]
		if h&(clientHere|clientAny) != 0 && !left[ino] {
			h &^= clientHere | clientAny
		}
		delete(left, ino)
		all |= h
	}
	return all
}

// A diagRequest is struct inet_diag_req_v2 (linux/inet_diag.h) for UDP from a port.
type diagRequest struct {
	family uint8
	port   uint16
}

func (d diagRequest) AppendBody(b []byte) ([]byte, error) {
	b = append(b, d.family, unix.IPPROTO_UDP, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, ^uint32(0)) // connected or not
	b = binary.BigEndian.AppendUint16(b, d.port)
	return append(b, make([]byte, 2+16+16+4+8)...), nil // inet_diag_sockid: any other end, link and cookie
}

const (
	sockDiagByFamily = 20 // linux/sock_diag.h
	diagSize         = 72 // struct inet_diag_msg
)

// udp looks for sockets of the client's port.
func (s *search) udp(ctx context.Context, socks map[uint64]hold) error {
	o := nl.Options{NoStrict: true}
	if s.ns != nil {
		o.NS = s.ns.FD()
	}
	c, err := nl.Dial(unix.NETLINK_SOCK_DIAG, &o)
	if err != nil {
		return fmt.Errorf("UDP sockets, by udp_diag: %w", reasonOf(err))
	}
	defer c.Close()
	family, port := uint8(unix.AF_INET), uint16(rawsock.ClientPort)
	if s.six {
		family, port = unix.AF_INET6, rawsock.ClientPort6
	}
	var addrs []netip.Addr
	for m, err := range c.Dump(ctx, nl.Request{Type: sockDiagByFamily, Body: diagRequest{family, port}}) {
		if err != nil {
			return fmt.Errorf("UDP sockets, by udp_diag: %w", reasonOf(err))
		}
		if len(m.Data) < diagSize || binary.BigEndian.Uint16(m.Data[4:]) != port {
			continue
		}
		addr := netip.AddrFrom4([4]byte(m.Data[8:]))
		if s.six {
			addr = netip.AddrFrom16([16]byte(m.Data[8:]))
		}
		dev := int(binary.NativeEndian.Uint32(m.Data[40:]))
		h := clientAny
		switch {
		case dev == s.index:
			h = clientHere
		case dev != 0:
			continue
		case !addr.IsUnspecified():
			if addrs == nil {
				if addrs, err = s.addrs(ctx, family); err != nil {
					return err
				}
			}
			if !slices.Contains(addrs, addr) {
				continue
			}
			h = clientHere
		}
		socks[uint64(binary.NativeEndian.Uint32(m.Data[68:]))] |= h
	}
	return nil
}

func (s *search) addrs(ctx context.Context, family uint8) (all []netip.Addr, err error) {
	for m, err := range rt.Addrs(ctx, s.route, rt.AddrFilter{Family: family, Index: int32(s.index)}) {
		if err != nil {
			return nil, err
		}
		all = append(all, m.Prefix().Addr())
	}
	return all, nil
}

// packets reads /proc/net/packet, which is as long as there are packet sockets in the namespace.
//
//	sk               RefCnt Type Proto  Iface R Rmem   User   Inode
//	000000005b49fe60 3      2    0800   3     1 0      0      646768
func (s *search) packets(socks map[uint64]hold) error {
	var b []byte
	err := s.do(func() (err error) {
		b, err = os.ReadFile("/proc/thread-self/net/packet")
		return err
	})
	if err != nil {
		return fmt.Errorf("packet sockets: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 9 {
			continue
		}
		protocol, err := strconv.ParseUint(f[3], 16, 16)
		link, err2 := strconv.Atoi(f[4])
		ino, err3 := strconv.ParseUint(f[8], 10, 64)
		if errors.Join(err, err2, err3) != nil || link == 0 {
			continue // the head, or a socket of no link
		}
		h := packetElse
		if link == s.index {
			h = packetHere
			if protocol == unix.ETH_P_IP {
				h |= clientHere
			}
		}
		socks[ino] |= h
	}
	return nil
}
