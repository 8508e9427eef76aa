//go:build !(linux || freebsd || openbsd || netbsd || dragonfly || darwin)

package runner

import "time"

const countsSuspend = false

var began = time.Now()

func uptime() time.Duration { return time.Since(began) }
