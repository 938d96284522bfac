package bench

import (
	"bytes"
	"fmt"
	"net"
)

// streamState is how far a stream has come.
type streamState uint8

const (
	streamIdle    streamState = iota
	streamDialing             // the connection is being made
	streamAsking              // the request is out, the head has not come
	streamOpen
	streamFailed // never opened
	streamEnded  // ended by the server
)

// stream is one subscription. Constant fields are set before its engine opens it; the tally's mutex guards the others.
type stream struct {
	// Static.
	id    int
	first uint32 // its channels are len(last) in a row from here, and then from 0 again
	slow  bool   // never reads
	timed bool   // its latencies count
	t     *tally

	// Guarded by t.mu.
	state    streamState
	chunked  bool
	chunks   chunks
	last     []uint32 // for each of its channels the greatest number seen
	tail     []byte   // bytes that no complete event has been made of yet
	position []byte   // the last id, if t.positions is set
	fd       int32    // of the epoll engine; -1: none
	turn     uint32   // which connection of this stream fd is: events of an older one are stale
	conn     net.Conn // of the portable engine; nil: none
}

// maxTail limits what a stream may send without ending an event.
const maxTail = 8 << 20

// takeLocked counts the received events. buf starts with a copy of s.tail, which is kept bytes long; the rest is new.
// It returns an error if the stream cannot continue, errEnded for a proper end. buf is overwritten.
func (s *stream) takeLocked(buf []byte, kept int, now int64) error {
	s.t.counts.bytes += int64(len(buf) - kept)
	if s.state == streamAsking {
		end, chunked, err := parseHead(buf)
		if err != nil {
			return err
		}
		if end < 0 {
			return s.keepLocked(buf)
		}
		s.state = streamOpen
		s.t.counts.open++
		s.chunked = chunked
		buf, kept = buf[end:], 0
	}
	var ended bool
	if s.chunked {
		data, last, err := s.chunks.decode(buf[kept:])
		if err != nil {
			return err
		}
		buf, ended = buf[:kept+len(data)], last
	}
	end := eventsEnd(buf)
	if end > 0 {
		s.scanLocked(buf[:end], now)
	}
	if ended {
		return errEnded
	}
	return s.keepLocked(buf[end:])
}

// keepLocked stores the bytes of an unfinished event.
func (s *stream) keepLocked(rest []byte) error {
	if len(rest) > maxTail {
		return fmt.Errorf("more than %d bytes without the end of an event", maxTail)
	}
	if len(rest) == 0 && cap(s.tail) > 4096 {
		s.tail = nil
	}
	s.tail = append(s.tail[:0], rest...)
	return nil
}

// scanLocked counts the deliveries in b, which holds whole events.
func (s *stream) scanLocked(b []byte, now int64) {
	t := s.t
	if t.positions {
		if id, ok := lastID(b); ok {
			s.position = append(s.position[:0], id...)
		}
	}
	rest := b
	for begun := false; ; begun = true {
		m, next := t.marker.next(rest)
		if next < 0 {
			s.controlLocked(rest)
			return
		}
		if !begun {
			s.controlLocked(rest[:next])
		}
		s.deliverLocked(m, now)
		rest = rest[next:]
	}
}

// deliverLocked counts one event.
func (s *stream) deliverLocked(m mark, now int64) {
	t := s.t
	slot := s.slot(m.channel)
	if slot < 0 {
		t.counts.foreign++
		t.troubleLocked(fmt.Sprintf("stream %d got event %d of channel %d, which it has not asked for", s.id, m.number, m.channel))
		return
	}
	switch want := s.last[slot] + 1; {
	case m.number == want:
		s.last[slot] = m.number
	case m.number > want:
		t.skipLocked(s.id, m.channel, want, m.number)
		s.last[slot] = m.number
	case t.lateLocked(s.id, m.channel, m.number):
		t.counts.outOfOrder++
		t.troubleLocked(fmt.Sprintf("stream %d got event %d of channel %d after event %d", s.id, m.number, m.channel, want-1))
	default:
		t.counts.repeated++
		t.troubleLocked(fmt.Sprintf("stream %d got event %d of channel %d again", s.id, m.number, m.channel))
		return
	}
	t.counts.delivered++
	t.counts.lastAt = now
	if s.timed {
		t.latency.record(now - m.nanos)
	}
}

// slot returns the index in s.last of a channel, -1 if the stream has not subscribed to it.
func (s *stream) slot(channel uint32) int {
	switch {
	case channel == s.first:
		return 0
	case channel >= s.t.channels || s.first >= s.t.channels:
		return -1
	}
	d := int(channel) - int(s.first)
	if d < 0 {
		d += int(s.t.channels)
	}
	if d >= len(s.last) {
		return -1
	}
	return d
}

var (
	controlPrefix = []byte("event: g")
	gapLine       = []byte("event: gap\n")
	goodbyeLine   = []byte("event: goodbye\n")
)

// controlLocked looks for Rollcall's events that report a gap or the end. b is a part of some events, which may start
// anywhere.
func (s *stream) controlLocked(b []byte) {
	i := bytes.Index(b, controlPrefix)
	if i < 0 {
		return
	}
	t := s.t
	if n := bytes.Count(b[i:], gapLine); n > 0 {
		t.counts.gaps += int64(n)
		t.troubleLocked(fmt.Sprintf("stream %d was told of a gap: %.200q", s.id, b[i:]))
	}
	if n := bytes.Count(b[i:], goodbyeLine); n > 0 {
		t.counts.goodbyes += int64(n)
		t.troubleLocked(fmt.Sprintf("stream %d was sent away: %.200q", s.id, b[i:]))
	}
}

// closedLocked resets the stream after its connection has ended; why is nil if this side closed it.
func (s *stream) closedLocked(why error) {
	t := s.t
	switch {
	case why == nil && s.state == streamOpen:
		t.counts.open--
		s.state = streamIdle
	case why == nil:
		s.state = streamIdle
	case s.state == streamOpen:
		t.counts.open--
		t.counts.ended++
		if s.slow {
			t.counts.slowEnded++
		} else {
			t.troubleLocked(fmt.Sprintf("stream %d ended: %v", s.id, why))
		}
		s.state = streamEnded
	default:
		t.counts.failed++
		t.troubleLocked(fmt.Sprintf("stream %d did not open: %v", s.id, why))
		s.state = streamFailed
	}
	s.chunks, s.chunked, s.tail = chunks{}, false, nil
	s.turn++
}
