package torture

import (
	"bufio"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// emptyGauges are the metrics that are 0 on a server without clients: by name, or by name and label.
var emptyGauges = []string{
	"rollcall_streams", "rollcall_streams_behind", "rollcall_streams_blocked", "rollcall_stream_patterns", "rollcall_clients",
	"rollcall_connections", "rollcall_channels", "rollcall_publish_bodies", "rollcall_shard_streams", "rollcall_shard_mailbox_messages",
	"rollcall_shard_behind_bytes", `rollcall_held{kind="streams"}`, `rollcall_held{kind="clocks"}`, `rollcall_held{kind="admin_pages"}`,
	`rollcall_held_bytes{kind="subscriptions"}`, `rollcall_held_bytes{kind="publish_bodies"}`, `rollcall_held_bytes{kind="subscribe_bodies"}`,
	`rollcall_held_bytes{kind="store_events"}`, `rollcall_held_bytes{kind="snapshots"}`,
}

// emptied waits until no server holds anything for the clients that have left, and records the servers' gauges.
func (c *crowd) emptied(ctx context.Context) {
	if len(c.h.Stuck) > 0 {
		return
	}
	c.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		var now []Gauge
		for _, server := range c.sys.Servers {
			now = append(now, c.reader.gauges(ctx, server)...)
		}
		settled := len(now) >= len(c.sys.Servers) && !slices.ContainsFunc(now, func(g Gauge) bool { return g.Value != 0 })
		if settled || !Pause(ctx, 50*time.Millisecond) {
			c.h.Gauges = now
			if len(now) < len(c.sys.Servers) {
				c.h.stuck("waited in vain for /metrics")
			}
			return
		}
	}
}

// gauges reads those of a server that are to be 0.
func (r *reader) gauges(ctx context.Context, server string) (list []Gauge) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer := r.fetch(ctx, origin(server)+"/metrics")
	if answer == nil {
		return nil
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		bare, _, _ := strings.Cut(name, "{")
		if !slices.Contains(emptyGauges, name) && !slices.Contains(emptyGauges, bare) {
			continue
		}
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			list = append(list, Gauge{server, name, value})
		}
	}
	return list
}

// checkGauges checks that servers without clients hold nothing.
func (c *checker) checkGauges() {
	for _, g := range c.h.Gauges {
		if g.Value != 0 {
			c.add(RuleGauge, "%s of %s is %g without clients", g.Name, g.Server, g.Value)
		}
	}
}
