package node

import (
	"slices"
	"sync"
	"time"
)

// mostMarks is how many marks are remembered.
const mostMarks = 1000

// Mark is something that was done to the servers or their clients, which a chart shows at its time.
type Mark struct {
	At     time.Time `json:"at"`
	Server string    `json:"server"`
	User   string    `json:"user"`   // empty for what no user did
	Action string    `json:"action"` // as in the audit log: "server.start", "client.block"
	Target string    `json:"target"`
	Detail string    `json:"detail"`
}

// Marks remembers the newest marks. The zero value is ready.
type Marks struct {
	mu   sync.Mutex
	list []Mark // oldest first
}

// Note adds a mark of now.
func (m *Marks) Note(x Mark) {
	x.At = time.Now().Round(0)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, x)
	m.trim()
}

// Between returns the marks from one time to another, oldest first.
func (m *Marks) Between(from, to time.Time) []Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Mark
	for _, x := range m.list {
		if !x.At.Before(from) && x.At.Before(to) {
			list = append(list, x)
		}
	}
	return list
}

// all returns the marks, oldest first.
func (m *Marks) all() []Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}

// prepend adds marks of an earlier process.
func (m *Marks) prepend(older []Mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(older, m.list...)
	m.trim()
}

func (m *Marks) trim() {
	if over := len(m.list) - mostMarks; over > 0 {
		m.list = slices.Delete(m.list, 0, over)
	}
}
