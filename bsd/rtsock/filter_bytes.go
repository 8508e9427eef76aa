//go:build netbsd || dragonfly

package rtsock

import "golang.org/x/sys/unix"

const roMsgFilter = 1 // RO_MSGFILTER (net/route.h): the types to hear, a byte each

// prepare asks for word of lost messages, and for what f wants. Older kernels know
// neither; what is not filtered is heard.
func (s *system) prepare(fd, _ int, f *Filter) (tells bool, err error) {
	tells = wordOfLoss(fd) == nil
	if types := f.types(s.layout); types != nil {
		_ = unix.SetsockoptString(fd, int(s.layout.AFRoute), roMsgFilter, string(types))
	}
	return tells, nil
}

func (s *system) Tables() (int, error) { return 1, nil }
