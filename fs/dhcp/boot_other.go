//go:build !darwin

package dhcp

// bootID is empty: these kernels have none, and leases of a file go by the wall clock.
func bootID() string { return "" }
