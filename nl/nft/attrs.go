package nft

import (
	"fmt"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// Attrs is the data of an expression or object in its typed form.
type Attrs interface {
	nl.Body
	Decode([]byte) error
	Reset()
	Schema() *attr.Schema
}

// NewAttrs makes an empty value of the type that belongs to the name of an
// expression. It is nil for names that are not known here, and for notrack, which
// has no attributes.
func NewAttrs(name string) Attrs {
	switch name {
	case "counter":
		return new(Counters)
	case "immediate":
		return new(Immediate)
	case "bitwise":
		return new(Bitwise)
	case "byteorder":
		return new(Byteorder)
	case "cmp":
		return new(Cmp)
	case "range":
		return new(Range)
	case "lookup":
		return new(Lookup)
	case "dynset":
		return new(Dynset)
	case "payload":
		return new(Payload)
	case "exthdr":
		return new(Exthdr)
	case "meta":
		return new(Meta)
	case "rt":
		return new(RT)
	case "socket":
		return new(Socket)
	case "hash":
		return new(Hash)
	case "ct":
		return new(CT)
	case "flow_offload":
		return new(FlowOffload)
	case "limit":
		return new(Limit)
	case "connlimit":
		return new(Connlimit)
	case "last":
		return new(Last)
	case "log":
		return new(Log)
	case "queue":
		return new(Queue)
	case "quota":
		return new(Quota)
	case "reject":
		return new(Reject)
	case "nat":
		return new(NAT)
	case "tproxy":
		return new(TProxy)
	case "masq":
		return new(Masq)
	case "redir":
		return new(Redir)
	case "dup":
		return new(Dup)
	case "fwd":
		return new(Fwd)
	case "objref":
		return new(ObjRef)
	case "fib":
		return new(FIB)
	case "osf":
		return new(OSF)
	case "synproxy":
		return new(Synproxy)
	case "xfrm":
		return new(XFRM)
	case "numgen":
		return new(Numgen)
	case "tunnel":
		return new(TunnelExpr)
	case "inner":
		return new(Inner)
	case "match", "target":
		return new(Compat)
	}
	return nil
}

// NewObjectAttrs is NewAttrs for the type of an object, NFT_OBJECT_.
func NewObjectAttrs(typ uint32) Attrs {
	switch typ {
	case NFT_OBJECT_COUNTER:
		return new(Counters)
	case NFT_OBJECT_QUOTA:
		return new(Quota)
	case NFT_OBJECT_CT_HELPER:
		return new(CTHelper)
	case NFT_OBJECT_LIMIT:
		return new(Limit)
	case NFT_OBJECT_CONNLIMIT:
		return new(Connlimit)
	case NFT_OBJECT_CT_TIMEOUT:
		return new(CTTimeout)
	case NFT_OBJECT_SECMARK:
		return new(Secmark)
	case NFT_OBJECT_CT_EXPECT:
		return new(CTExpect)
	case NFT_OBJECT_SYNPROXY:
		return new(Synproxy)
	}
	return nil
}

// Attrs decodes the data, so that it can be sent again. It is nil, without an
// error, if the name is not known.
func (e *Expr) Attrs() (Attrs, error) {
	a := NewAttrs(e.Name)
	if a == nil {
		return nil, nil
	}
	if err := a.Decode(e.Data); err != nil {
		return nil, fmt.Errorf("expression %s: %w", e.Name, err)
	}
	sendable(a)
	return a, nil
}

// sendable takes away what the kernel tells but does not take: flags of 0.
func sendable(a Attrs) {
	switch v := a.(type) {
	case *Exthdr:
		if v.Flags == 0 {
			v.Has &^= ExthdrFlags
		}
	case *OSF:
		if v.Flags == 0 {
			v.Has &^= OSFFlags
		}
	}
}

// MakeExpr makes an expression of its name and data; a may be nil.
func MakeExpr(name string, a Attrs) (Expr, error) {
	e := Expr{Name: name}
	if a == nil {
		return e, nil
	}
	var err error
	if e.Data, err = a.AppendBody(nil); err != nil {
		return Expr{}, fmt.Errorf("expression %s: %w", name, err)
	}
	e.Has = ExprData
	return e, nil
}

// chooseData names the attributes of an expression in errors.
func (*Expr) chooseData(set []byte) *attr.Schema {
	name, _ := attr.Find(set, NFTA_EXPR_NAME)
	if a := NewAttrs(attr.String(name)); a != nil {
		return a.Schema()
	}
	return nil
}

// chooseData names the attributes of an object in errors.
func (*Object) chooseData(set []byte) *attr.Schema {
	typ, _ := attr.Find(set, NFTA_OBJ_TYPE)
	if a := NewObjectAttrs(attr.BE32(typ)); a != nil {
		return a.Schema()
	}
	return nil
}
