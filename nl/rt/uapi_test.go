package rt

import (
	"testing"

	"github.com/netfs-project/netfs/nl/internal/uapi"
)

func TestHeaders(t *testing.T) {
	uapi.Check(t,
		"netinet/in.h", "linux/if.h", "linux/rtnetlink.h", "linux/if_link.h", "linux/if_addr.h", "linux/neighbour.h",
		"linux/fib_rules.h", "linux/nexthop.h", "linux/lwtunnel.h", "linux/mpls_iptunnel.h",
		"linux/seg6_iptunnel.h", "linux/net_namespace.h", "linux/if_bridge.h", "linux/veth.h",
		"linux/if_tunnel.h", "linux/if_arp.h", "linux/if_vlan.h", "linux/netconf.h",
		"linux/if_addrlabel.h")
}
