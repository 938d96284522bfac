package roster

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// snapshot collects the table while it is being read from the stream.
type snapshot struct {
	nodes  map[string]*card
	values map[string]map[string]value // entries by session and id
	shared map[string]value
	own    map[string]bool // entries of this node
	mark   string          // names the stream's contents, "" if unnamed
}

type value struct {
	seq  uint64
	data []byte // nil if it was deleted
	at   time.Time
}

// load begins to read the table.
func (v *view) load(info *jetstream.StreamInfo) {
	if !info.Created.Equal(v.created) || info.State.LastSeq < v.seen {
		v.created, v.anew = info.Created, true
	}
	v.loading, v.target = true, info.State.LastSeq
	v.shot = snapshot{nodes: make(map[string]*card), values: make(map[string]map[string]value), shared: make(map[string]value), own: make(map[string]bool)}
}

// restart prepares the view for a stream that is another one or lost its contents: a sequence number
// stands for another message there, and a missing shared entry was not deleted by anybody.
func (v *view) restart() {
	for id, s := range v.shared {
		s.seq = 0
		v.shared[id] = s
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, n := range v.nodes {
		for id := range n.entries {
			n.entries[id] = 0
		}
	}
}

// finish compares the loaded table with the view: the differences are changes.
func (v *view) finish() {
	s := v.shot
	v.loading, v.shot = false, snapshot{}
	anew := v.loaded && (v.anew || v.mark != "" && s.mark != v.mark)
	if anew {
		v.restart()
	}
	v.anew, v.seen = false, v.target
	if v.mark = s.mark; v.mark == "" {
		v.sign()
	}
	for session := range v.nodes {
		if s.nodes[session] == nil {
			v.down(session)
			v.reaper.add(session, time.Now())
		}
	}
	for session, c := range s.nodes {
		n := v.nodes[session]
		if n == nil {
			n = v.up(session, c)
		}
		v.renewedBy(session, c)
		of := s.values[session]
		for id := range n.entries {
			if of[id].data == nil {
				v.set(session, n, id, value{})
			}
		}
		for id, to := range of {
			v.set(session, n, id, to)
		}
		delete(s.values, session)
	}
	for session := range s.values {
		if _, ok := v.orphans[session]; !ok {
			v.orphans[session] = time.Now()
		}
	}
	for id, is := range v.shared {
		to, there := s.shared[id]
		switch {
		case anew && !there:
			v.own.restore(id, is.value, is.until)
		case to.data == nil:
			v.share(id, value{})
		}
	}
	for id, to := range s.shared {
		v.share(id, to)
	}
	v.own.compare(s.own, v.target)
	v.first = !v.loaded
	v.loaded = true
	v.setDegraded("")
	v.upToDate()
}
