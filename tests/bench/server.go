package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// serve starts a server of this namespace's tree on a socket and a mount, once.
func (b *bench) serve() error {
	if b.srv != nil {
		return nil
	}
	if err := os.MkdirAll(b.path("mnt"), 0o755); err != nil {
		return err
	}
	b.srv = exec.Command(b.path("netfs"), "serve", "--listen", "unix!"+b.path("s"), "--mount", b.path("mnt"))
	log, err := os.Create(b.path("log"))
	if err != nil {
		return err
	}
	defer log.Close()
	b.srv.Stderr = log
	b.srv.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := b.srv.Start(); err != nil {
		return err
	}
	for range 500 {
		if c, err := net.Dial("unix", b.path("s")); err == nil {
			return c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("the server did not come up: see %s", b.path("log"))
}

func (b *bench) pid() int { return b.srv.Process.Pid }

func (b *bench) stop() {
	if b.srv == nil {
		return
	}
	b.srv.Process.Signal(syscall.SIGTERM)
	b.srv.Wait()
	b.srv = nil
}
