package p9

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// A TLS is one end of 9P inside TLS: version 1.3 only, with certificates at both
// ends from an authority of one's own. Its fields name files, in PEM; who serves
// reads them again when they have changed, who dials at each Dial.
//
// The server knows a client by the subject alternative names of its certificate,
// and the policy says what they may do:
//
//	# SAN                   ROLE     ANAME
//	dns:alice.example.net   admin
//	dns:*.ops.example.net   operate
//	uri:spiffe://x/monitor  view     /links,ro
//
// The first line that matches decides, and without one the client is refused.
// The sorts of names are dns, uri, email and ip; * alone is any certificate of
// the authority. The roles: view reads; operate also writes tables and values,
// as the members of the tree's group may; admin is root. ANAME is the part of
// the tree that the client gets for a root, with ,ro at its end to read only.
//
// A session ends when its certificate does, and soon after the policy or the
// authority no longer stands behind it. A policy or an authority that cannot be
// read or has an error admits nobody; of a certificate and its key, which change
// one after the other, the last good pair serves on.
type TLS struct {
	Cert, Key string // of this end; the key must not be readable by everyone
	CA        string // whose certificates are believed
	Policy    string // who may do what; for Listen only

	Recheck time.Duration // how often a session is looked at again: 5 s
}

// alpn is 9P's name in TLS's negotiation.
const alpn = "9p"

var errNoCert = errors.New("tls needs a certificate, its key and an authority")

// Listen listens on tls!HOST!PORT. The files must be good at the start.
func (t *TLS) Listen(dial string) (net.Listener, error) {
	network, address, err := ParseDial(dial)
	if err != nil {
		return nil, err
	}
	if network != "tls" {
		return nil, fmt.Errorf("listen %s: not tls!HOST!PORT", dial)
	}
	l, err := t.files()
	if err == nil && t.Policy == "" {
		err = errors.New("tls needs a policy")
	}
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", dial, err)
	}
	for _, load := range []func() error{l.pair.check, l.pool.check, l.policy.check} {
		if err := load(); err != nil {
			return nil, fmt.Errorf("listen %s: %w", dial, err)
		}
	}
	if l.Listener, err = net.Listen("tcp", address); err != nil {
		return nil, fmt.Errorf("listen %s: %w", dial, err)
	}
	return l, nil
}

// files are those of t, not read yet.
func (t *TLS) files() (*tlsListener, error) {
	if t == nil || t.Cert == "" || t.Key == "" || t.CA == "" {
		return nil, errNoCert
	}
	l := &tlsListener{recheck: t.Recheck}
	def(&l.recheck, 5*time.Second)
	l.pair = kept[*tls.Certificate]{paths: []string{t.Cert, t.Key}, parse: parsePair, last: true}
	l.pool = kept[*x509.CertPool]{paths: []string{t.CA}, parse: parsePool}
	l.policy = kept[policy]{paths: []string{t.Policy}, parse: func(f [][]byte) (policy, error) { return parsePolicy(f[0]) }}
	return l, nil
}

func parsePair(files [][]byte) (*tls.Certificate, error) {
	c, err := tls.X509KeyPair(files[0], files[1])
	return &c, err
}

func parsePool(files [][]byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(files[0]) {
		return nil, errors.New("no certificate in it")
	}
	return pool, nil
}

// A tlsListener accepts connections on which nothing was said yet: the handshake
// is made apart, so that a slow one holds up nobody.
type tlsListener struct {
	net.Listener
	pair    kept[*tls.Certificate]
	pool    kept[*x509.CertPool]
	policy  kept[policy]
	recheck time.Duration
}

func (l *tlsListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tlsConn{Conn: c, l: l}, nil
}

func (l *tlsListener) Addr() net.Addr { return tlsAddr{l.Listener.Addr()} }

type tlsAddr struct{ net.Addr }

func (tlsAddr) Network() string { return "tls" }

// config is that of one connection, with the files as they are now. Sessions
// cannot be resumed: each has its certificate looked at.
func (l *tlsListener) config(c *tlsConn) (*tls.Config, error) {
	pair, err := l.pair.get()
	if err != nil {
		return nil, err
	}
	if c.pool, err = l.pool.get(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{*pair},
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              c.pool,
		NextProtos:             []string{alpn},
		SessionTicketsDisabled: true,
		VerifyConnection: func(s tls.ConnectionState) (err error) {
			c.grant, err = l.grant(s.PeerCertificates[0])
			return err
		},
	}, nil
}

func (l *tlsListener) grant(c *x509.Certificate) (grant, error) {
	p, err := l.policy.get()
	if err != nil {
		return grant{}, err
	}
	return p.grant(c)
}

// A tlsConn is a connection of a tlsListener. Until its handshake, Conn is what
// was accepted, and nothing else may be done with it.
type tlsConn struct {
	net.Conn
	l     *tlsListener
	grant grant
	pool  *x509.CertPool // that the certificate was verified with
	certs []*x509.Certificate
}

func (c *tlsConn) LocalAddr() net.Addr { return tlsAddr{c.Conn.LocalAddr()} }

