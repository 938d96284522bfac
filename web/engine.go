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

// deeper is an Engine whose store keeps more than the server has in memory.
type deeper interface {
	Older(ctx context.Context, channels []string, after uint64, limit eventlog.Limit) (eventlog.Batch, error)
	LastOlder(ctx context.Context, channels []string) ([]*eventlog.Record, error)
}

// What one stream gets at most from the store as it resumes. What is older is a gap.
const (
	olderEvents = 10_000
	olderBytes  = 8 << 20
	olderStep   = 128 // channels; a stream of more gets nothing from the store
)

// older reads from the store what a stream that resumes has missed and the server no
// longer has in memory; nil where that is nothing.
func (s *Server) older(ctx context.Context, channels []string, resume string) (*eventlog.Batch, error) {
	store, ok := s.log.(deeper)
	if !ok || resume == "" || len(channels) > olderStep {
		return nil, nil
	}
	at, err := eventlog.ParsePosition(resume)
	if head := s.log.Head(); err != nil || at.Epoch != head.Epoch || at.Seq > head.Seq {
		return nil, nil // it starts afresh
	}
	all := &eventlog.Batch{Through: at.Seq}
	for size := 0; ; {
		b, err := store.Older(ctx, channels, all.Through, eventlog.Limit{})
		if err != nil {
			return nil, err
		}
		if all.Gaps == nil {
			all.Gaps = b.Gaps // those of later steps are the same holes
		}
		all.Records, all.Through = append(all.Records, b.Records...), b.Through
		for _, r := range b.Records {
			size += len(r.Frame().Chunk())
		}
		if b.Done || len(b.Records) == 0 || len(all.Records) >= olderEvents || size >= olderBytes {
			break
		}
	}
	if len(all.Records)+len(all.Gaps) == 0 {
		return nil, nil
	}
	return all, nil
}

// MemoryEngine is a log in memory as an Engine.
type MemoryEngine struct{ *eventlog.Memory }

var _ Engine = MemoryEngine{}

// Purge implements [Engine]. It does not fail.
func (m MemoryEngine) Purge(_ context.Context, channel string) (int, error) {
	return m.Memory.Purge(channel), nil
}
