package genl

import (
	"testing"

	"github.com/netfs-project/netfs/nl/internal/uapi"
)

func TestHeaders(t *testing.T) {
	uapi.Check(t,
		"linux/genetlink.h",
		"linux/netlink.h",
	)
}
