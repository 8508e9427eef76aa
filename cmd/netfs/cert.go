package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

type certFlags struct {
	client string
	role   string
	days   int
}

func certCommand() *cobra.Command {
	var f certFlags
	c := &cobra.Command{
		Use:   "cert DIR [NAME...]",
		Short: "make keys and certificates for a first try of tls!",
		Long: `Cert makes in DIR what secure remote access needs, and leaves alone what is there:

  ca.pem, ca-key.pem          an authority of one's own, for ten years
  server.pem, server-key.pem  the server's certificate, for the NAMEs and addresses
                              under which clients dial it, or else this machine's
                              name and the loopback
  CLIENT.pem, CLIENT-key.pem  a client's, which has the name dns:CLIENT
  policy                      the line "dns:CLIENT ROLE" is added to it

Keys have mode 0600. A client's machine needs its own two files and ca.pem; ca-key.pem
is only for the next client: netfs cert DIR --client bob. To put a client out, take
its line out of the policy: that counts at once.`,
		Example: `  netfs cert /etc/netfs server.example.net
  netfs serve -l 'tls!*!5641' --cert /etc/netfs/server.pem --key /etc/netfs/server-key.pem --ca /etc/netfs/ca.pem --policy /etc/netfs/policy
  netfs cat -a 'tls!server.example.net!5641' --cert client.pem --key client-key.pem --ca ca.pem routes`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return makeCerts(c.OutOrStdout(), args[0], args[1:], &f) },
	}
	c.Flags().StringVar(&f.client, "client", "client", "name of the client")
	c.Flags().StringVar(&f.role, "role", "view", "what the client may do: view, operate or admin")
	c.Flags().IntVar(&f.days, "days", 365, "for how long the server's and the client's certificate hold")
	return c
}

// clientName is what may be a client's name: a DNS name, which is a file's, too.
var clientName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

func makeCerts(out io.Writer, dir string, names []string, f *certFlags) error {
	switch {
	case !clientName.MatchString(f.client), f.client == "ca", f.client == "server":
		return fmt.Errorf("client %q: not a lower-case DNS name of its own", f.client)
	case !slices.Contains([]string{"view", "operate", "admin"}, f.role):
		return fmt.Errorf("role %q: not view, operate or admin", f.role)
	case f.days < 1 || f.days > 3650:
		return fmt.Errorf("days %d: not 1 to 3650", f.days)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	m := maker{out: out, dir: dir}
	err := m.authority()
	if errors.Is(err, iofs.ErrExist) {
		err = m.loadAuthority()
	}
	if err != nil {
		return err
	}
	server := hosts(names)
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	err = m.sign("server", server, f.days)
	if errors.Is(err, iofs.ErrExist) && len(names) == 0 {
		err = nil // it is there, and nothing was said of it
	}
	if err != nil {
		return err
	}
	client := &x509.Certificate{DNSNames: []string{f.client}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if err := m.sign(f.client, client, f.days); err != nil {
		return err
	}
	return m.allow("dns:" + f.client + " " + f.role)
}

// hosts is a certificate for the names of a server.
func hosts(names []string) *x509.Certificate {
	if len(names) == 0 {
		names = []string{"localhost", "127.0.0.1", "::1"}
		if host, err := os.Hostname(); err == nil {
			names = append([]string{host}, names...)
		}
	}
	c := new(x509.Certificate)
	for _, n := range names {
		if a, err := netip.ParseAddr(n); err == nil {
			c.IPAddresses = append(c.IPAddresses, a.AsSlice())
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	return c
}

// A maker makes files in a directory, and says so.
type maker struct {
	out io.Writer
	dir string
	ca  *x509.Certificate
	key *ecdsa.PrivateKey
}

// caDays is ten years.
const caDays = 3650

func (m *maker) authority() error {
	return m.sign("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}, caDays)
}

func (m *maker) loadAuthority() error {
	der, err := m.load("ca.pem")
	if err == nil {
		m.ca, err = x509.ParseCertificate(der)
	}
	if err != nil {
		return err
	}
	if der, err = m.load("ca-key.pem"); err != nil {
		return err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return err
	}
	var ok bool
	if m.key, ok = key.(*ecdsa.PrivateKey); !ok || !m.key.PublicKey.Equal(m.ca.PublicKey) {
		return fmt.Errorf("%s: not the key of ca.pem", filepath.Join(m.dir, "ca-key.pem"))
	}
	return nil
}

func (m *maker) load(name string) ([]byte, error) {
	path := filepath.Join(m.dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s: not PEM", path)
	}
	return block.Bytes, nil
}

// sign makes NAME-key.pem and NAME.pem. The authority signs itself. The error is
// ErrExist if one of them is there.
func (m *maker) sign(name string, c *x509.Certificate, days int) error {
	for _, file := range []string{name + ".pem", name + "-key.pem"} {
		if _, err := os.Lstat(filepath.Join(m.dir, file)); !errors.Is(err, iofs.ErrNotExist) {
			return &iofs.PathError{Op: "make", Path: filepath.Join(m.dir, file), Err: iofs.ErrExist}
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	// RFC 5280 4.1.2.2: a positive number, unique for the authority, 20 bytes at most.
	if c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return err
	}
	c.Subject = pkix.Name{Organization: []string{"netfs"}, CommonName: name}
	c.NotBefore = time.Now().Add(-time.Hour) // clocks differ
	c.NotAfter = time.Now().AddDate(0, 0, days)
	if !c.IsCA {
		c.KeyUsage = x509.KeyUsageDigitalSignature
	}
	parent, by := m.ca, m.key
	if c.IsCA {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		return fmt.Errorf("certificate of %s: %w", name, err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := m.create(name+"-key.pem", "PRIVATE KEY", pkcs8, 0o600); err != nil {
		return err
	}
	if err := m.create(name+".pem", "CERTIFICATE", der, 0o644); err != nil {
		return err
	}
	if c.IsCA {
		m.key = key
		m.ca, err = x509.ParseCertificate(der)
	}
	return err
}

func (m *maker) create(name, kind string, der []byte, mode os.FileMode) error {
	path := filepath.Join(m.dir, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = errors.Join(pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Close())
	if err == nil {
		fmt.Fprintln(m.out, path)
	}
	return err
}

// allow adds a line to the policy.
func (m *maker) allow(line string) error {
	path := filepath.Join(m.dir, "policy")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		fmt.Fprintf(m.out, "%s: %s\n", path, line)
	}
	return err
}
