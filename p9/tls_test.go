package p9

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	mathbig "math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/stretchr/testify/require"
)

// An authority signs the certificates of a test.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// sign makes NAME.pem and NAME-key.pem.
func (a *authority) sign(name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	a.n++
	c.SerialNumber = mathbig.NewInt(a.n)
	c.Subject = pkix.Name{CommonName: "dns:boss"} // nobody looks at it
	c.NotBefore = time.Now().Add(-time.Hour)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	require.NoError(a.t, err)
	pkcs, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	a.write(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	a.write(name+"-key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs}))
	made, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	return made, key
}

// write replaces a file: a reader never sees half of it.
func (a *authority) write(name string, text []byte) {
	a.t.Helper()
	require.NoError(a.t, os.WriteFile(a.path("new"), text, 0o600))
	require.NoError(a.t, os.Rename(a.path("new"), a.path(name)))
}

// server and client make a certificate, unless it is there.
func (a *authority) server(names ...string) *TLS {
	if _, err := os.Stat(a.path("server.pem")); err != nil {
		a.sign("server", &x509.Certificate{DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	}
	return &TLS{Cert: a.path("server.pem"), Key: a.path("server-key.pem"), CA: a.path("ca.pem"), Policy: a.path("policy"), Recheck: 10 * time.Millisecond}
}

func (a *authority) client(name string) *TLS {
	if _, err := os.Stat(a.path(name + ".pem")); err != nil {
		a.sign(name, &x509.Certificate{DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	}
	return &TLS{Cert: a.path(name + ".pem"), Key: a.path(name + "-key.pem"), CA: a.path("ca.pem")}
}

// A safeBuffer collects a log.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// says waits until the log has a line with all words.
func (b *safeBuffer) says(t testing.TB, words ...string) {
	t.Helper()
	for range 500 {
		for line := range strings.Lines(b.String()) {
			n := 0
			for _, w := range words {
				if strings.Contains(line, w) {
					n++
				}
			}
			if n == len(words) {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no line of the log has %q:\n%s", words, b.String())
}

// serveTLS serves until the test ends.
func serveTLS(t testing.TB, s *Server, a *authority, policy string) (dial string, log *safeBuffer) {
	t.Helper()
	log = new(safeBuffer)
	s.Log = slog.New(slog.NewTextHandler(log, nil))
	if s.Tree.Log == nil {
		s.Tree.Log = s.Log
	}
	a.write("policy", []byte(policy))
	l, err := a.server("localhost").Listen("tls!127.0.0.1!0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(10 * time.Second):
			t.Error("Serve does not return")
		}
	})
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return "tls!127.0.0.1!" + port, log
}

func dialTLS(t testing.TB, dial string, o *Options) *Client {
	t.Helper()
	c, err := o.Dial(bounded(t), dial)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// With a good certificate everything is as without TLS.
func TestTLSLaws(t *testing.T) {
	a := newAuthority(t)
	tree := treetest.NewNet(20)
	dial, _ := serveTLS(t, &Server{Tree: tree.Tree()}, a, "dns:alice admin\n")
	c := dialTLS(t, dial, &Options{TLS: a.client("alice")})
	door := treetest.Local(&fs.Tree{Root: c.Root(), Trust: true}, treetest.Root)
	treetest.Check(t, treetest.Numbers(door), tree.Options())

	dial, _ = serveTLS(t, &Server{Tree: treetest.NewNet(2).Tree()}, a, "dns:alice admin\n")
	c = dialTLS(t, dial, &Options{TLS: a.client("alice")})
	door = treetest.Local(&fs.Tree{Root: c.Root(), Trust: true}, treetest.Root)
	treetest.Run(t, treetest.Numbers(door), "../fs/treetest/testdata/net.txt")
}

// guarded is a tree with a directory that is for administrators.
func guarded() *testTree {
	tree := newTestTree()
	l := &links{tree: tree, ids: make(map[string]uint64)}
	l.Mkdir(context.Background(), "blue")
	tree.Tree.Root = append(tree.Tree.Root.(dir), fs.Entry{Name: "netns", Node: l})
	tree.Tree.Admin = []string{"netns"}
	tree.Tree.Group, tree.Tree.GID = "net", 4242
	return tree
}

func TestTLSRoles(t *testing.T) {
	a := newAuthority(t)
	tree := guarded()
	dial, log := serveTLS(t, &Server{Tree: tree.Tree}, a, `# who may do what
dns:viewer    view
dns:operator  operate
dns:boss      admin
dns:narrow    admin    /links/eth0
dns:reader    admin    /links,ro   # which makes it view
dns:blue      operate  /netns/blue
`)
	ctx := bounded(t)
	write := func(c *Client, path, text string) error {
		f, err := c.Open(ctx, path, OWRITE)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(ctx, []byte(text), 0)
		return errors.Join(err, f.Clunk(ctx))
	}
	mkdir := func(c *Client, dir, name string) error {
		f, err := c.Walk(ctx, dir)
		require.NoError(t, err)
		defer f.Clunk(ctx)
		return f.Create(ctx, name, DMDIR|0o775, OREAD)
	}
	remove := func(c *Client, path string) error {
		f, err := c.Walk(ctx, path)
		require.NoError(t, err)
		return f.Remove(ctx)
	}
	as := func(name string) *Client { return dialTLS(t, dial, &Options{TLS: a.client(name)}) }

	for _, c := range []struct {
		who, path string
		want      error
	}{
		{"viewer", "mtu", syscall.EROFS}, {"viewer", "netns/blue/mtu", syscall.EROFS}, {"viewer", "links/eth0/mtu", syscall.EROFS},
		{"operator", "mtu", nil}, {"operator", "links/eth0/mtu", nil}, {"operator", "routes", nil},
		{"operator", "netns/blue/mtu", syscall.EACCES}, {"operator", "secret", syscall.EACCES},
		{"boss", "mtu", nil}, {"boss", "netns/blue/mtu", nil}, {"boss", "secret", nil},
		{"narrow", "mtu", nil}, {"narrow", "links/eth0/mtu", syscall.ENOENT},
		{"reader", "eth0/mtu", syscall.EROFS}, {"blue", "mtu", nil},
	} {
		t.Run(c.who+" "+c.path, func(t *testing.T) {
			conn := as(c.who)
			err := write(conn, c.path, "1234\n")
			if c.want == nil {
				require.NoError(t, err)
				log.says(t, "msg=write", "user=dns:"+c.who, `from="tls 127.0.0.1:`, "text=1234")
				return
			}
			require.ErrorIs(t, err, c.want)
			if c.want != syscall.ENOENT {
				log.says(t, "level=WARN", "msg=open", "user=dns:"+c.who, `from="tls 127.0.0.1:`, c.path)
			}
		})
	}

	op := as("operator")
	require.ErrorIs(t, mkdir(op, "netns", "red"), syscall.EACCES)
	log.says(t, "level=WARN", "msg=mkdir", "user=dns:operator", "path=netns/red")
	require.ErrorIs(t, remove(op, "netns/blue"), syscall.EACCES)
	log.says(t, "level=WARN", "msg=remove", "user=dns:operator", "path=netns/blue")
	require.NoError(t, mkdir(op, "links", "br0"))
	require.NoError(t, remove(op, "links/br0"))
	require.ErrorIs(t, mkdir(as("viewer"), "links", "br0"), syscall.EROFS)
	require.NoError(t, mkdir(as("boss"), "netns", "red"))
	require.NoError(t, remove(as("boss"), "netns/red"))
	// Whoever has a part of the tree cannot remove it, or look beside it.
	blue := as("blue")
	require.ErrorIs(t, remove(blue, ""), syscall.EPERM)
	f, err := blue.Walk(ctx, "../../mtu")
	require.NoError(t, err)
	d, err := f.Stat(ctx)
	require.NoError(t, err)
	mine, err := blue.Walk(ctx, "mtu")
	require.NoError(t, err)
	require.Equal(t, mine.Qid(), d.Qid)
}

// What the client asks for narrows what the policy gives.
func TestTLSAttach(t *testing.T) {
	a := newAuthority(t)
	tree := guarded()
	dial, log := serveTLS(t, &Server{Tree: tree.Tree}, a, "dns:alice operate /links\ndns:boss admin\n")
	for _, c := range []struct {
		uname, aname string
		want         error
	}{
		{"none", "", nil}, {"", "/", nil}, {"alice", "eth0", nil}, {"dns:alice", "/eth0,ro", nil}, {"nobody", "/eth0", nil},
		{"boss", "", syscall.EACCES}, {"root", "", syscall.EACCES}, {"dns:boss", "", syscall.EACCES},
		{"none", "..", syscall.EACCES}, {"none", "/../netns", syscall.EACCES}, {"none", "/eth0/../../mtu", syscall.EACCES},
		{"none", "/eth0/..,ro", syscall.EACCES}, {"none", "/links/eth0", syscall.ENOENT}, {"none", "/mtu", syscall.ENOENT},
	} {
		c2, err := (&Options{TLS: a.client("alice"), Uname: c.uname, Aname: c.aname}).Dial(bounded(t), dial)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, c)
			log.says(t, "level=WARN", `msg="9p: attach refused"`, "user=dns:alice", "aname="+c.aname)
			continue
		}
		require.NoError(t, err, c)
		require.NoError(t, c2.Close())
	}

	// A user of the client's machine who is not root there is nobody here.
	raw, err := a.client("boss").dial(bounded(t), strings.TrimPrefix(strings.ReplaceAll(dial, "!", ":"), "tls:"))
	require.NoError(t, err)
	defer raw.Close()
	w := &wire{t: t, c: raw, r: newReader(raw), d: DotU}
	w.ok(&Msg{Type: Tversion, Tag: NoTag, Msize: 8192, Version: "9P2000.u"})
	w.ok(&Msg{Type: Tattach, Fid: 0, Afid: NoFid, Uid: 1000})
	w.ok(&Msg{Type: Twalk, Fid: 0, Newfid: 1, Names: []string{"mtu"}})
	r := w.rpc(&Msg{Type: Topen, Fid: 1, Mode: OWRITE})
	require.Equal(t, Rerror, r.Type)
	require.EqualValues(t, 13, r.Errno)
}

// Nothing that a client says later gives it more: not another Tversion, a number
// for its user, a walk, or an aname however it is spelled.
func TestTLSNarrow(t *testing.T) {
	a := newAuthority(t)
	tree := guarded()
	dial, log := serveTLS(t, &Server{Tree: tree.Tree}, a, "dns:alice operate /links/eth0,ro\n")
	raw, err := a.client("alice").dial(bounded(t), strings.TrimPrefix(strings.ReplaceAll(dial, "!", ":"), "tls:"))
	require.NoError(t, err)
	defer raw.Close()
	w := &wire{t: t, c: raw, r: newReader(raw)}
	for _, w.d = range []Dialect{Plain, DotU, DotL, Plain} {
		w.ok(&Msg{Type: Tversion, Tag: NoTag, Msize: 8192, Version: w.d.String()})
		refused := func(m *Msg, errno syscall.Errno) {
			t.Helper()
			r := w.rpc(m)
			require.Contains(t, []Type{Rerror, Rlerror}, r.Type, "%v: %v", m, r)
			require.ErrorIs(t, remoteError(r), errno, "%v: %v", m, r)
		}
		for _, uname := range []string{"root", "boss", "dns:boss", "alice.", "ALICE"} {
			refused(&Msg{Type: Tattach, Fid: 9, Afid: NoFid, Uname: uname, Uid: 0}, syscall.EACCES)
			log.says(t, "attach refused", "user=dns:alice", "uname="+uname)
		}
		for _, aname := range []string{"..", "../..", "/../../netns/blue", "mtu/../..", "./..", "..,ro"} {
			refused(&Msg{Type: Tattach, Fid: 9, Afid: NoFid, Uname: "alice", Aname: aname}, syscall.EACCES)
		}
		for _, aname := range []string{"%2e%2e", "..\x00", "..%2f..", "\\..", "..."} {
			refused(&Msg{Type: Tattach, Fid: 9, Afid: NoFid, Uname: "alice", Aname: aname}, syscall.ENOENT)
		}
		w.ok(&Msg{Type: Tattach, Fid: 0, Afid: NoFid, Uname: "alice", Uid: 0})
		refused(&Msg{Type: Twalk, Fid: 0, Newfid: 1, Names: []string{"netns"}}, syscall.ENOENT)
		up := w.ok(&Msg{Type: Twalk, Fid: 0, Newfid: 1, Names: []string{"..", "..", "mtu"}})
		require.Equal(t, up.Qids[0], up.Qids[1])
		require.Len(t, up.Qids, 3) // its own mtu
		open, trunc := &Msg{Type: Topen, Fid: 1, Mode: OWRITE}, &Msg{Type: Topen, Fid: 1, Mode: OREAD | OTRUNC}
		if w.d == DotL {
			open = &Msg{Type: Tlopen, Fid: 1, linuxMsg: &linuxMsg{Flags: 1}}
			trunc = &Msg{Type: Tlopen, Fid: 1, linuxMsg: &linuxMsg{Flags: linuxTrunc}}
		}
		refused(open, syscall.EROFS)
		refused(trunc, syscall.EROFS)
		refused(&Msg{Type: Tremove, Fid: 0}, syscall.EPERM)
	}
	log.says(t, "msg=open", "user=dns:alice", "path=links/eth0/mtu")
	require.Equal(t, "1500\n", tree.mtu.get())
	require.NotContains(t, log.String(), "level=INFO msg=write")
}

// Who has not the right certificate is refused, and told so in the log.
func TestTLSRefused(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	tree := newTestTree()
	dial, log := serveTLS(t, &Server{Tree: tree.Tree, HandshakeTimeout: time.Second}, a, "dns:alice admin\ndns:boss admin\n")
	address := strings.TrimPrefix(strings.ReplaceAll(dial, "!", ":"), "tls:")
	clientAuth := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	a.sign("expired", &x509.Certificate{DNSNames: []string{"alice"}, ExtKeyUsage: clientAuth, NotAfter: time.Now().Add(-time.Minute)})
	a.sign("nameless", &x509.Certificate{ExtKeyUsage: clientAuth}) // its common name is dns:boss
	a.sign("serverish", &x509.Certificate{DNSNames: []string{"alice"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	a.sign("star", &x509.Certificate{DNSNames: []string{"*"}, ExtKeyUsage: clientAuth})
	foreign := other.client("alice")
	foreign.CA = a.path("ca.pem")
	for _, c := range []struct {
		name string
		t    *TLS
		log  string
	}{
		{"wrong authority", foreign, "unknown authority"},
		{"expired", a.client("expired"), "expired"},
		{"no name", a.client("nameless"), "no subject alternative name"},
		{"wrong name", a.client("mallory"), "no line for dns:mallory"},
		{"pattern for a name", a.client("star"), "no line for dns:*"},
		{"wrong usage", a.client("serverish"), "incompatible key usage"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := (&Options{TLS: c.t}).Dial(bounded(t), dial)
			require.ErrorContains(t, err, "tls: ")
			log.says(t, `msg="9p: peer refused"`, `from="tls 127.0.0.1:`, c.log)
		})
	}

	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	alice, err := tls.LoadX509KeyPair(a.path("alice.pem"), a.path("alice-key.pem"))
	if err != nil {
		a.client("alice")
		alice, err = tls.LoadX509KeyPair(a.path("alice.pem"), a.path("alice-key.pem"))
	}
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		config *tls.Config
		log    string
	}{
		{"no certificate", &tls.Config{RootCAs: pool, NextProtos: []string{"9p"}}, "didn't provide a certificate"},
		{"tls 1.2", &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{alice}, MaxVersion: tls.VersionTLS12}, "unsupported versions"},
		{"another protocol", &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{alice}, NextProtos: []string{"h2"}}, "unsupported application protocols"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", address, c.config)
			if err == nil { // with TLS 1.3 the client hears of it when it reads
				conn.SetDeadline(time.Now().Add(5 * time.Second))
				_, err = conn.Read(make([]byte, 1))
				conn.Close()
			}
			require.ErrorContains(t, err, "tls: ")
			log.says(t, `msg="9p: peer refused"`, c.log)
		})
	}
	t.Run("plain", func(t *testing.T) {
		_, err := Dial(bounded(t), strings.Replace(dial, "tls!", "tcp!", 1))
		require.Error(t, err)
		log.says(t, `msg="9p: peer refused"`, "deadline exceeded")
	})
	t.Run("without files", func(t *testing.T) {
		_, err := Dial(bounded(t), dial)
		require.ErrorIs(t, err, errNoCert)
		_, err = Listen("tls!127.0.0.1!0")
		require.ErrorIs(t, err, errNoCert)
		_, err = (&TLS{Cert: a.path("server.pem"), Key: a.path("server-key.pem"), CA: a.path("ca.pem")}).Listen("tls!127.0.0.1!0")
		require.ErrorContains(t, err, "policy")
	})
	require.Zero(t, tree.handles())
	require.NotContains(t, log.String(), "msg=write")
	dialTLS(t, dial, &Options{TLS: a.client("alice")})

	// The client looks at the server's name, too.
	a.sign("server", &x509.Certificate{DNSNames: []string{"elsewhere"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	_, err = (&Options{TLS: a.client("alice")}).Dial(bounded(t), dial)
	require.ErrorContains(t, err, "cannot validate certificate for 127.0.0.1")
}

// Files that change are read again: new connections follow at once, and old ones
// end if they could not be made any more.
func TestTLSReload(t *testing.T) {
	a := newAuthority(t)
	dial, log := serveTLS(t, &Server{Tree: newTestTree().Tree}, a, "dns:alice operate\n")
	try := func(who string) error {
		c, err := (&Options{TLS: a.client(who)}).Dial(bounded(t), dial)
		if err == nil {
			err = c.Close()
		}
		return err
	}
	require.NoError(t, try("alice"))
	require.Error(t, try("bob"))

	old := dialTLS(t, dial, &Options{TLS: a.client("alice")})
	a.write("policy", []byte("dns:bob operate\n"))
	require.NoError(t, try("bob"))
	require.Error(t, try("alice"))
	select {
	case <-old.Gone():
	case <-time.After(5 * time.Second):
		t.Fatal("a session outlived its line in the policy")
	}
	log.says(t, "user=dns:alice", "the policy has no line for dns:alice")

	old = dialTLS(t, dial, &Options{TLS: a.client("bob")})
	a.write("policy", []byte("dns:bob view\n"))
	<-old.Gone()
	log.says(t, "user=dns:bob", "the policy has changed")

	// A policy with an error admits nobody, and says where the error is.
	a.write("policy", []byte("dns:bob view\n\ndns:alice rule\n"))
	require.Error(t, try("bob"))
	log.says(t, "policy: line 3: role", "not view, operate or admin")
	a.write("policy", []byte("dns:bob view\n"))
	require.NoError(t, try("bob"))
	require.NoError(t, os.Remove(a.path("policy")))
	require.Error(t, try("bob"))
	a.write("policy", []byte("dns:bob view\n"))

	// While certificate and key do not belong together, the last ones serve.
	serial := func() *mathbig.Int {
		conn, err := a.client("bob").dial(bounded(t), strings.TrimPrefix(strings.ReplaceAll(dial, "!", ":"), "tls:"))
		require.NoError(t, err)
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber
	}
	first := serial()
	key, err := os.ReadFile(a.path("server-key.pem"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(a.path("server.pem")))
	a.server("localhost")
	newKey, err := os.ReadFile(a.path("server-key.pem"))
	require.NoError(t, err)
	a.write("server-key.pem", key)
	require.Equal(t, first, serial())
	log.says(t, "certificate not read again", "private key does not match")
	a.write("server-key.pem", newKey)
	require.NotEqual(t, first, serial())

	// Another authority: the sessions of the old one end.
	old = dialTLS(t, dial, &Options{TLS: a.client("bob")})
	next := newAuthority(t)
	pem, err := os.ReadFile(next.path("ca.pem"))
	require.NoError(t, err)
	a.write("ca.pem", pem)
	<-old.Gone()
	log.says(t, "user=dns:bob", "unknown authority")
}

// A session ends with its certificate.
func TestTLSExpires(t *testing.T) {
	a := newAuthority(t)
	dial, log := serveTLS(t, &Server{Tree: newTestTree().Tree}, a, "* view\n")
	a.sign("brief", &x509.Certificate{DNSNames: []string{"brief"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, NotAfter: time.Now().Add(2 * time.Second)})
	c := dialTLS(t, dial, &Options{TLS: a.client("brief")})
	<-c.Gone()
	log.says(t, "user=dns:brief", "certificate", "has expired") // found by the watch or by the authority
}

// A handshake that does not come to an end is given up, and holds up nobody.
func TestTLSSlow(t *testing.T) {
	a := newAuthority(t)
	dial, log := serveTLS(t, &Server{Tree: newTestTree().Tree, HandshakeTimeout: 300 * time.Millisecond}, a, "* view\n")
	var slow []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", strings.TrimPrefix(strings.ReplaceAll(dial, "!", ":"), "tls:"))
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write([]byte{22, 3, 1, 2, 0, 1}) // the beginning of a ClientHello
		require.NoError(t, err)
		slow = append(slow, c)
	}
	start := time.Now()
	dialTLS(t, dial, &Options{TLS: a.client("alice")})
	for _, c := range slow {
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, err := c.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
	require.Less(t, time.Since(start), 30*time.Second)
	log.says(t, `msg="9p: peer refused"`, "deadline exceeded")
	// So is one that comes to its end and then says nothing.
	raw, err := a.client("alice").dial(bounded(t), strings.TrimPrefix(strings.ReplaceAll(dial, "!", ":"), "tls:"))
	require.NoError(t, err)
	defer raw.Close()
	raw.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, err = raw.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestTLSFiles(t *testing.T) {
	a := newAuthority(t)
	a.write("policy", []byte("* view\n"))
	good := a.server("localhost")
	for _, c := range []struct {
		file string
		mode os.FileMode
		want string
	}{
		{"server-key.pem", 0o644, "a private key that everybody can read"}, {"policy", 0o666, "everybody can write it"},
		{"ca.pem", 0o602, "everybody can write it"},
	} {
		require.NoError(t, os.Chmod(a.path(c.file), c.mode))
		_, err := good.Listen("tls!127.0.0.1!0")
		require.ErrorContains(t, err, c.file+": "+c.want)
		require.NoError(t, os.Chmod(a.path(c.file), 0o600))
	}
	a.write("ca.pem", []byte("x"))
	_, err := good.Listen("tls!127.0.0.1!0")
	require.ErrorContains(t, err, "ca.pem: no certificate in it")
	require.NoError(t, os.Remove(a.path("ca.pem")))
	_, err = good.Listen("tls!127.0.0.1!0")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestPolicy(t *testing.T) {
	uri, err := url.Parse("spiffe://x/y?a=b")
	require.NoError(t, err)
	cert := &x509.Certificate{DNSNames: []string{"A.ops.Example."}, URIs: []*url.URL{uri}, EmailAddresses: []string{"a@b"}, IPAddresses: []net.IP{net.ParseIP("2001:db8::1"), net.IPv4(192, 0, 2, 1)}}
	for text, want := range map[string]string{
		"dns:a.ops.example view":                         "dns:a.ops.example view ",
		"# c\n\n san=DNS:x view":                         "line 3: san \"DNS:x\": not dns:",
		"dns:a.OPS.example. role=admin aname=/links #x":  "dns:a.ops.example admin /links",
		"dns:*.ops.example operate":                      "dns:a.ops.example operate ",
		"dns:*.example view":                             "no line",
		"dns:ops.example view":                           "no line",
		"uri:spiffe://x/y?a=b view /a":                   "uri:spiffe://x/y?a=b view /a",
		"email:a@b view":                                 "email:a@b view ",
		"ip:2001:DB8:0::1 view":                          "ip:2001:db8::1 view ",
		"ip:192.0.2.1 view":                              "ip:192.0.2.1 view ",
		"ip:::ffff:192.0.2.1 view\n* admin":              "ip:192.0.2.1 view ",
		"dns:b view\n* operate\ndns:a.ops.example admin": "dns:a.ops.example operate ",
		"":                   "no line for dns:a.ops.example uri:",
		"dns:x":              "line 1: not SAN ROLE",
		"dns:x view / y":     "line 1: not SAN ROLE",
		"dns:x View":         "line 1: role \"View\"",
		"dns: view":          "line 1: san \"dns:\"",
		"x view":             "line 1: san \"x\"",
		"cn:x view":          "line 1: san \"cn:x\"",
		"ip:x view":          "line 1: san \"ip:x\": not an address",
		"dns:a.*.b view":     "* stands for the first label only",
		"dns:*.*.b view":     "* stands for the first label only",
		"dns:x view '/a b'":  "line 1: not SAN ROLE",
		"dns:x view '/a'":    "quotes are not known here",
		"dns:x view /a/../b": "goes up",
		"dns:x view " + strings.Repeat("x", maxPolicyLine): "line 1: ",
	} {
		p, err := parsePolicy([]byte(text))
		var g grant
		if err == nil {
			g, err = p.grant(cert)
		}
		if err != nil {
			require.ErrorContains(t, err, want, text)
			continue
		}
		require.Equal(t, want, fmt.Sprintf("%s %s %s", g.san, g.role, g.aname), text)
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add("dns:*.example view /links,ro # x\n* admin")
	cert := &x509.Certificate{DNSNames: []string{"a.example"}}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePolicy([]byte(text))
		if err != nil {
			return
		}
		g, err := p.grant(cert)
		if err != nil {
			return
		}
		if strings.Contains(g.aname+"/", "/../") || g.san != "dns:a.example" {
			t.Fatalf("%q grants %+v", text, g)
		}
		again, err := parsePolicy([]byte(fmt.Sprintf("%s %s %s", g.rule.san, g.role, g.aname)))
		if err != nil || len(again) != 1 || again[0] != g.rule {
			t.Fatalf("%q: rule %+v is read back as %+v, %v", text, g.rule, again, err)
		}
	})
}
