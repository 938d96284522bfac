package disklog

import (
	"encoding/binary"
	"sort"
	"sync"
	"time"
)

// A segment is a stretch of the log, of some megabytes. Only its counts are in memory. Space is freed by segments.
const segmentSize = 4 << 20

type segment struct {
	first  uint64 // sequence number
	bytes  uint64 // of blocks
	events uint64 // in them
	dead   uint64 // of these, how many no channel keeps
	newest int64  // when the newest came, Unix milliseconds
	sealed bool   // nothing more comes
}

func (s *segment) append(dst []byte) []byte {
	for _, n := range []uint64{s.bytes, s.events, s.dead, uint64(s.newest)} {
		dst = binary.AppendUvarint(dst, n)
	}
	if s.sealed {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func readSegment(key, value []byte) (segment, error) {
	r := reader{buf: value}
	s := segment{first: keySeq(key), bytes: r.number(), events: r.number(), dead: r.number(), newest: int64(r.number())}
	s.sealed = r.byte() == 1
	if r.bad {
		return s, errMalformed
	}
	return s, nil
}

// segments are the store's segments, in order; the last one is open.
type segments struct {
	mu   sync.Mutex
	list []segment
}

// grow counts a block that goes into the open segment.
func (s *segments) grow(bytes, events int, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := &s.list[len(s.list)-1]
	open.bytes += uint64(bytes)
	open.events += uint64(events)
	open.newest = max(open.newest, at.UnixMilli())
}

// open returns the segment that grows.
func (s *segments) open() segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[len(s.list)-1]
}

// seal ends the open segment; the next one begins at first.
func (s *segments) seal(first uint64) segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := &s.list[len(s.list)-1]
	open.sealed = true
	sealed := *open
	s.list = append(s.list, segment{first: first})
	return sealed
}

// countDead counts dead events of the segment that has seq, and returns it as it is then.
func (s *segments) countDead(seq, n uint64) (segment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := sort.Search(len(s.list), func(i int) bool { return s.list[i].first > seq }) - 1
	if i < 0 {
		return segment{}, false
	}
	s.list[i].dead += n
	return s.list[i], true
}

// all returns the segments as they are.
func (s *segments) all() []segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]segment(nil), s.list...)
}

// replace replaces the sealed segments from first up to end by one segment, or by none.
func (s *segments) replace(first, end uint64, by ...segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []segment
	for _, seg := range s.list {
		if seg.first < first || seg.first >= end {
			list = append(list, seg)
		}
	}
	list = append(list, by...)
	sort.Slice(list, func(i, k int) bool { return list[i].first < list[k].first })
	s.list = list
}
