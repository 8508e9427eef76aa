package dhcptest

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Listen opens port 67 on a link of the calling thread's network namespace.
func Listen(link string) (net.PacketConn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "udp")
	defer f.Close() // FilePacketConn has its own
	for _, o := range []int{unix.SO_REUSEADDR, unix.SO_BROADCAST} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, o, 1); err != nil {
			return nil, err
		}
	}
	if err := unix.BindToDevice(fd, link); err != nil {
		return nil, fmt.Errorf("%s: %w", link, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: 67}); err != nil {
		return nil, fmt.Errorf("%s: port 67: %w", link, err)
	}
	return net.FilePacketConn(f)
}
