package p9

// Types that only 9P2000.L has.
const (
	Rlerror Type = 7
)

// linuxMsg has the fields that only 9P2000.L knows.
type linuxMsg struct{}

func (m *Msg) linuxFields(c *coder) bool { return false }
