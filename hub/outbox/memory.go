package outbox

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Memory is a Store that ends with the process. Make it with NewMemory.
type Memory struct {
	budget  int           // static
	changed chan struct{} // capacity one

	mu      sync.Mutex // guards everything below
	entries []Entry
	head    uint64
	bytes   int
	values  map[string]Value
	rev     uint64
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store whose entries take at most so many bytes; the oldest go first.
func NewMemory(budget int) *Memory {
	return &Memory{budget: budget, changed: make(chan struct{}, 1), values: make(map[string]Value)}
}

// entryCost is the memory cost of an entry beside its data.
const entryCost = 64

// Durable implements [Store].
func (m *Memory) Durable() bool { return false }

// Shared implements [Store].
func (m *Memory) Shared() bool { return false }

// Append implements [Store].
func (m *Memory) Append(_ context.Context, after uint64, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if after != m.head {
		return ErrConflict
	}
	m.head++
	m.entries = append(m.entries, Entry{m.head, data})
	m.bytes += len(data) + entryCost
	n := 0
	for m.bytes > m.budget && n < len(m.entries)-1 {
		m.bytes -= len(m.entries[n].Data) + entryCost
		n++
	}
	m.drop(n)
	select {
	case m.changed <- struct{}{}:
	default:
	}
	return nil
}

// drop drops the oldest n entries, whose bytes are already subtracted.
func (m *Memory) drop(n int) {
	if n == 0 {
		return
	}
	clear(m.entries[:n])
	if m.entries = m.entries[n:]; len(m.entries) == 0 {
		m.entries = nil
	}
}

// Read implements [Store].
func (m *Memory) Read(_ context.Context, after uint64, n int) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, _ := slices.BinarySearchFunc(m.entries, after+1, func(e Entry, seq uint64) int {
		if e.Seq < seq {
			return -1
		}
		return 1
	})
	return slices.Clone(m.entries[from:min(from+n, len(m.entries))]), nil
}

// Head implements [Store].
func (m *Memory) Head(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head, nil
}

// Changed implements [Store].
func (m *Memory) Changed() <-chan struct{} { return m.changed }

// Trim implements [Store].
func (m *Memory) Trim(_ context.Context, through uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for n < len(m.entries) && m.entries[n].Seq <= through {
		m.bytes -= len(m.entries[n].Data) + entryCost
		n++
	}
	m.drop(n)
	return nil
}

// Get implements [Store].
func (m *Memory) Get(_ context.Context, key string) (Value, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[key], nil
}

// Put implements [Store].
func (m *Memory) Put(_ context.Context, key string, data []byte, rev uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values[key].Rev != rev {
		return 0, ErrConflict
	}
	m.rev++
	m.values[key] = Value{data, m.rev}
	return m.rev, nil
}

// Delete implements [Store].
func (m *Memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values, key)
	return nil
}

// Keys implements [Store].
func (m *Memory) Keys(_ context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := slices.Sorted(maps.Keys(m.values))
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, prefix) }), nil
}

// Close implements [Store].
func (m *Memory) Close() error { return nil }
