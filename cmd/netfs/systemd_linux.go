package main

import (
	"net"

	"github.com/netfs-project/netfs/p9"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// passedListeners are the sockets that systemd opened for us. Source: sd_listen_fds(3).
func passedListeners() ([]net.Listener, error) {
	var list []net.Listener
	for _, f := range activation.Files(true) {
		l, err := p9.FileListener(f)
		if err != nil {
			closeAll(list)
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

// notifyReady and notifyStopping tell systemd of our state, if it asked for that. Source: sd_notify(3).
func notifyReady()    { daemon.SdNotify(false, daemon.SdNotifyReady) }
func notifyStopping() { daemon.SdNotify(false, daemon.SdNotifyStopping) }
