//go:build freebsd || openbsd || netbsd || dragonfly || darwin

package runner

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// countsSuspend is whether uptime goes on while the machine is suspended.
const countsSuspend = runtime.GOOS == "openbsd" || runtime.GOOS == "darwin"

// clocks count from the start of the machine. Sources: clock_gettime(2); sys/time.h of NetBSD, whose
// number x/sys lacks.
var clocks = map[string]int32{
	"openbsd":   6, // CLOCK_BOOTTIME
	"darwin":    4, // CLOCK_MONOTONIC_RAW, which is mach_continuous_time
	"freebsd":   4, // CLOCK_MONOTONIC, as the next two
	"dragonfly": 4,
	"netbsd":    3,
}

func uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clocks[runtime.GOOS], &t); err != nil {
		panic(err) // every kernel of theirs has it
	}
	return time.Duration(t.Nano())
}
