package nfnl

import (
	"testing"

	"github.com/netfs-project/netfs/nl/internal/uapi"
)

func TestHeaders(t *testing.T) {
	uapi.Check(t,
		"linux/netlink.h",
		"linux/netfilter/nfnetlink.h",
		"linux/netfilter.h",
	)
}
