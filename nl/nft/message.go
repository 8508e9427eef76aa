package nft

import (
	"time"

	"github.com/netfs-project/netfs/nl/nfnl"
)

// A Table is a name space of chains, sets and objects of one family.
//
//nl:message
type Table struct {
	Header nfnl.Header `nl:"header"` // Family is nfnl.NFPROTO_

	Name     string `nl:"NFTA_TABLE_NAME"`
	Flags    uint32 `nl:"NFTA_TABLE_FLAGS,be"` // NFT_TABLE_F_
	Use      uint32 `nl:"NFTA_TABLE_USE,be"`   // chains, sets, objects and flowtables in it
	Handle   uint64 `nl:"NFTA_TABLE_HANDLE,be"`
	UserData []byte `nl:"NFTA_TABLE_USERDATA"`
	Owner    uint32 `nl:"NFTA_TABLE_OWNER,be"` // port ID of the socket that owns it

	Has TableSet
}

// A Chain is a list of rules. A base chain has a Hook and a Type.
//
//nl:message
type Chain struct {
	Header nfnl.Header `nl:"header"`

	Table    string   `nl:"NFTA_CHAIN_TABLE"`
	Handle   uint64   `nl:"NFTA_CHAIN_HANDLE,be"`
	Name     string   `nl:"NFTA_CHAIN_NAME"`
	Hook     Hook     `nl:"NFTA_CHAIN_HOOK"`
	Policy   uint32   `nl:"NFTA_CHAIN_POLICY,be"` // NF_ACCEPT or NF_DROP, of base chains
	Use      uint32   `nl:"NFTA_CHAIN_USE,be"`    // rules in it and jumps to it
	Type     string   `nl:"NFTA_CHAIN_TYPE"`      // filter, route or nat
	Counters Counters `nl:"NFTA_CHAIN_COUNTERS"`  // of the policy
	Flags    uint32   `nl:"NFTA_CHAIN_FLAGS,be"`  // NFT_CHAIN_
	ID       uint32   `nl:"NFTA_CHAIN_ID,be"`     // within a transaction
	UserData []byte   `nl:"NFTA_CHAIN_USERDATA"`

	Has ChainSet
}

// A Hook is where packets enter a base chain.
//
//nl:nest
type Hook struct {
	Num      uint32   `nl:"NFTA_HOOK_HOOKNUM,be"`  // NF_INET_ or another family's
	Priority int32    `nl:"NFTA_HOOK_PRIORITY,be"` // lower ones come first
	Dev      string   `nl:"NFTA_HOOK_DEV"`
	Devs     []string `nl:"NFTA_HOOK_DEVS,array,elem=NFTA_DEVICE_NAME"`

	Has HookSet
}

// Counters count packets.
//
//nl:nest
type Counters struct {
	Bytes   uint64 `nl:"NFTA_COUNTER_BYTES,be"`
	Packets uint64 `nl:"NFTA_COUNTER_PACKETS,be"`

	Has CountersSet
}

// A Rule is one rule of a chain.
//
//nl:message
type Rule struct {
	Header nfnl.Header `nl:"header"`

	Table      string `nl:"NFTA_RULE_TABLE"`
	Chain      string `nl:"NFTA_RULE_CHAIN"`
	Handle     uint64 `nl:"NFTA_RULE_HANDLE,be"`
	Exprs      []Expr `nl:"NFTA_RULE_EXPRESSIONS,array,elem=NFTA_LIST_ELEM"`
	Position   uint64 `nl:"NFTA_RULE_POSITION,be"` // handle of the rule before it; on add, the one to add after
	UserData   []byte `nl:"NFTA_RULE_USERDATA"`    // nft(8)'s comment and the like
	ID         uint32 `nl:"NFTA_RULE_ID,be"`       // within a transaction
	PositionID uint32 `nl:"NFTA_RULE_POSITION_ID,be"`
	ChainID    uint32 `nl:"NFTA_RULE_CHAIN_ID,be"`

	Has RuleSet
}

