package v4

import (
	"encoding/json"
	"fmt"
)

// jsonMessage is the JSON form, in the order of the wire.
type jsonMessage struct {
	Op      string       `json:"op"`
	HType   uint8        `json:"htype"`
	HLen    int          `json:"hlen"`
	Hops    uint8        `json:"hops"`
	XID     string       `json:"xid"`
	Secs    uint16       `json:"secs"`
	Flags   uint16       `json:"flags"`
	CIAddr  string       `json:"ciaddr"`
	YIAddr  string       `json:"yiaddr"`
	SIAddr  string       `json:"siaddr"`
	GIAddr  string       `json:"giaddr"`
	CHAddr  string       `json:"chaddr"`
	SName   string       `json:"sname,omitempty"`
	File    string       `json:"file,omitempty"`
	Damage  string       `json:"damage,omitempty"`
	Options []jsonOption `json:"options"`
}

type jsonOption struct {
	Code  Code   `json:"code"`
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
	Hex   string `json:"hex,omitempty"`
}

// MarshalJSON is the message for people and golden files: the same for the same
// message, options in their order with their text, or with hex and what is wrong with
// them. There is no way back.
func (m *Message) MarshalJSON() ([]byte, error) {
	ops := map[Op]string{BootRequest: "request", BootReply: "reply"}
	j := jsonMessage{
		Op: ops[m.Op], HType: m.HType, HLen: len(m.CHAddr), Hops: m.Hops, XID: fmt.Sprintf("%08x", m.XID), Secs: m.Secs, Flags: m.Flags,
		CIAddr: m.CIAddr.String(), YIAddr: m.YIAddr.String(), SIAddr: m.SIAddr.String(), GIAddr: m.GIAddr.String(),
		CHAddr: m.CHAddr.String(), Options: []jsonOption{},
	}
	if m.SName != "" {
		j.SName = Quote(m.SName)
	}
	if m.File != "" {
		j.File = Quote(m.File)
	}
	if m.Damage != nil {
		j.Damage = m.Damage.Error()
	}
	for _, o := range m.Options {
		jo := jsonOption{Code: o.Code, Name: o.Code.Name()}
		text, err := o.Text()
		if err != nil {
			jo.Error, jo.Hex = err.Error(), o.Hex()
		} else {
			jo.Value = text
		}
		j.Options = append(j.Options, jo)
	}
	return json.Marshal(j)
}
