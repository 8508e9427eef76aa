// Package nfnl has what all netfilter families share: the header of their
// messages, the numbers of the subsystems and the multicast groups.
//
//	r := nl.Request{Type: nfnl.Type(nfnl.SubsysConntrack, ct.IPCTNL_MSG_CT_GET), Body: &ct.Entry{}}
//
// Attribute integers of these families are big endian, other than those of the
// rest of netlink. Source: linux/netfilter/nfnetlink.h.
package nfnl

import (
	"errors"
	"syscall"
)

//go:generate go run github.com/netfs-project/netfs/nl/internal/nlgen

// Header is struct nfgenmsg.
//
//nl:struct
type Header struct {
	Family  uint8  // AF_INET, AF_INET6, NFPROTO_INET ...; 0 means any or none
	Version uint8  // 0 (NFNETLINK_V0), but see ct.Flush
	ResID   uint16 `nl:",be"` // the resource: a queue, a CPU, a subsystem
}

// Mark begins or ends a transaction: ResID of its header is the subsystem.
//
//nl:message NFNL_MSG_BATCH_BEGIN NFNL_MSG_BATCH_END
type Mark struct {
	Header Header `nl:"header"`

	GenID uint32 `nl:"NFNL_BATCH_GENID,be"` // refuse (ERESTART) if the state is of another generation

	Has MarkSet
}

// Families of the header beyond the address families (linux/netfilter.h).
const (
	NFPROTO_UNSPEC = 0
	NFPROTO_INET   = 1
	NFPROTO_IPV4   = 2
	NFPROTO_ARP    = 3
	NFPROTO_NETDEV = 5
	NFPROTO_BRIDGE = 7
	NFPROTO_IPV6   = 10
)

// Subsystems, the upper byte of a message type.
const (
	SubsysConntrack        = 1
	SubsysConntrackExpect  = 2
	SubsysQueue            = 3
	SubsysLog              = 4
	SubsysOSF              = 5
	SubsysIPSet            = 6
	SubsysAcct             = 7
	SubsysConntrackTimeout = 8
	SubsysConntrackHelper  = 9
	SubsysNFTables         = 10
	SubsysNFTCompat        = 11
	SubsysHook             = 12
)

// Multicast groups.
const (
	NFNLGRP_CONNTRACK_NEW         = 1
	NFNLGRP_CONNTRACK_UPDATE      = 2
	NFNLGRP_CONNTRACK_DESTROY     = 3
	NFNLGRP_CONNTRACK_EXP_NEW     = 4
	NFNLGRP_CONNTRACK_EXP_UPDATE  = 5 // no kernel sends it
	NFNLGRP_CONNTRACK_EXP_DESTROY = 6
	NFNLGRP_NFTABLES              = 7
	NFNLGRP_ACCT_QUOTA            = 8
	NFNLGRP_NFTRACE               = 9
)

// Control messages that frame a transaction (nf_tables).
const (
	NFNL_MSG_BATCH_BEGIN = 0x10
	NFNL_MSG_BATCH_END   = 0x11

	NFNL_BATCH_GENID = 1
)

// Type is the message type of a subsystem's message.
func Type(subsys, msg uint8) uint16 { return uint16(subsys)<<8 | uint16(msg) }

// Split is the reverse of Type.
func Split(t uint16) (subsys, msg uint8) { return uint8(t >> 8), uint8(t) }

// Probe turns the error of a harmless request to a subsystem into one that
// matches errors.ErrUnsupported if it says that the kernel has no such
// subsystem: the kernel then does not know the message type (EINVAL).
func Probe(err error, subsystem string) error {
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EPROTONOSUPPORT) {
		return &absentError{subsystem, err}
	}
	return err
}

type absentError struct {
	subsystem string
	err       error
}

func (e *absentError) Error() string        { return e.subsystem + ": not in this kernel" }
func (e *absentError) Unwrap() error        { return e.err }
func (e *absentError) Is(target error) bool { return target == errors.ErrUnsupported }
