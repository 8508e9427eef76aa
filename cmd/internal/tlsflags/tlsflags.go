// Package tlsflags has the flags for dial strings that begin with tls!, which
// the programs share.
package tlsflags

import (
	"os"

	"github.com/netfs-project/netfs/p9"

	"github.com/spf13/cobra"
)

// Client gives a command that dials the flags --cert, --key and --ca.
func Client(c *cobra.Command) *p9.TLS {
	t := new(p9.TLS)
	file := func(to *string, name, env, usage string) {
		c.Flags().StringVar(to, name, os.Getenv(env), usage+" ($"+env+")")
		c.Flags().Lookup(name).DefValue = "" // the same page on every machine
		c.MarkFlagFilename(name)
	}
	file(&t.Cert, "cert", "NETFS_CERT", "file with the certificate of this end, for tls!")
	file(&t.Key, "key", "NETFS_KEY", "file with its key")
	file(&t.CA, "ca", "NETFS_CA", "file with the authority that the other end's certificate must be from")
	return t
}

// Server gives a command that listens the same flags, and --policy.
func Server(c *cobra.Command) *p9.TLS {
	t := Client(c)
	c.Flags().StringVar(&t.Policy, "policy", os.Getenv("NETFS_POLICY"), "file that says what the names in clients' certificates may do ($NETFS_POLICY)")
	c.Flags().Lookup("policy").DefValue = ""
	c.MarkFlagFilename("policy")
	return t
}
