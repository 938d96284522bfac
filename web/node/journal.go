package node

import (
	"sync"
	"time"
)

// journalLen is how many happenings are remembered, over all clients.
const journalLen = 16 << 10

// JournalEntry is one thing that happened to a client.
type JournalEntry struct {
	Seq  uint64 // counts happenings from 1
	At   time.Time
	Kind string // "open" and "end" of a connection, "return" within the grace; "join" and "leave" of the client;
	// "resume" and "gap" of a connection that has caught up; "kick", "block", "unblock" and "send" by an operator
	Code     string // of an end: the reason's
	ClientID string
	ConnID   string
	Addr     string
	Node     string // of a connection: its server
	By       string // the operator
	From     uint64 // of a resume or a gap: the position at which the stream began to catch up
	Events   uint64 // of a resume or a gap: given to the stream until it had caught up
	Gaps     int    // of a resume or a gap: announced
}

// Journal remembers the newest events of clients' connections, for operators only. The zero value is ready. Its memory
// grows with the events, up to about 3 MiB.
type Journal struct {
	mu   sync.Mutex
	ring []JournalEntry
	seq  uint64
}

func (j *Journal) Note(h JournalEntry) {
	h.At = time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	h.Seq = j.seq
	if len(j.ring) < journalLen {
		j.ring = append(j.ring, h)
	} else {
		j.ring[(h.Seq-1)%journalLen] = h
	}
}

// Newest returns at most n happenings for which want returns true, newest first.
func (j *Journal) Newest(n int, want func(*JournalEntry) bool) []JournalEntry {
	var list []JournalEntry
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
