package rt

import (
	"context"
	"iter"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// RtGenMsg is struct rtgenmsg (linux/rtnetlink.h).
//
//nl:struct
type RtGenMsg struct{ Family uint8 }

// An NSID is the number by which one namespace knows another.
//
//nl:message RTM_NEWNSID RTM_DELNSID RTM_GETNSID
type NSID struct {
	Hdr RtGenMsg `nl:"header"`

	ID      int32  `nl:"NETNSA_NSID"` // NETNSA_NSID_NOT_ASSIGNED if there is none
	PID     uint32 `nl:"NETNSA_PID"`  // of a request: the namespace of a process
	FD      uint32 `nl:"NETNSA_FD"`   // of a request: an open file of the namespace
	Target  int32  `nl:"NETNSA_TARGET_NSID"`
	Current int32  `nl:"NETNSA_CURRENT_NSID"`

	Has  NSIDSet
	Rest []attr.Raw `nl:"rest"`
}

// NSIDs yields the namespaces that c's has numbers for, borrowed until the next step.
func NSIDs(ctx context.Context, c *nl.Client) iter.Seq2[*NSID, error] {
	return dump(ctx, c, nl.Request{Type: RTM_GETNSID, Body: &NSID{}}, RTM_NEWNSID, &NSID{}, nil)
}

// GetNSID asks for the number of the namespace that q names by PID or FD and decodes the answer into m.
func GetNSID(ctx context.Context, c *nl.Client, q, m *NSID) error {
	return get(ctx, c, nl.Request{Type: RTM_GETNSID, Body: q}, RTM_NEWNSID, m)
}

// Add is the request that gives the namespace of PID or FD the number ID (a negative one: the
// next free).
func (m *NSID) Add() nl.Request {
	m.Has |= NSIDID
	return nl.Request{Type: RTM_NEWNSID, Body: m}
}
