package main

import "runtime/debug"

// version is the module's version where the binary was built from one, else the commit.
func version() string {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return b.Main.Version
}