// handshake finds out who is there. A client without a certificate that the
// authority signed and the policy names is refused in it, by an alert.
func (c *tlsConn) handshake(ctx context.Context) (grant, error) {
	config, err := c.l.config(c)
	if err != nil {
		return grant{}, err
	}
	t := tls.Server(c.Conn, config)
	if err := t.HandshakeContext(ctx); err != nil {
		c.linger(ctx)
		return grant{}, err
	}
	c.Conn, c.certs = t, t.ConnectionState().PeerCertificates
	return c.grant, nil
}

// linger lets the client read why it was refused: closing a connection on which
// there is unread input takes back what was sent.
func (c *tlsConn) linger(ctx context.Context) {
	t, ok := c.Conn.(*net.TCPConn)
	if !ok || ctx.Err() != nil {
		return
	}
	t.CloseWrite()
	t.SetReadDeadline(time.Now().Add(time.Second))
	io.CopyN(io.Discard, t, handshakeMsize)
}

// keepGranted ends the connection when what it was granted no longer holds. The
// function that it returns ends the watch.
func (c *tlsConn) keepGranted(ctx context.Context, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(c.l.recheck)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := c.stillGranted(); err != nil {
				log.Warn("9p: peer refused", "user", c.grant.san, "from", from(c), "err", err)
				c.Close()
				return
			}
		}
	})
	return func() { cancel(); watch.Wait() }
}

func (c *tlsConn) stillGranted() error {
	if now := time.Now(); now.After(c.certs[0].NotAfter) {
		return errors.New("the certificate has expired")
	}
	g, err := c.l.grant(c.certs[0])
	if err != nil {
		return err
	}
	if g != c.grant {
		return errors.New("the policy has changed")
	}
	pool, err := c.l.pool.get()
	if err != nil || pool == c.pool {
		return err
	}
	between := x509.NewCertPool()
	for _, cert := range c.certs[1:] {
		between.AddCert(cert)
	}
	_, err = c.certs[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: between,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err == nil {
		c.pool = pool
	}
	return err
}

// dial connects and verifies that the server's certificate is for the host that
// was asked for.
func (t *TLS) dial(ctx context.Context, address string) (net.Conn, error) {
	l, err := t.files()
	if err != nil {
		return nil, err
	}
	pair, err := l.pair.get()
	if err != nil {
		return nil, err
	}
	pool, err := l.pool.get()
	if err != nil {
		return nil, err
	}
	d := tls.Dialer{Config: &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{*pair},
		RootCAs:      pool,
		NextProtos:   []string{alpn},
		VerifyConnection: func(s tls.ConnectionState) error {
			if s.NegotiatedProtocol != alpn {
				return errors.New("the server does not speak 9p there")
			}
			return nil
		},
	}}
	return d.DialContext(ctx, "tcp", address)
}

// A kept value comes from files and is read again when they change. Safe for
// concurrent use.
type kept[T any] struct {
	paths []string
	parse func(files [][]byte) (T, error)
	last  bool // while the files are bad, the last good value serves

	mu    sync.Mutex // guards the rest
	seen  []os.FileInfo
	read  time.Time
	value T
	err   error
	good  bool // value was once read
}

// oldEnough is how long before it is read a file must have changed, for a later
// change to show in its time.
const oldEnough = 2 * time.Second

func (k *kept[T]) check() error {
	_, err := k.get()
	return err
}

func (k *kept[T]) get() (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, err := statAll(k.paths)
	if err == nil && k.good && k.err == nil && k.same(now) {
		return k.value, nil
	}
	k.read = time.Now()
	var v T
	if err == nil {
		v, err = k.load()
	}
	k.seen, k.err = now, err
	if err == nil {
		k.value, k.good = v, true
	}
	if k.last && k.good {
		return k.value, nil
	}
	return v, err
}

func (k *kept[T]) load() (T, error) {
	var none T
	var files [][]byte
	for _, p := range k.paths {
		b, err := readTrusted(p)
		if err != nil {
			return none, err
		}
		files = append(files, b)
	}
	v, err := k.parse(files)
	if err != nil {
		return none, fmt.Errorf("%s: %w", k.paths[0], err)
	}
	return v, nil
}

func statAll(paths []string) ([]os.FileInfo, error) {
	var list []os.FileInfo
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		list = append(list, st)
	}
	return list, nil
}

// failure is why the last good value serves on.
func (k *kept[T]) failure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// same reports whether the files are those that were read.
func (k *kept[T]) same(now []os.FileInfo) bool {
	for i, st := range now {
		o := k.seen[i]
		if !os.SameFile(o, st) || o.Size() != st.Size() || !o.ModTime().Equal(st.ModTime()) ||
			k.read.Sub(st.ModTime()) < oldEnough {
			return false
		}
	}
	return true
}

// maxFile bounds a file of certificates or of a policy.
const maxFile = 4 << 20

// readTrusted reads a file, unless anybody could have written it, or can read a
// key in it.
func readTrusted(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Mode().Perm()&0o002 != 0 {
		return nil, fmt.Errorf("%s: everybody can write it", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxFile:
		return nil, fmt.Errorf("%s: larger than %d bytes", path, maxFile)
	case st.Mode().Perm()&0o004 != 0 && hasKey(b):
		return nil, fmt.Errorf("%s: a private key that everybody can read", path)
	}
	return b, nil
}

// hasKey reports whether a PEM text holds a private key.
func hasKey(b []byte) bool { return bytes.Contains(b, []byte("PRIVATE KEY-----")) }
