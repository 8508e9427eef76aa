//go:build !linux

package dns

import "context"

// resolvedClient is of Linux.
type resolvedClient struct{}

func openResolved(context.Context, bool) (*resolvedClient, error) {
	return nil, absent("it is Linux's")
}

func (*resolvedClient) close() error                                              { return nil }
func (*resolvedClient) sees(context.Context, Link) error                          { return nil }
func (*resolvedClient) change(context.Context, int, Config, Config, Config) error { return nil }

func (Link) own() error { return nil }
