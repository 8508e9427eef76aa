package rtsock

import "golang.org/x/sys/unix"

const soRerror = 0x4000 // SO_RERROR (sys/socket.h): since NetBSD 9

func wordOfLoss(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, soRerror, 1) }
