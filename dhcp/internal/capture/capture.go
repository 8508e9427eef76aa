// Package capture reads pcap files for tests.
package capture

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Dir is where captured exchanges are, beside the checkout.
const Dir = "shared/vectors/dhcp"

// Files returns the captures of a folder of Dir, by name without ".pcap". The
// test is skipped if they are absent.
func Files(t testing.TB, folder string) map[string][][]byte {
	t.Helper()
	files := read(t, folder)
	if len(files) == 0 {
		t.Skipf("no captures in %s beside the checkout", filepath.Join(Dir, folder))
	}
	return files
}

// Seeds returns all frames of all captures, for a fuzz target to begin with; none if they are absent.
func Seeds(f *testing.F) [][]byte {
	var list [][]byte
	for _, folder := range []string{"captured", "pyroute2"} {
		for _, frames := range read(f, folder) {
			list = append(list, frames...)
		}
	}
	return list
}

func read(t testing.TB, folder string) map[string][][]byte {
	paths, err := filepath.Glob(filepath.Join(find(t, filepath.Join(Dir, folder)), "*.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][][]byte{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		frames, err := Frames(b)
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		files[strings.TrimSuffix(filepath.Base(p), ".pcap")] = frames
	}
	return files
}

// find returns the path of a folder beside the module, whose root has a go.mod.
func find(t testing.TB, rel string) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
	return filepath.Join(filepath.Dir(dir), rel)
}

// Frames returns the frames of a classic pcap file of Ethernet, of either byte
// order. Source: pcap-savefile(5).
func Frames(b []byte) ([][]byte, error) {
	if len(b) < 24 {
		return nil, fmt.Errorf("%d bytes are no pcap file", len(b))
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch magic := order.Uint32(b); magic {
	case 0xa1b2c3d4, 0xa1b23c4d:
	case 0xd4c3b2a1, 0x4d3cb2a1:
		order = binary.BigEndian
	default:
		return nil, fmt.Errorf("magic %#x", magic)
	}
	if link := order.Uint32(b[20:]); link != 1 {
		return nil, fmt.Errorf("link type %d is not Ethernet", link)
	}
	var frames [][]byte
	for b = b[24:]; len(b) > 0; {
		if len(b) < 16 {
			return nil, fmt.Errorf("%d bytes behind the last frame", len(b))
		}
		n := int(order.Uint32(b[8:]))
		if n > len(b)-16 {
			return nil, fmt.Errorf("a frame of %d bytes in %d", n, len(b)-16)
		}
		frames = append(frames, b[16:16+n])
		b = b[16+n:]
	}
	return frames, nil
}

// IPv6 returns what an Ethernet frame of IPv6 without extension headers carries: the
// protocol and its bytes; 0 for other frames.
func IPv6(frame []byte) (proto byte, payload []byte) {
	const head = 14 + 40
	if len(frame) < head || binary.BigEndian.Uint16(frame[12:]) != 0x86dd {
		return 0, nil
	}
	n := int(binary.BigEndian.Uint16(frame[18:]))
	if head+n > len(frame) {
		return 0, nil
	}
	return frame[20], frame[head : head+n]
}
