package genl

import (
	"context"
	"iter"

	"github.com/netfs-project/netfs/nl"
)

// notifyGroup is the controller's group "notify", which has its fixed number.
const notifyGroup = GENL_ID_CTRL

// FamilySource lets nl.Watch follow the families, which come and go with modules.
func FamilySource(c *nl.Client) nl.Source[Family] {
	f := new(Family)
	return nl.Source[Family]{
		Groups: []uint32{notifyGroup},
		Dump:   func(ctx context.Context) iter.Seq2[*Family, error] { return Families(ctx, c) },
		Event: func(m nl.Message) (nl.What, *Family, error) {
			if m.Type != GENL_ID_CTRL {
				return nl.Ignored, nil, nil
			}
			if err := f.Decode(m.Data); err != nil {
				return nl.Ignored, nil, err
			}
			switch f.Header.Cmd {
			case CTRL_CMD_NEWFAMILY:
				return nl.Added, f, nil
			case CTRL_CMD_DELFAMILY:
				return nl.Deleted, f, nil
			case CTRL_CMD_NEWMCAST_GRP, CTRL_CMD_DELMCAST_GRP:
				return nl.Stale, nil, nil // of a family that is not told whole
			}
			return nl.Ignored, nil, nil
		},
	}
}
