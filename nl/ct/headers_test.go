package ct

import (
	"testing"

	"github.com/netfs-project/netfs/nl/internal/uapi"
)

func TestHeaders(t *testing.T) {
	uapi.Check(t,
		"linux/netfilter/nfnetlink_conntrack.h",
		"linux/netfilter/nf_conntrack_common.h",
		"linux/netfilter/nf_conntrack_tcp.h",
		"linux/netfilter/nf_conntrack_sctp.h",
	)
}
