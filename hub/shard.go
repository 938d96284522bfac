package hub

import (
	"sync"
	"sync/atomic"
	"time"

	"rollcall/hub/eventlog"
)

// How much a shard does before it looks at its mailbox again.
const (
	liveBatch  = 256 // records of the live flow
	laggards   = 32  // streams that catch up by one step
	catchBytes = 64 << 10

	askedAtOnce = 256 // channels of which a stream is given first notices in one step
)

// shard delivers to its streams. Every method without another word runs on the
// shard's own goroutine.
type shard struct {
	// Static.
	hub  *Hub
	poll *poller       // nil on systems that cannot take connections over
	wake chan struct{} // capacity one
	born time.Time

	// Shard-owned.
	tail    *eventlog.Tail // nil while there are no streams
	index   index
	clients clients
	conns   []*Conn
	wheel   wheel
	lagging []*Conn // behind and ready to be given more, first come first served
	stuck   []*Conn // blocked, some no longer
	pos     uint64  // everything up to here was given to the live streams
	leaving *Reason // set once the hub drains
	taps    map[*Conn][]*func([]byte)
	counts  counts
	busy    bool // has delivered since the last tick
	quit    bool

	// Shard-owned, reused from turn to turn.
	batch   []*eventlog.Record
	touched []*Conn
	traced  []FanOut
	spare   [][]*eventlog.Record
	bufs    [][]byte
	dirty   []*Link // with something to write
	said    renderCache
	idOf    eventlog.Position // of id
	id      eventlog.Frame    // the id of a bare position, for notices

	linkBuffers [][]byte // shard-owned, reused

	publishedPos atomic.Uint64 // pos, for others to read

	mu     sync.Mutex // guards the mailbox; nests in nothing
	box    []func()
	closed bool // the goroutine has ended
	late   bool // another goroutine stands in for it
}

func newShard(h *Hub, w wheel) *shard {
	return &shard{hub: h, wake: make(chan struct{}, 1), born: time.Now(), index: index{topics: make(map[string]*topic)}, wheel: w, poll: newPoller()}
}

// follow starts following the live flow at the head, if the shard is not following yet. A shard without streams does
// not follow, so that events without readers cost nothing; nor does one whose new streams end at once.
func (s *shard) follow() {
	if s.tail == nil && s.leaving == nil {
		s.tail = s.hub.log.Tail(s.wake)
		s.pos = s.tail.Start()
		s.publishedPos.Store(s.pos)
	}
}

func (s *shard) unfollow() {
	if s.tail != nil {
		s.tail.Close()
		s.tail = nil
	}
}

