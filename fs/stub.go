package fs

import iofs "io/fs"

func (c *Collection[T]) Mode() iofs.FileMode { panic("contract") }
func (c *Object[T]) Mode() iofs.FileMode     { panic("contract") }
func (l *Lookup[Q, A]) Mode() iofs.FileMode  { panic("contract") }
