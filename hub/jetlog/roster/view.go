package roster

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// view is this node's copy of the table: Changes adds up to it.
type view struct {
	*Roster
	shared  map[string]shared
	expiry  time.Time            // no shared entry ends before
	orphans map[string]time.Time // sessions with entries and without a lease, since when
	created time.Time            // of the stream
	mark    string               // names the stream's contents; "" while that is not known
	seen    uint64               // the newest message that was read
	changes []Change             // not handed on yet
	first   bool                 // the first load is among them
	loaded  bool                 // at least once

	loading bool
	anew    bool   // the stream is another one than at the last load that was finished
	target  uint64 // the stream's last number when the load began
	shot    snapshot
}

// node is another node. Roster.mu guards which there are and the fields but entries,
// of which it guards the number.
type node struct {
	name    string
	since   time.Time
	seen    time.Time // when the last renewal came
	info    []byte
	entries map[string]uint64 // their positions in the stream
}

type shared struct {
	seq   uint64
	until time.Time
	value []byte
}

// apply deals with a message of the stream.
func (v *view) apply(m *nats.Msg, meta *nats.MsgMetadata) error {
	about, session, id := v.names.read(m.Subject)
	var data []byte
	if len(m.Data) > 0 {
		data = m.Data
	}
	seq := meta.Sequence.Stream
	if !v.loading {
		v.seen = seq
	}
	switch about {
	case aboutLease:
		return v.lease(session, data, meta)
	case aboutStream:
		return v.marked(string(data))
	case aboutEntry:
		if data != nil {
			if data[0] != valueByte {
				return nil
			}
			data = data[1:]
		}
		v.entry(session, id, value{seq, data, meta.Timestamp})
	case aboutShared:
		if v.loading {
			v.shot.shared[id] = value{seq, data, meta.Timestamp}
		} else {
			v.share(id, value{seq, data, meta.Timestamp})
		}
	}
	return nil
}

// sign gives the stream's contents a name, unless another node is faster. If the message is lost, the next load finds
// no name and tries again.
func (v *view) sign() {
	m := &nats.Msg{Subject: v.names.stream(), Header: nats.Header{headerExpected: {"0"}}, Data: []byte(rand.Text())}
	_ = v.sendMsg(m)
}

// marked reads the name of the stream's contents. A cluster of NATS servers that all restarted has an empty stream
// with the old time of creation; the name distinguishes it from one whose entries were deleted.
func (v *view) marked(mark string) error {
	switch {
	case v.loading:
		v.shot.mark = mark
	case v.mark == "":
		v.mark = mark
	case mark != v.mark:
		return fmt.Errorf("%w: the stream has lost its contents", errAgain)
	}
	return nil
}

// isOwn reports whether a session is, or was, this node's.
func (v *view) isOwn(session string) (own, present bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, own = v.mine[session]
	return own, session == v.session
}

func (v *view) lease(session string, body []byte, meta *nats.MsgMetadata) error {
	var c card
	if body != nil && json.Unmarshal(body, &c) != nil {
		return nil
	}
	own, present := v.isOwn(session)
	switch {
	case own && body != nil && present:
		v.skew.Store(int64(meta.Timestamp.Sub(c.Sent)))
		if v.loading && meta.Sequence.Stream > v.target {
			v.finish()
		}
	case own:
	case v.loading && body == nil:
		delete(v.shot.nodes, session)
		delete(v.shot.values, session)
	case v.loading:
		v.shot.nodes[session] = &c
	case body == nil:
		v.down(session)
	case v.renewedBy(session, &c):
	case c.Count > 1: // its entries are not known
		return fmt.Errorf("%w: session %s of node %q has returned", errAgain, session, c.Node)
	default:
		v.up(session, &c)
	}
	return nil
}

// renewedBy notes a sign of life of a session that is up.
func (v *view) renewedBy(session string, c *card) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.nodes[session]
	if n == nil {
		return false
	}
	n.seen, n.info = time.Now(), c.Info
	return true
}

