package rtsock

import "golang.org/x/sys/unix"

func wordOfLoss(fd int) { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RERROR, 1) }
