//go:build freebsd || openbsd || netbsd || dragonfly || darwin

package main

import (
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs/dhcp"
)

// dhcpSystem returns this machine's, which remembers in dir what it sets, and what ends it.
func dhcpSystem(dir string) (_ dhcp.System, end func() error, err error) {
	sys, err := rtsock.Open()
	if err != nil {
		return nil, nil, err
	}
	c := rtsock.New(sys)
	return dhcp.NewPF(c, dir), c.Close, nil
}