// An Expr is one expression of a rule or of the elements of a set.
//
//nl:nest
type Expr struct {
	Name string `nl:"NFTA_EXPR_NAME"` // payload, cmp, counter ...
	Data []byte `nl:"NFTA_EXPR_DATA"` // attributes, depending on Name

	Has ExprSet
}

// A Set is a set of keys, or a map from them.
//
//nl:message
type Set struct {
	Header nfnl.Header `nl:"header"`

	Table      string        `nl:"NFTA_SET_TABLE"`
	Name       string        `nl:"NFTA_SET_NAME"`
	Flags      uint32        `nl:"NFTA_SET_FLAGS,be"`     // NFT_SET_
	KeyType    uint32        `nl:"NFTA_SET_KEY_TYPE,be"`  // nft(8)'s number of a type; the kernel does not look at it
	KeyLen     uint32        `nl:"NFTA_SET_KEY_LEN,be"`   // bytes
	DataType   uint32        `nl:"NFTA_SET_DATA_TYPE,be"` // of a map
	DataLen    uint32        `nl:"NFTA_SET_DATA_LEN,be"`  // bytes
	Policy     uint32        `nl:"NFTA_SET_POLICY,be"`    // NFT_SET_POL_
	Desc       Desc          `nl:"NFTA_SET_DESC"`
	ID         uint32        `nl:"NFTA_SET_ID,be"`                       // within a transaction
	Timeout    time.Duration `nl:"NFTA_SET_TIMEOUT,unit=ms,width=64,be"` // of elements that have none of their own
	GCInterval time.Duration `nl:"NFTA_SET_GC_INTERVAL,unit=ms,be"`
	UserData   []byte        `nl:"NFTA_SET_USERDATA"`
	ObjType    uint32        `nl:"NFTA_SET_OBJ_TYPE,be"` // NFT_OBJECT_, if it maps to objects
	Handle     uint64        `nl:"NFTA_SET_HANDLE,be"`
	Expr       Expr          `nl:"NFTA_SET_EXPR"` // that each element gets, if there is one
	Exprs      []Expr        `nl:"NFTA_SET_EXPRESSIONS,array,elem=NFTA_LIST_ELEM"`
	Backend    string        `nl:"NFTA_SET_TYPE"`     // the kernel's data structure
	Count      uint32        `nl:"NFTA_SET_COUNT,be"` // elements

	Has SetSet
}

// Desc describes the contents of a set.
//
//nl:nest
type Desc struct {
	Size   uint32  `nl:"NFTA_SET_DESC_SIZE,be"` // most elements
	Concat []Field `nl:"NFTA_SET_DESC_CONCAT,array,elem=NFTA_LIST_ELEM"`

	Has DescSet
}

// A Field is one part of a concatenated key.
//
//nl:nest
type Field struct {
	Len uint32 `nl:"NFTA_SET_FIELD_LEN,be"` // bytes

	Has FieldSet
}

// Elems is elements of one set. Those of a large set come in several messages.
//
//nl:message
type Elems struct {
	Header nfnl.Header `nl:"header"`

	Table   string `nl:"NFTA_SET_ELEM_LIST_TABLE"`
	SetName string `nl:"NFTA_SET_ELEM_LIST_SET"`
	Elems   []Elem `nl:"NFTA_SET_ELEM_LIST_ELEMENTS,array,elem=NFTA_LIST_ELEM"`
	SetID   uint32 `nl:"NFTA_SET_ELEM_LIST_SET_ID,be"` // within a transaction

	Has ElemsSet
}

