package wire

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Sum adds the 16-bit words of b to sum, which is not folded or inverted: the
// state of an Internet checksum, so that headers and data can be added one
// after the other. An odd last byte is padded with zero, so only the last part
// may have an odd length. Source: RFC 1071.
func Sum(sum uint64, b []byte) uint64 {
	var carry, c uint64
	for len(b) >= 8 {
		sum, c = bits.Add64(sum, binary.BigEndian.Uint64(b), 0)
		carry += c
		b = b[8:]
	}
	var rest uint64
	for len(b) >= 2 {
		rest += uint64(b[0])<<8 | uint64(b[1])
		b = b[2:]
	}
	if len(b) == 1 {
		rest += uint64(b[0]) << 8
	}
	// 2^16 is 1 in ones' complement: halves, carries and rest are added alike.
	return sum>>32 + sum&0xffffffff + carry + rest
}

// Fold makes a Sum the 16 bits of the ones' complement sum, not inverted.
func Fold(sum uint64) uint16 {
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// Checksum is the Internet checksum of b: the inverted sum.
func Checksum(b []byte) uint16 { return ^Fold(Sum(0, b)) }

// pseudo is the sum of the pseudo header of a datagram: what the kernel leaves
// in the checksum field when it wants the hardware to finish the work.
// Source: RFC 768; CHECKSUM_PARTIAL, linux/skbuff.h.
func pseudo(src, dst netip.Addr, length int) uint64 {
	s, d := src.As4(), dst.As4()
	return Sum(Sum(ProtoUDP+uint64(length), s[:]), d[:])
}
