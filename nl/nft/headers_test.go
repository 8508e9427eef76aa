package nft

import (
	"testing"

	"github.com/netfs-project/netfs/nl/internal/uapi"
)

func TestHeaders(t *testing.T) {
	uapi.Check(t,
		"linux/netfilter.h",
		"linux/netfilter_arp.h",
		"linux/netfilter_bridge.h",
		"linux/netfilter/nf_tables.h",
		"linux/netfilter/nf_tables_compat.h",
		"linux/netfilter/nf_nat.h",
	)
}
