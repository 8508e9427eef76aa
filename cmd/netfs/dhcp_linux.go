package main

import (
	"github.com/netfs-project/netfs/fs/dhcp"
	"github.com/netfs-project/netfs/nl"
)

// dhcpSystem returns that of the process's own namespace, and what ends it.
func dhcpSystem(string) (_ dhcp.System, end func() error, err error) {
	route, err := nl.Dial(nl.Route, nil)
	if err != nil {
		return nil, nil, err
	}
	return dhcp.New(route, nil), route.Close, nil
}
