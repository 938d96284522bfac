package eventlog

import (
	"fmt"
	"sync"
	"time"
)

// isNote reports whether the channel holds notes of the server itself, such as the positions of devices. Events to one
// client are on own channels too, but are not notes.
func isNote(channel string) bool { return IsOwn(channel) && ClientOf(channel) == "" }

// noteCost is what a stored note costs beside its bytes.
const noteCost = 128

// NoteQuota bounds the server's notes in a store that evicts by age or overall size, where many notes would displace
// the events of others or fill the disk: in the time that events are kept, no more than about twice the part of the
// budget that notes may have in memory. Its methods are safe for concurrent use.
type NoteQuota struct {
	share float64       // static; bytes that may be stored at once
	age   time.Duration // static; the time in which as much may be stored again

	mu   sync.Mutex
	left float64 // at last; below zero where more was stored
	last time.Time
}

// NewNoteQuota returns a quota for a store with a budget in bytes, which keeps events for an age; 0 or less is for ever.
func NewNoteQuota(budget int64, age time.Duration) *NoteQuota {
	if age <= 0 {
		age = 24 * time.Hour
	}
	share := float64(budget / ownShare)
	return &NoteQuota{share: share, age: age, left: share}
}

// Allow returns ErrFull if there are notes among the events and the quota is used up.
func (q *NoteQuota) Allow(events []Event) error {
	for i := range events {
		if isNote(events[i].Channel) && q.take(0, time.Now()) <= 0 {
			return fmt.Errorf("%w: the server's own notes have reached their share", ErrFull)
		}
	}
	return nil
}

// Stored counts an event that was stored at a time.
func (q *NoteQuota) Stored(ev *Event, at time.Time) {
	if isNote(ev.Channel) {
		q.take(noteCost+len(ev.Channel)+len(ev.Type)+len(ev.Payload), at)
	}
}

// take takes n bytes and returns how many are left.
func (q *NoteQuota) take(n int, at time.Time) float64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at.After(q.last) {
		q.left = min(q.share, q.left+q.share*float64(at.Sub(q.last))/float64(q.age))
		q.last = at
	}
	q.left -= float64(n)
	return q.left
}
