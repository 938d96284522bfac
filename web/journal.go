package web

import (
	"sync"
	"time"
)

// journalLen is how many happenings are remembered, over all clients.
const journalLen = 16 << 10

// happening is one thing that happened to a client.
type happening struct {
	seq      uint64 // counts happenings from 1
	at       time.Time
	kind     string // "open" and "end" of a connection, "return" within the grace; "join" and "leave" of the client
	code     string // of an end: the reason's
	clientID string
	connID   string
	addr     string
}

// journal remembers the newest happenings, for the operator alone. The zero value
// is ready. Its memory grows with what happens, up to about 2 MiB.
type journal struct {
	mu   sync.Mutex
	ring []happening
	seq  uint64
}

func (j *journal) note(h happening) {
	h.at = time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	h.seq = j.seq
	if len(j.ring) < journalLen {
		j.ring = append(j.ring, h)
	} else {
		j.ring[(h.seq-1)%journalLen] = h
	}
}

// newest returns at most n happenings for which want returns true, newest first.
func (j *journal) newest(n int, want func(*happening) bool) []happening {
	var list []happening
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range uint64(len(j.ring)) {
		h := &j.ring[(j.seq-1-i)%journalLen]
		if want(h) {
			if list = append(list, *h); len(list) == n {
				break
			}
		}
	}
	return list
}
