//go:build !linux

package p9

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

var errNoVsock = fmt.Errorf("vsock is of Linux: %w", errors.ErrUnsupported)

func listenVsock(string) (net.Listener, error)            { return nil, errNoVsock }
func dialVsock(context.Context, string) (net.Conn, error) { return nil, errNoVsock }
func vsockListener(*os.File) (net.Listener, error)        { return nil, nil }
func vsockConnOf(*os.File) (net.Conn, error)              { return nil, nil }
