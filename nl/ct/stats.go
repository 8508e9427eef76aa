package ct

import (
	"context"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

// Probe is nil if the kernel tracks connections; the error matches
// errors.ErrUnsupported if it cannot.
func Probe(ctx context.Context, c *nl.Client) error {
	_, err := Global(ctx, c)
	return nfnl.Probe(err, "conntrack")
}

// CPUs fetches what each CPU counted; Header.ResID is the CPU.
func CPUs(ctx context.Context, c *nl.Client) ([]CPUStats, error) {
	var all []CPUStats
	for m, err := range c.Dump(ctx, request(IPCTNL_MSG_CT_GET_STATS_CPU, 0, &CPUStats{})) {
		if err != nil {
			return nil, err
		}
		var s CPUStats
		if err := s.Decode(m.Data); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// ExpectCPUs fetches what each CPU counted of expectations.
func ExpectCPUs(ctx context.Context, c *nl.Client) ([]ExpectCPUStats, error) {
	var all []ExpectCPUStats
	for m, err := range c.Dump(ctx, expectRequest(IPCTNL_MSG_EXP_GET_STATS_CPU, 0, &ExpectCPUStats{})) {
		if err != nil {
			return nil, err
		}
		var s ExpectCPUStats
		if err := s.Decode(m.Data); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Global fetches the size of the table.
func Global(ctx context.Context, c *nl.Client) (Stats, error) {
	var s Stats
	err := c.Get(ctx, request(IPCTNL_MSG_CT_GET_STATS, 0, &s), func(m nl.Message) error {
		return s.Decode(m.Data)
	})
	return s, err
}
