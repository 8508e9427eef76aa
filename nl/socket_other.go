//go:build !linux

package nl

import (
	"errors"
	"fmt"
)

type origin struct{}

func originOf(int) (*origin, error) { return &origin{}, nil }
func (o *origin) close()            {}

func openSocket(_ *origin, protocol int, _ purpose) (Socket, error) {
	return nil, fmt.Errorf("netlink protocol %d: %w", protocol, errors.ErrUnsupported)
}
