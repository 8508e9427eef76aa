package genl

// Header is struct genlmsghdr, the family header of every generic netlink
// message.
//
//nl:struct
type Header struct {
	Cmd      uint8
	Version  uint8
	Reserved uint16
}

// A Family is a generic netlink family as the controller tells of it.
//
//nl:message
type Family struct {
	Header Header `nl:"header"`

	ID      uint16  `nl:"CTRL_ATTR_FAMILY_ID"`   // message type of its messages, different at each boot
	Name    string  `nl:"CTRL_ATTR_FAMILY_NAME"` // at most 15 bytes
	Version uint32  `nl:"CTRL_ATTR_VERSION"`
	HdrSize uint32  `nl:"CTRL_ATTR_HDRSIZE"` // bytes of a header of its own behind Header
	MaxAttr uint32  `nl:"CTRL_ATTR_MAXATTR"` // highest attribute of its common policy; 0 if each command has its own
	Ops     []Op    `nl:"CTRL_ATTR_OPS,array"`
	Groups  []Group `nl:"CTRL_ATTR_MCAST_GROUPS,array"`

	Has FamilySet
}

// An Op is one command of a family.
//
//nl:nest
type Op struct {
	ID    uint32 `nl:"CTRL_ATTR_OP_ID"`
	Flags uint32 `nl:"CTRL_ATTR_OP_FLAGS"` // GENL_ADMIN_PERM, GENL_CMD_CAP_DUMP ...

	Has OpSet
}

// A Group is a multicast group of a family.
//
//nl:nest
type Group struct {
	Name string `nl:"CTRL_ATTR_MCAST_GRP_NAME"`
	ID   uint32 `nl:"CTRL_ATTR_MCAST_GRP_ID"`

	Has GroupSet
}

// policyPart is one message of a policy dump: the request, then either the
// policies that one command uses or one attribute of one policy.
//
//nl:message
type policyPart struct {
	Header Header `nl:"header"`

	ID       uint16       `nl:"CTRL_ATTR_FAMILY_ID"`
	Name     string       `nl:"CTRL_ATTR_FAMILY_NAME"`
	Policy   attrInPolicy `nl:"CTRL_ATTR_POLICY,func,nosend"`
	OpPolicy OpPolicy     `nl:"CTRL_ATTR_OP_POLICY,func,nosend"`
	Op       uint32       `nl:"CTRL_ATTR_OP"`

	Has policyPartSet
}

// opPolicyIndex has the indexes of the sets that a command uses.
//
//nl:nest
type opPolicyIndex struct {
	Do   uint32 `nl:"CTRL_ATTR_POLICY_DO"`
	Dump uint32 `nl:"CTRL_ATTR_POLICY_DUMP"`

	Has opPolicyIndexSet
}

// AttrPolicy is what the kernel demands of one attribute. The ranges hold only
// if their bit is in Has.
//
//nl:nest
type AttrPolicy struct {
	Type AttrType `nl:"NL_POLICY_TYPE_ATTR_TYPE"`

	MinS   int64  `nl:"NL_POLICY_TYPE_ATTR_MIN_VALUE_S"`
	MaxS   int64  `nl:"NL_POLICY_TYPE_ATTR_MAX_VALUE_S"`
	MinU   uint64 `nl:"NL_POLICY_TYPE_ATTR_MIN_VALUE_U"`
	MaxU   uint64 `nl:"NL_POLICY_TYPE_ATTR_MAX_VALUE_U"`
	MinLen uint32 `nl:"NL_POLICY_TYPE_ATTR_MIN_LENGTH"` // bytes
	MaxLen uint32 `nl:"NL_POLICY_TYPE_ATTR_MAX_LENGTH"` // bytes, without a string's NUL
	Mask   uint64 `nl:"NL_POLICY_TYPE_ATTR_MASK"`       // bits that may be set

	Nested   uint32 `nl:"NL_POLICY_TYPE_ATTR_POLICY_IDX"` // the policy inside, an index of Policy.Sets
	MaxType  uint32 `nl:"NL_POLICY_TYPE_ATTR_POLICY_MAXTYPE"`
	Bitfield uint32 `nl:"NL_POLICY_TYPE_ATTR_BITFIELD32_MASK"`

	Has AttrPolicySet
}

// An AttrType is the kind of value that an attribute holds (enum
// netlink_attribute_type).
type AttrType uint32

const (
	AttrInvalid AttrType = iota
	AttrFlag
	AttrU8
	AttrU16
	AttrU32
	AttrU64
	AttrS8
	AttrS16
	AttrS32
	AttrS64
	AttrBinary
	AttrString
	AttrNulString
	AttrNested
	AttrNestedArray
	AttrBitfield32
	AttrSint
	AttrUint
)
