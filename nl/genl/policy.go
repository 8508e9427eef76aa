package genl

import (
	"context"
	"fmt"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// A Policy is what the kernel accepts as a family's requests. Replies may have
// attributes that are not in it.
type Policy struct {
	Ops  []OpPolicy
	Sets []map[uint16]AttrPolicy // attribute number to what it must be; indexed by OpPolicy and by AttrPolicy.Nested
}

// OpPolicy says which of the sets a command uses.
type OpPolicy struct {
	Cmd  uint32
	Do   int // index of Policy.Sets, -1 if the command takes no single request
	Dump int // the same for a dump
}

// attrInPolicy is one attribute of one set.
type attrInPolicy struct {
	set  uint16
	attr uint16
	AttrPolicy
}

// Attrs finds the set that a command uses, nil if there is none.
func (p *Policy) Attrs(cmd uint8, dump bool) map[uint16]AttrPolicy {
	for i := range p.Ops {
		o := &p.Ops[i]
		if o.Cmd != uint32(cmd) {
			continue
		}
		if dump {
			return p.set(o.Dump)
		}
		return p.set(o.Do)
	}
	return nil
}

// Inside is the set of attributes inside a nested one, nil if there is none.
func (p *Policy) Inside(a AttrPolicy) map[uint16]AttrPolicy {
	if a.Has&AttrPolicyNested == 0 {
		return nil
	}
	return p.set(int(a.Nested))
}

func (p *Policy) set(i int) map[uint16]AttrPolicy {
	if i < 0 || i >= len(p.Sets) {
		return nil
	}
	return p.Sets[i]
}

// maxSets bounds the index of a set, which the kernel counts from 0.
const maxSets = 4096

func (p *Policy) add(a *attrInPolicy) error {
	if a.set >= maxSets {
		return fmt.Errorf("generic netlink policy: set %d", a.set)
	}
	for len(p.Sets) <= int(a.set) {
		p.Sets = append(p.Sets, map[uint16]AttrPolicy{})
	}
	p.Sets[a.set][a.attr] = a.AttrPolicy
	return nil
}

// FetchPolicy asks for the policy of all commands of a family. A family
// without one (it only sends events) answers ENODATA.
func FetchPolicy(ctx context.Context, c *nl.Client, family string) (*Policy, error) {
	p := new(Policy)
	var m policyPart
	r := nl.Request{Type: GENL_ID_CTRL, Body: &policyPart{Header: ctrl(CTRL_CMD_GETPOLICY), Name: family}}
	for msg, err := range c.Dump(ctx, r) {
		if err == nil {
			err = m.Decode(msg.Data)
		}
		if err == nil && m.Has&policyPartPolicy != 0 {
			err = p.add(&m.Policy)
		}
		if err != nil {
			return nil, err
		}
		if m.Has&policyPartOpPolicy != 0 {
			p.Ops = append(p.Ops, m.OpPolicy)
		}
	}
	return p, nil
}

// decodePolicy reads [set][attribute]{NL_POLICY_TYPE_ATTR_...}.
func (m *policyPart) decodePolicy(v []byte) error {
	set, v, err := numbered(v)
	if err != nil {
		return err
	}
	attr, v, err := numbered(v)
	if err != nil {
		return err
	}
	m.Policy = attrInPolicy{set: set, attr: attr}
	return m.Policy.AttrPolicy.Decode(v)
}

// decodeOpPolicy reads [command]{CTRL_ATTR_POLICY_DO, CTRL_ATTR_POLICY_DUMP}.
func (m *policyPart) decodeOpPolicy(v []byte) error {
	cmd, v, err := numbered(v)
	if err != nil {
		return err
	}
	m.OpPolicy = OpPolicy{Cmd: uint32(cmd), Do: -1, Dump: -1}
	var i opPolicyIndex
	if err := i.Decode(v); err != nil {
		return err
	}
	if i.Has&opPolicyIndexDo != 0 {
		m.OpPolicy.Do = int(i.Do)
	}
	if i.Has&opPolicyIndexDump != 0 {
		m.OpPolicy.Dump = int(i.Dump)
	}
	return nil
}

// numbered splits off an attribute whose type is an index.
func numbered(v []byte) (uint16, []byte, error) {
	t, inner, _, ok := attr.Next(v)
	if !ok {
		return 0, nil, attr.Check(v)
	}
	return t, inner, nil
}
