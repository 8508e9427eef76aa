package bsd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Profile says whose messages they are.
type Profile struct {
	OS   string // freebsd, openbsd, netbsd, dragonfly, darwin
	Arch string // of the kernel, as GOARCH spells it; empty is amd64
	// Version is the kernel's: kern.osreldate on FreeBSD and DragonFly, the first
	// number of kern.osrelease elsewhere. 0 is a current one.
	Version int
}

// systems are all layouts. The first that fits is taken.
var systems = slices.Concat(freebsd, openbsd, netbsd, dragonfly, darwin)

// A system is a layout and the kernels that have it.
type system struct {
	os     string
	archs  string // space separated; empty: those that no earlier line has
	before int    // kernels older than this; 0: all
	layout Layout
}

// bigEndian are the architectures whose numbers begin with the highest byte.
const bigEndian = " mips mips64 ppc ppc64 powerpc powerpc64 sparc64 s390x armbe arm64be hppa m68k "

// Systems lists the systems of the tables.
func Systems() []string {
	var all []string
	for i := range systems {
		if !slices.Contains(all, systems[i].os) {
			all = append(all, systems[i].os)
		}
	}
	return all
}

// Layout returns the layout of p's messages. The error is errors.ErrUnsupported
// when the tables have none.
func (p Profile) Layout() (*Layout, error) {
	arch := p.Arch
	if arch == "" {
		arch = "amd64"
	}
	for i := range systems {
		s := &systems[i]
		if s.os != p.OS || s.archs != "" && !slices.Contains(strings.Fields(s.archs), arch) {
			continue
		}
		if s.before != 0 && (p.Version == 0 || p.Version >= s.before) {
			continue
		}
		l := s.layout
		l.OS, l.order = s.os, binary.LittleEndian
		if strings.Contains(bigEndian, " "+arch+" ") {
			l.order = binary.BigEndian
		}
		l.ioctls = ioctlsOf(s.os, arch, l.AFInet6)
		return &l, nil
	}
	return nil, fmt.Errorf("os %q, not one of %s: %w", p.OS, strings.Join(Systems(), " "), errors.ErrUnsupported)
}
