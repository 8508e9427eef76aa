package p9

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// DefaultPort and DefaultTLSPort are for dial strings that name none: 9P's own
// port, and the one that netfs uses for 9P inside TLS.
const (
	DefaultPort    = "564"
	DefaultTLSPort = "5641"
)

// ParseDial splits a dial string of Plan 9, dial(2), into what package net
// takes: "unix!/run/netfs.sock", "tcp!127.0.0.1!5640", "tcp!localhost"; a path
// that begins with a slash is a unix socket. Networks that package net does not
// know are "tls" ("tls!host!5641"); "vsock", of virtual machines, with a context
// identifier or one of its names ("vsock!2!5640", "vsock!host!5640"); and "fd", a
// socket that is open already ("fd!3").
func ParseDial(s string) (network, address string, err error) {
	kind, rest, _ := strings.Cut(s, "!")
	if strings.HasPrefix(s, "/") {
		kind, rest = "unix", s
	}
	switch kind {
	case "unix":
		if rest == "" {
			return "", "", fmt.Errorf("dial %q: no path", s)
		}
		return "unix", rest, nil
	case "tcp", "tls":
		host, port, _ := strings.Cut(rest, "!")
		switch {
		case port == "" && kind == "tls":
			port = DefaultTLSPort
		case port == "":
			port = DefaultPort
		}
		if host == "" || strings.Contains(port, "!") {
			return "", "", fmt.Errorf("dial %q: not %s!HOST!PORT", s, kind)
		}
		if host == "*" {
			host = ""
		}
		if port == "9pfs" || port == "9fs" {
			port = DefaultPort
		}
		return kind, net.JoinHostPort(strings.Trim(host, "[]"), port), nil
	case "vsock":
		cid, port, _ := strings.Cut(rest, "!")
		if _, err := parseVsock(cid + ":" + cmp.Or(port, DefaultPort)); err != nil {
			return "", "", fmt.Errorf("dial %q: not vsock!CID!PORT", s)
		}
		return kind, cid + ":" + cmp.Or(port, DefaultPort), nil
	case "fd":
		if _, err := descriptor(rest); err != nil {
			return "", "", fmt.Errorf("dial %q: not fd!NUMBER", s)
		}
		return kind, rest, nil
	}
	return "", "", fmt.Errorf("dial %q: not unix!PATH, tcp!HOST!PORT, tls!HOST!PORT, vsock!CID!PORT or fd!NUMBER", s)
}

// Listen listens on a dial string. A unix socket is made with mode 0660 and
// replaces one that nobody serves any more; plain TCP is for loopback only; for
// TLS there is TLS.Listen.
func Listen(dial string) (net.Listener, error) {
	network, address, err := ParseDial(dial)
	if err != nil {
		return nil, err
	}
	switch network {
	case "unix":
		return listenUnix(address)
	case "tls":
		return nil, fmt.Errorf("listen %s: %w", dial, errNoCert)
	case "vsock":
		l, err := listenVsock(address)
		if err != nil {
			return nil, fmt.Errorf("listen %s: %w", dial, err)
		}
		return l, nil
	case "fd":
		f, err := passedFile(address)
		if err != nil {
			return nil, err
		}
		return FileListener(f)
	}
	a, err := net.ResolveTCPAddr(network, address)
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", dial, err)
	}
	// Before the socket exists: nobody can connect for an instant, either.
	if err := mayListen(a); err != nil {
		return nil, err
	}
	return net.Listen(network, a.String())
}

const socketMode = 0o660

func listenUnix(path string) (net.Listener, error) {
	l, err := bindUnix(path)
	if errors.Is(err, syscall.EADDRINUSE) && stale(path) {
		if err = os.Remove(path); err == nil {
			l, err = bindUnix(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listen unix!%s: %w", path, err)
	}
	return l, nil
}

// bindUnix makes the socket. Until its mode is set, the umask decides.
func bindUnix(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// stale reports whether path is a socket which nobody serves.
func stale(path string) bool {
	st, err := os.Lstat(path)
	if err != nil || st.Mode()&os.ModeSocket == 0 {
		return false
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// Connect connects to a dial string, through TLS where it says so, and leaves
// what is said there to the caller: to hand the connection to another client,
// such as the kernel's.
func (o *Options) Connect(ctx context.Context, dial string) (net.Conn, error) {
	return dialNet(ctx, dial, o.TLS)
}

// dialNet connects to a dial string.
func dialNet(ctx context.Context, dial string, t *TLS) (net.Conn, error) {
	network, address, err := ParseDial(dial)
	if err != nil {
		return nil, err
	}
	var c net.Conn
	switch network {
	case "tls":
		c, err = t.dial(ctx, address)
	case "vsock":
		c, err = dialVsock(ctx, address)
	case "fd":
		c, err = dialFD(address)
	default:
		c, err = new(net.Dialer).DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", dial, err)
	}
	return c, nil
}
