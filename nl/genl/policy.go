package genl

import (
	"context"
	"fmt"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// A Policy is what the kernel accepts as a family's requests. Attributes that
// occur only in replies are not in it, nor are those declared as big endian.
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

// Attrs finds the set that a command uses: nil if there is no such command,
// empty if it accepts no attribute.
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
	switch {
	case i < 0:
		return nil
	case i >= len(p.Sets):
		return map[uint16]AttrPolicy{} // accepts none, so that the kernel had nothing to tell
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
	f, err := Resolve(ctx, c, family)
	if err != nil {
		return nil, err
	}
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
	p.number(f)
	return p, nil
}

// number repairs what the kernel says of commands that are only dumped: it
// calls all of them 0. They come in the order of the family's commands.
func (p *Policy) number(f *Family) {
	i := 0
	next := func() (uint32, bool) {
		for ; i < len(f.Ops); i++ {
			if f.Ops[i].Flags&(GENL_CMD_CAP_DO|GENL_CMD_CAP_DUMP|GENL_CMD_CAP_HASPOL) == GENL_CMD_CAP_DUMP|GENL_CMD_CAP_HASPOL {
				i++
				return f.Ops[i-1].ID, true
			}
		}
		return 0, false
	}
	for k := range p.Ops {
		if o := &p.Ops[k]; o.Do < 0 {
			if id, ok := next(); ok && o.Cmd == 0 {
				o.Cmd = id
			}
		}
	}
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
