package dhcp

import "golang.org/x/sys/unix"

// bootID is made at each start of the machine.
func bootID() string {
	id, _ := unix.Sysctl("kern.bootsessionuuid")
	return id
}
