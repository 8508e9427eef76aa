package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/v4"
)

// cut is a message whose options after the first n of its encoding are one that is cut.
func cut(t *testing.T, m *v4.Message) *v4.Message {
	b, err := m.Append(nil)
	require.NoError(t, err)
	end := 240
	for b[end] != 255 {
		end += 2 + int(b[end+1])
	}
	got, err := v4.Decode(append(b[:end:end], byte(v4.OptDomainName), 40, 'x'))
	require.NoError(t, err)
	require.Error(t, got.Damage)
	return got
}

// Servers exist that send rubbish behind the options that matter: RFC 2131 does not help, and all
// clients take the rest.
func TestDamagedAnswers(t *testing.T) {
	r := begin(t, client.Config{})
	r.step(client.Start{})
	r.step(client.Packet{Msg: cut(t, r.reply(v4.Offer))}).state(client.Requesting)
	r.step(client.Packet{Msg: cut(t, r.reply(v4.Ack, func(m *v4.Message) { m.Options.Del(v4.OptSubnetMask) }))})
	r.state(client.Requesting) // the mask may be behind the cut
	require.Contains(t, need[client.Answer](r).Why, "subnet_mask")
	r.step(client.Packet{Msg: cut(t, r.reply(v4.Ack))}).state(client.Bound)
	require.Equal(t, uint64(3), r.m.Stats().Damaged)
	_, problems := r.m.Lease().Settings(r.now)
	require.Equal(t, []string{`damaged message: option 15 (domain_name): longer than the field "options": it and what is behind it are not known`}, problems)
}
