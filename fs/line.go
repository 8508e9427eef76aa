package fs

// An item is one key of a parsed statement.
type item struct {
	idx    int
	n      int      // attribute number, in a family
	word   string   // the value; of a List its text
	cut    bool     // "no NAME"
	bare   bool     // given without its key
	groups [][]item // of a Group
}

// splitLine returns the words of a line as they stand, quotes and all, without
// the comment.
func splitLine(line string) ([]string, error) { panic("contract") }
