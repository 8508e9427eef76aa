package rtsock

import "golang.org/x/sys/unix"

const soRerror = 0x4000 // SO_RERROR (sys/socket.h): say ENOBUFS when messages are lost; since NetBSD 9

// prepare asks for word of lost messages. Older kernels do not give it.
func prepare(fd, _ int) error {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, soRerror, 1)
	return nil
}