func (v *view) up(session string, c *card) *node {
	n := &node{c.Node, c.Since, time.Now(), c.Info, make(map[string]uint64)}
	v.mu.Lock()
	v.nodes[session] = n
	v.mu.Unlock()
	delete(v.orphans, session)
	v.changes = append(v.changes, Change{Kind: NodeUp, Node: c.Node, Session: session, Info: c.Info})
	return n
}

func (v *view) down(session string) {
	v.mu.Lock()
	n := v.nodes[session]
	delete(v.nodes, session)
	v.mu.Unlock()
	if n != nil {
		v.changes = append(v.changes, Change{Kind: NodeDown, Node: n.name, Session: session})
	}
}

func (v *view) entry(session, id string, to value) {
	if own, present := v.isOwn(session); own {
		if present {
			v.own.observed(id, to.seq, to.data == nil)
			if v.loading {
				v.shot.own[id] = true
			}
		}
		return
	}
	if v.loading {
		of := v.shot.values[session]
		if of == nil {
			of = make(map[string]value)
			v.shot.values[session] = of
		}
		of[id] = to
		return
	}
	n := v.nodes[session] // read by its only writer
	if n == nil {
		if _, ok := v.orphans[session]; !ok && to.data != nil {
			v.orphans[session] = time.Now()
		}
		return
	}
	v.set(session, n, id, to)
}

// set sets an entry of another node.
func (v *view) set(session string, n *node, id string, to value) {
	seq, there := n.entries[id]
	switch {
	case to.data == nil && there:
		v.mu.Lock()
		delete(n.entries, id)
		v.mu.Unlock()
		v.changes = append(v.changes, Change{Kind: Gone, Node: n.name, Session: session, ID: id})
	case to.data != nil && (!there || seq != to.seq):
		v.mu.Lock()
		n.entries[id] = to.seq
		v.mu.Unlock()
		v.changes = append(v.changes, Change{Kind: Entry, Node: n.name, Session: session, ID: id, Value: to.data})
	}
}

// share sets a shared entry.
func (v *view) share(id string, to value) {
	is, there := v.shared[id]
	life, data, ok := bytes.Cut(to.data, []byte{' ', valueByte})
	ms, err := strconv.ParseInt(string(life), 10, 64)
	if to.data != nil && (!ok || err != nil) {
		return
	}
	now := time.Now()
	age := min(max(now.Add(time.Duration(v.skew.Load())).Sub(to.at), 0), time.Duration(ms)*time.Millisecond)
	until := now.Add(time.Duration(ms)*time.Millisecond - age)
	switch {
	case to.data == nil || !until.After(now):
		if there {
			delete(v.shared, id)
			v.changes = append(v.changes, Change{Kind: SharedGone, ID: id})
		}
	case !there || is.seq != to.seq:
		v.shared[id] = shared{to.seq, until, data}
		if v.expiry.IsZero() || until.Before(v.expiry) {
			v.expiry = until
		}
		v.changes = append(v.changes, Change{Kind: SharedEntry, ID: id, Value: data, Until: until})
	}
}

// expire removes entries whose time is over by this node's clock. The view is up to date.
func (v *view) expire(now time.Time) {
	limit := v.opts.Lease + min(v.opts.Lease/4, 2*time.Second)
	for session, n := range v.nodes {
		if now.Sub(n.seen) > limit {
			v.log.Warn("a node is down", "node", n.name, "session", session, "silent", now.Sub(n.seen).Round(time.Millisecond))
			v.down(session)
			v.reaper.add(session, now)
		}
	}
	for session, since := range v.orphans {
		if now.Sub(since) > limit {
			delete(v.orphans, session)
			v.reaper.add(session, now)
		}
	}
	if v.expiry.IsZero() || now.Before(v.expiry) {
		return
	}
	v.expiry = time.Time{}
	for id, s := range v.shared {
		switch {
		case !now.Before(s.until):
			v.share(id, value{})
		case v.expiry.IsZero() || s.until.Before(v.expiry):
			v.expiry = s.until
		}
	}
}