// An Elem is one element of a set. An interval is two elements, the second with
// NFT_SET_ELEM_INTERVAL_END, or where the key is concatenated one with KeyEnd.
//
//nl:nest
type Elem struct {
	Key      Data          `nl:"NFTA_SET_ELEM_KEY"`
	KeyEnd   Data          `nl:"NFTA_SET_ELEM_KEY_END"` // last key of the interval
	Data     Data          `nl:"NFTA_SET_ELEM_DATA"`    // what a map maps it to
	Flags    uint32        `nl:"NFTA_SET_ELEM_FLAGS,be"`
	Timeout  time.Duration `nl:"NFTA_SET_ELEM_TIMEOUT,unit=ms,width=64,be"`
	Expires  time.Duration `nl:"NFTA_SET_ELEM_EXPIRATION,unit=ms,width=64,be"` // from now
	UserData []byte        `nl:"NFTA_SET_ELEM_USERDATA"`
	Expr     Expr          `nl:"NFTA_SET_ELEM_EXPR"`
	Exprs    []Expr        `nl:"NFTA_SET_ELEM_EXPRESSIONS,array,elem=NFTA_LIST_ELEM"`
	Object   string        `nl:"NFTA_SET_ELEM_OBJREF"`

	Has ElemSet
}

// Data is bytes as packets have them, or a verdict.
//
//nl:nest
type Data struct {
	Value   []byte  `nl:"NFTA_DATA_VALUE"`
	Verdict Verdict `nl:"NFTA_DATA_VERDICT"`

	Has DataSet
}

// A Verdict is what becomes of a packet.
//
//nl:nest
type Verdict struct {
	Code    int32  `nl:"NFTA_VERDICT_CODE,be"`     // NF_ACCEPT, NFT_JUMP ...
	Chain   string `nl:"NFTA_VERDICT_CHAIN"`       // to jump or go to
	ChainID uint32 `nl:"NFTA_VERDICT_CHAIN_ID,be"` // within a transaction

	Has VerdictSet
}

// An Object is a named stateful thing that rules refer to.
//
//nl:message
type Object struct {
	Header nfnl.Header `nl:"header"`

	Table    string `nl:"NFTA_OBJ_TABLE"`
	Name     string `nl:"NFTA_OBJ_NAME"`
	Type     uint32 `nl:"NFTA_OBJ_TYPE,be"` // NFT_OBJECT_
	Data     []byte `nl:"NFTA_OBJ_DATA"`    // attributes, depending on Type
	Use      uint32 `nl:"NFTA_OBJ_USE,be"`  // rules and elements that refer to it
	Handle   uint64 `nl:"NFTA_OBJ_HANDLE,be"`
	UserData []byte `nl:"NFTA_OBJ_USERDATA"`

	Has ObjectSet
}

// A Flowtable is a fast path past the network stack.
//
//nl:message
type Flowtable struct {
	Header nfnl.Header `nl:"header"`

	Table  string  `nl:"NFTA_FLOWTABLE_TABLE"`
	Name   string  `nl:"NFTA_FLOWTABLE_NAME"`
	Hook   DevHook `nl:"NFTA_FLOWTABLE_HOOK"`
	Use    uint32  `nl:"NFTA_FLOWTABLE_USE,be"` // rules that refer to it
	Handle uint64  `nl:"NFTA_FLOWTABLE_HANDLE,be"`
	Flags  uint32  `nl:"NFTA_FLOWTABLE_FLAGS,be"` // NFT_FLOWTABLE_

	Has FlowtableSet
}

// A DevHook is where packets enter a flowtable.
//
//nl:nest
type DevHook struct {
	Num      uint32   `nl:"NFTA_FLOWTABLE_HOOK_NUM,be"` // NF_NETDEV_INGRESS
	Priority int32    `nl:"NFTA_FLOWTABLE_HOOK_PRIORITY,be"`
	Devs     []string `nl:"NFTA_FLOWTABLE_HOOK_DEVS,array,elem=NFTA_DEVICE_NAME"`

	Has DevHookSet
}

// A Gen is a generation of the ruleset of a namespace: one committed
// transaction.
//
//nl:message
type Gen struct {
	Header nfnl.Header `nl:"header"`

	ID       uint32 `nl:"NFTA_GEN_ID,be"`
	ProcPID  uint32 `nl:"NFTA_GEN_PROC_PID,be"` // who committed it
	ProcName string `nl:"NFTA_GEN_PROC_NAME"`

	Has GenSet
}
