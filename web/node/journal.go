package node

import (
	"sync"
	"time"
	"unique"
)

// journalLen is how many happenings are remembered, over all clients.
const journalLen = 16 << 10

// JournalEntry is one thing that happened to a client.
type JournalEntry struct {
	Seq  uint64 // counts happenings from 1
	At   time.Time
	Kind string // "open" and "end" of a connection, "return" within the grace; "join" and "leave" of the client;
	// "resume", "gap" and "behind" of a connection that has caught up; "kick", "block", "unblock" and "send" by an operator
	Code     string // of an end: the reason's
	ClientID string
	ConnID   string
	Addr     string
	Node     string        // of a connection: its server
	By       string        // the operator
	From     uint64        // of a catch-up: the position at which the stream began to catch up
	Events   uint64        // of a catch-up: given to the stream until it had caught up
	Gaps     int           // of a resume or a gap: announced
	Lasted   time.Duration // of a catch-up, at least
}

// Journal remembers the newest events of clients' connections, for operators only. The zero value is ready. Its memory
// grows with the events, up to about 1 MiB, besides the ids.
type Journal struct {
	mu   sync.Mutex
	ring []packedEntry
	seq  uint64
}

// packedEntry is a JournalEntry as it is kept: in 64 bytes, with one copy of what many have in common.
type packedEntry struct {
	at           int64 // Unix time, ns
	client, conn string
	addr         unique.Handle[string]
	what         unique.Handle[what]
	caughtUp     *caughtUp // of a catch-up, else nil
}

// what are the texts of a JournalEntry that have few values.
type what struct{ kind, code, node, by string }

type caughtUp struct {
	from, events uint64
	gaps         int
	lasted       time.Duration
}

func pack(h *JournalEntry) packedEntry {
	e := packedEntry{
		at: h.At.UnixNano(), client: h.ClientID, conn: h.ConnID,
		addr: unique.Make(h.Addr), what: unique.Make(what{h.Kind, h.Code, h.Node, h.By}),
	}
	if k := (caughtUp{h.From, h.Events, h.Gaps, h.Lasted}); k != (caughtUp{}) {
		e.caughtUp = &k
	}
	return e
}

func (e *packedEntry) unpack(seq uint64) JournalEntry {
	w := e.what.Value()
	h := JournalEntry{
		Seq: seq, At: time.Unix(0, e.at), Kind: w.kind, Code: w.code, Node: w.node, By: w.by,
		ClientID: e.client, ConnID: e.conn, Addr: e.addr.Value(),
	}
	if k := e.caughtUp; k != nil {
		h.From, h.Events, h.Gaps, h.Lasted = k.from, k.events, k.gaps, k.lasted
	}
	return h
}

// Note adds an entry, whose Seq and At are set here.
func (j *Journal) Note(h JournalEntry) {
	h.At = time.Now()
	e := pack(&h)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	if len(j.ring) < journalLen {
		j.ring = append(j.ring, e)
	} else {
		j.ring[(j.seq-1)%journalLen] = e
	}
}

// Since returns the time before which nothing is remembered; started is when the server began.
func (j *Journal) Since(started time.Time) time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < journalLen {
		return started
	}
	return time.Unix(0, j.ring[j.seq%journalLen].at)
}

// Newest returns at most n happenings for which want returns true, newest first. The entry that want is given is its
// own only until it returns.
func (j *Journal) Newest(n int, want func(*JournalEntry) bool) []JournalEntry {
	var list []JournalEntry
	j.Each(func(h *JournalEntry) bool {
		if want(h) {
			list = append(list, *h)
		}
		return len(list) < n
	})
	return list
}

// Each calls f with all happenings, newest first, until it returns false. The entry is f's only until it returns.
func (j *Journal) Each(f func(*JournalEntry) bool) {
	var h JournalEntry
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range uint64(len(j.ring)) {
		h = j.ring[(j.seq-1-i)%journalLen].unpack(j.seq - i)
		if !f(&h) {
			return
		}
	}
}
