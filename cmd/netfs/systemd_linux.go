package main

import (
	"net"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// passedListeners are the sockets that systemd opened for us. Source: sd_listen_fds(3).
func passedListeners() ([]net.Listener, error) { return activation.Listeners() }

// notifyReady and notifyStopping tell systemd of our state, if it asked for that. Source: sd_notify(3).
func notifyReady()    { daemon.SdNotify(false, daemon.SdNotifyReady) }
func notifyStopping() { daemon.SdNotify(false, daemon.SdNotifyStopping) }
