package auth

import (
	"sync"
	"time"
)

// Memory of all remembered answers, and of one beside its text, in bytes.
const (
	rememberedBytes = 16 << 20
	answerCost      = 1 << 10
)

// remembered holds valid answers by the hash of their question. The zero value is ready.
type remembered struct {
	mu   sync.Mutex
	list map[string]answer
	size int
}

// find returns the valid answer to a question, if any.
func (m *remembered) find(key string, now time.Time) (answer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.list[key]
	return a, ok && now.Before(a.until)
}

// add remembers a valid answer. If there is no room, it forgets others.
func (m *remembered) add(key string, a answer, now time.Time) {
	if !now.Before(a.until) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.list == nil {
		m.list = make(map[string]answer)
	}
	m.drop(key)
	if m.size+a.cost > rememberedBytes {
		m.forget(now)
	}
	m.list[key] = a
	m.size += a.cost
}

// forget makes room: it drops expired answers, and then any others.
func (m *remembered) forget(now time.Time) {
	const left = rememberedBytes * 9 / 10 // leaves room for more than one answer
	for _, any := range []bool{false, true} {
		for key, a := range m.list {
			if any && m.size <= left {
				return
			}
			if any || !now.Before(a.until) {
				m.drop(key)
			}
		}
	}
}

func (m *remembered) drop(key string) {
	if a, ok := m.list[key]; ok {
		delete(m.list, key)
		m.size -= a.cost
	}
}

// held returns the memory of all answers, in bytes.
func (m *remembered) held() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.size
}
