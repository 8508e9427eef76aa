package v6

import (
	"encoding/json"
	"fmt"
)

// appendHead appends the text of the fixed fields.
func (m *Message) appendHead(b []byte) []byte {
	if m.Type.IsRelay() {
		return fmt.Appendf(b, "%v hops=%d link=%v peer=%v", m.Type, m.HopCount, m.LinkAddr, m.PeerAddr)
	}
	return fmt.Appendf(b, "%v xid=%06x", m.Type, m.XID)
}

// String is the message in one line, safe to print.
func (m *Message) String() string { return string(m.Options.appendText(m.appendHead(nil), 0, depth)) }

type jsonOption struct {
	Code    Code         `json:"code"`
	Name    string       `json:"name"`
	Value   string       `json:"value,omitempty"`
	Error   string       `json:"error,omitempty"`
	Hex     string       `json:"hex,omitempty"`
	Options []jsonOption `json:"options,omitempty"`
}

// MarshalJSON is the message for people and golden files: the same for the same
// message, options in their order with their text and the options in them, or
// with hex and what is wrong with them. There is no way back.
func (m *Message) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Message string       `json:"message"`
		Options []jsonOption `json:"options"`
	}{string(m.appendHead(nil)), m.Options.json(depth)})
}

func (o Options) json(deep int) []jsonOption {
	list := make([]jsonOption, 0, len(o))
	for _, x := range o {
		j := jsonOption{Code: x.Code, Name: x.Code.Name()}
		b, in, err := []byte(nil), Options(nil), checkLength(x.Code, len(x.Data))
		if err == nil {
			b, in, err = x.appendOwn(nil)
		}
		switch {
		case err != nil:
			j.Error, j.Hex = err.Error(), x.Hex()
		case deep <= 1 && len(in) > 0:
			j.Hex = x.Hex()
		default:
			j.Value = string(b)
			if len(in) > 0 {
				j.Options = in.json(deep - 1)
			}
		}
		list = append(list, j)
	}
	return list
}
