package web

import (
	"context"
	"time"

	"rollcall/hub/eventlog"
)

// Engine is the log that a server delivers, with what its pages tell of it: an
// [eventlog.Memory], as [MemoryEngine], or a jetlog.Log.
type Engine interface {
	eventlog.Log

	Stats() eventlog.Stats
	Kept(channels []string, span time.Duration, parts int) []eventlog.Kept
	Channels() []eventlog.Kept
	Busiest(span time.Duration, n int) []eventlog.Busy
	Newest(n int, seq uint64, want func(channel string) bool) ([]*eventlog.Record, uint64)
	Page(channel string, before uint64, n int) []*eventlog.Record

	// Purge drops what the channel keeps and returns how many events that were, as
	// far as is known.
	Purge(ctx context.Context, channel string) (int, error)
}

// EngineState is how an engine is.
type EngineState struct {
	Name   string // what it is, in a few words
	Ready  bool
	Reason string    // why it is not ready
	Since  time.Time // when that began
	Lag    uint64    // how many events of the store this node has not seen
}

// stateful is an Engine that can tell how it is. One that can't is always ready.
type stateful interface{ State() EngineState }

// engineState tells how the server's engine is.
func (s *Server) engineState() EngineState {
	if e, ok := s.log.(stateful); ok {
		return e.State()
	}
	return EngineState{Name: "memory: ends with the process", Ready: true}
}

// MemoryEngine is a log in memory as an Engine.
type MemoryEngine struct{ *eventlog.Memory }

var _ Engine = MemoryEngine{}

// Purge implements [Engine]. It does not fail.
func (m MemoryEngine) Purge(_ context.Context, channel string) (int, error) {
	return m.Memory.Purge(channel), nil
}
