package dhcp

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// unfits says of types of links why DHCP is not for them, or not done. Source: linux/if_arp.h.
var unfits = map[uint16]string{
	unix.ARPHRD_LOOPBACK:   "the loopback, where no server is",
	unix.ARPHRD_PPP:        "PPP, whose peer gives the addresses",
	unix.ARPHRD_RAWIP:      "a modem's raw IP, whose addresses the modem tells",
	unix.ARPHRD_NONE:       "a link without hardware addresses, such as a tun device or WireGuard",
	unix.ARPHRD_TUNNEL:     "a tunnel",
	unix.ARPHRD_TUNNEL6:    "a tunnel",
	unix.ARPHRD_SIT:        "a tunnel",
	unix.ARPHRD_IPGRE:      "a tunnel",
	unix.ARPHRD_IP6GRE:     "a tunnel",
	unix.ARPHRD_INFINIBAND: "InfiniBand, for which DHCP (RFC 4390) is not done",
	unix.ARPHRD_CAN:        "a CAN bus, which has no IP",
	unix.ARPHRD_IEEE80211:  "a monitor of Wi-Fi", unix.ARPHRD_IEEE80211_PRISM: "a monitor of Wi-Fi", unix.ARPHRD_IEEE80211_RADIOTAP: "a monitor of Wi-Fi",
	unix.ARPHRD_IEEE802154: "IEEE 802.15.4, which has no DHCP for IPv4", unix.ARPHRD_IEEE802154_MONITOR: "a monitor of IEEE 802.15.4",
}

// unfit tells why a link of a type (ARPHRD_*) and a length of hardware addresses can have no
// client, "" if it can.
func unfit(typ uint16, length int) string {
	switch why, ok := unfits[typ]; {
	case ok:
		return why
	case typ != unix.ARPHRD_ETHER:
		return fmt.Sprintf("type %d", typ)
	case length != 6:
		return fmt.Sprintf("hardware addresses of %d bytes", length)
	}
	return ""
}
