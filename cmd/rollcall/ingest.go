package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/hub/jetlog/ingest"
	"rollcall/web"
)

// openIngest makes events of the messages on the subjects of --ingest, until the returned function is called. cluster is
// nil without NATS.
func (c *serveCmd) openIngest(
	ctx context.Context, cluster *engine, server *web.Server, log *slog.Logger,
) (end func(), err error) {
	if len(c.Ingest) == 0 || cluster == nil {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	for {
		i, err := ingest.Open(ctx, cluster.link.Conn(), ingest.Options{
			Stream: c.NATSStream + "_INGEST", Subjects: c.Ingest, Replicas: c.NATSReplicas,
			MaxPayload: int(c.MaxPayload), Log: log,
			First: cluster.first, Append: appendTo(server),
		})
		if err == nil {
			cluster.ingest.Store(i)
			return i.Close, nil
		}
		if !errors.Is(err, eventlog.ErrUnavailable) {
			return nil, err
		}
		log.Warn("the stream of --ingest is not ready; retrying", "reason", err)
		select {
		case <-time.After(openAgain):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// appendTo publishes events on a server.
func appendTo(server *web.Server) func(context.Context, []eventlog.Event) ([]eventlog.Result, error) {
	return func(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
		published, err := server.Publish(ctx, events)
		results := make([]eventlog.Result, len(published))
		for i, p := range published {
			results[i].Duplicate = p.Duplicate
		}
		return results, err
	}
}

// first reports whether this server comes first among those of the roster.
func (e *engine) first() bool {
	nodes := e.roster.Nodes()
	for _, other := range nodes[min(1, len(nodes)):] {
		if self := nodes[0]; other.Name < self.Name || other.Name == self.Name && other.Session < self.Session {
			return false
		}
	}
	return true
}
