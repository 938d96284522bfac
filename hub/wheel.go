package hub

import "time"

// wheel is a timing wheel: it visits each stream once within a heartbeat's time
// and costs nothing when a stream is written to. Shard-owned.
type wheel struct {
	tick  time.Duration
	beat  uint32 // ticks of silence before a heartbeat
	stall uint32 // ticks without progress before a stream is slow
	now   uint32
	slots [][]*Conn // one more than beat
}

func newWheel(beat, stall time.Duration) wheel {
	tick := max(min(beat/25, stall/10), time.Millisecond)
	w := wheel{tick: tick, beat: uint32(beat / tick), stall: uint32((stall + tick - 1) / tick)}
	w.slots = make([][]*Conn, w.beat+1)
	return w
}

// schedule schedules c to be visited at tick due, which is at most beat away.
func (w *wheel) schedule(c *Conn, due uint32) {
	slot := due % uint32(len(w.slots))
	c.wheelSlot, c.wheelAt = slot, uint32(len(w.slots[slot]))
	w.slots[slot] = append(w.slots[slot], c)
}

func (w *wheel) remove(c *Conn) {
	slot := w.slots[c.wheelSlot]
	last := slot[len(slot)-1]
	slot[c.wheelAt], last.wheelAt = last, c.wheelAt
	slot[len(slot)-1] = nil
	w.slots[c.wheelSlot] = slot[:len(slot)-1]
}

// turn moves on by one tick and returns the streams to visit, which it takes off
// the wheel: each must be put back or be gone.
func (w *wheel) turn() []*Conn {
	w.now++
	slot := w.now % uint32(len(w.slots))
	due := w.slots[slot]
	w.slots[slot] = nil
	return due
}
