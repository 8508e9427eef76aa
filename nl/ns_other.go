//go:build !linux

package nl

import "errors"

// An NS is an open network namespace. Only Linux has them.
type NS struct{}

// An NSID tells namespaces of one machine apart.
type NSID struct{ Dev, Ino uint64 }

func OpenNS(name string) (*NS, error) { return nil, errors.ErrUnsupported }
func CurrentNS() (*NS, error)         { return nil, errors.ErrUnsupported }
func CreateNS(name string) error      { return errors.ErrUnsupported }
func DeleteNS(name string) error      { return errors.ErrUnsupported }
func ListNS() ([]string, error)       { return nil, errors.ErrUnsupported }
func (n *NS) FD() int                 { return -1 }
func (n *NS) Close() error            { return nil }
func (n *NS) ID() (NSID, error)       { return NSID{}, errors.ErrUnsupported }
func (n *NS) Do(f func() error) error { return errors.ErrUnsupported }
