package rtsock

// A gauge finds losses of a socket whose kernel does not tell of them: Darwin, FreeBSD
// before 14. What was more than a quarter full before a read may have been full: a kernel
// counts its buffers, too, which for small messages are most of it. A loss that was none
// costs a table that is read once more.
type gauge struct {
	room int // SO_RCVBUF
	lost bool
}

// loss takes how many bytes wait before a read. As a kernel that tells, it reports a loss
// when what was kept has been read.
func (g *gauge) loss(pending int) bool {
	if pending > g.room/4 {
		g.lost = true
	}
	if g.lost && pending == 0 {
		g.lost = false
		return true
	}
	return false
}