// post has f run by the shard. It never blocks and may be called from anywhere.
func (s *shard) post(f func()) {
	s.mu.Lock()
	s.box = append(s.box, f)
	standIn := s.closed && !s.late
	s.late = s.late || standIn
	s.mu.Unlock()
	if standIn {
		s.readLate()
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// readLate stands in for the goroutine once it has ended, one caller at a time.
func (s *shard) readLate() {
	for more := true; more; {
		s.readMail()
		s.mu.Lock()
		more = len(s.box) > 0
		s.late = more
		s.mu.Unlock()
	}
}

func (s *shard) run() {
	ticker := time.NewTicker(s.wheel.tick)
	defer ticker.Stop()
	defer func() {
		s.unfollow()
		if s.poll != nil {
			s.poll.close()
		}
		s.readLate()
	}()
	for {
		s.readMail()
		more := s.deliver()
		more = s.catchUp() || more
		s.turnWheel()
		s.flushLinks()
		if s.quit && s.hangUp() {
			return
		}
		if more {
			continue
		}
		select {
		case <-s.wake:
		case <-ticker.C:
		}
	}
}

// hangUp closes the mailbox if it is empty. Later mail waits until the goroutine has cleaned up.
func (s *shard) hangUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = len(s.box) == 0
	s.late = s.closed
	return s.closed
}

func (s *shard) readMail() {
	s.mu.Lock()
	box := s.box
	s.box = nil
	s.mu.Unlock()
	for _, f := range box {
		f()
	}
}

// deliver gives the next records of the live flow to the live streams: one write
// for each, however many records. It reports whether there may be more.
func (s *shard) deliver() bool {
	if s.tail == nil {
		return false
	}
	if len(s.conns) == 0 {
		s.unfollow()
		return false
	}
	s.batch = s.tail.Next(s.batch[:0], liveBatch)
	if len(s.batch) == 0 {
		return false
	}
	for _, r := range s.batch {
		s.trace(r, s.dueAll(r))
	}
	s.pos = s.batch[len(s.batch)-1].Seq
	s.publishedPos.Store(s.pos)
	s.busy = true
	for i, c := range s.touched {
		if i%lagSample < lagSample-1 && i < len(s.touched)-1 {
			s.flush(c)
			continue
		}
		oldest := c.out[0]
		s.flush(c)
		s.counts.lag.add(s.tail.Age(oldest), uint64(i%lagSample+1))
	}
	if len(s.traced) > 0 {
		s.tellTraced()
	}
	clear(s.touched)
	s.touched = s.touched[:0]
	for _, r := range s.batch {
		if r.End() {
			s.completeAll(r)
		}
	}
	n := len(s.batch)
	clear(s.batch)
	s.tail.Done()
	return n == liveBatch
}

// dueAll notes that the live streams that want a record are to get it, and returns their number.
func (s *shard) dueAll(r *eventlog.Record) int {
	name := r.Channel()
	n := 0
	if t := s.index.topics[name]; t != nil {
		n = s.dueTo(t, r)
	} else if client := eventlog.ClientOf(name); client != "" {
		for c := range s.ofClient(client) {
			n += s.due(c, r)
		}
	}
	for _, t := range s.index.patterns.of(name) {
		n += s.dueTo(t, r)
	}
	return n
}

// dueTo is dueAll for the streams of one topic.
func (s *shard) dueTo(t *topic, r *eventlog.Record) (n int) {
	for i := range t.refs {
		n += s.due(t.refs[i].c, r)
	}
	return n
}

// due notes that a stream, if it is live, is to get a record at the end of the turn. It returns 1 if it did, else 0.
func (s *shard) due(c *Conn, r *eventlog.Record) int {
	if c.catch != nil || r.Seq <= c.pos || !c.gets(r) {
		return 0
	}
	if n := len(c.out); n > 0 && c.out[n-1] == r {
		return 0 // of another of its entries
	}
	if !c.touched {
		c.touched = true
		s.touched = append(s.touched, c)
		if n := len(s.spare); n > 0 {
			c.out, s.spare = s.spare[n-1], s.spare[:n-1]
		}
	}
	c.out = append(c.out, r)
	return 1
}

// ready goes on with a stream whose transport can take more.
func (s *shard) ready(c *Conn) {
	if c.state&ended != 0 || c.state&blocked == 0 {
		return
	}
	c.state &^= blocked
	c.waits.Store(false)
	s.advance(c)
}

// attach takes a stream in.
func (s *shard) attach(c *Conn, channels []string, catch *catchup) {
	c.t.Open(c)
	s.follow()
	s.index.add(c, channels)
	c.at = int32(len(s.conns))
	s.conns = append(s.conns, c)
	s.clients.add(c)
	s.counts.accepted++
	if catch.resumed {
		s.counts.resumed++
	}
	c.wrote = s.wheel.now
	s.wheel.schedule(c, s.wheel.now+s.wheel.beat)
	c.catch, catch.since = catch, s.wheel.now
	catch.cursor.Channels, catch.cursor.After = c.channels(), c.pos
	s.advance(c)
}

// turnWheel sends heartbeats and ends streams that are stuck.
func (s *shard) turnWheel() {
	for now := uint32(time.Since(s.born) / s.wheel.tick); s.wheel.now < now; {
		for _, c := range s.wheel.turn() {
			due := c.wrote + s.wheel.beat
			if due > s.wheel.now {
				s.wheel.schedule(c, due)
				continue
			}
			s.wheel.schedule(c, s.wheel.now+s.wheel.beat)
			if c.state&blocked == 0 && c.catch == nil {
				s.send(c, heartbeat, nil)
			}
		}
		if !s.busy {
			s.spare = nil // free the memory of a burst
		}
		s.busy = false
		still := s.stuck[:0]
		for _, c := range s.stuck {
			switch {
			case c.state&ended != 0:
			case c.state&blocked == 0:
				c.state &^= listed
			case s.wheel.now-c.stuck >= s.wheel.stall:
				s.end(c, Slow)
			default:
				still = append(still, c)
			}
		}
		clear(s.stuck[len(still):])
		s.stuck = still
	}
}
