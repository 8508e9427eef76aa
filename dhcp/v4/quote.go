package v4

import "github.com/netfs-project/netfs/dhcp/internal/text"

// Quote is a stranger's text in a form that is safe in a file, on a terminal and
// in front of a shell: as it is if it has only letters, digits and -_.:/@+=%, else
// in double quotes, where also spaces and commas are themselves and all other bytes are \xNN.
func Quote(s string) string { return text.Quote(s) }

// Unquote is the inverse of Quote. Text without quotes is taken as it is, if it
// has no control bytes; in quotes, \xNN, \" and \\ are known.
func Unquote(s string) (string, error) { return text.Unquote(s) }
