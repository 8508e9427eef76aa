package rtsock

import "golang.org/x/sys/unix"

func wordOfLoss(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RERROR, 1) }
