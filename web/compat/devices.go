package compat

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/web/node"
)

// How the places of devices are kept.
const (
	devicesEvery  = 30 * time.Second       // how often places of open streams are stored
	devicesPause  = 200 * time.Millisecond // between two appends
	devicesBatch  = 256                    // members in one append
	devicesWait   = 5 * time.Second        // for the log to take them
	devicesQueued = 100_000                // places that wait while the log accepts none; further ones are dropped
)

// devices stores each device's last position, so that a device that reconnects without a
// Last-Event-ID still resumes. The positions of a member's devices are kept in
// the log itself, as [places] in a channel of the server's own: for as long as events are,
// and on every server that shares the log. One goroutine appends.
type devices struct {
	compat *Compat
	wake   chan struct{} // capacity one
	quit   chan struct{}
	done   chan struct{}
	once   sync.Once

	mu   sync.Mutex // held only for book-keeping
	open map[*device]struct{}
	due  map[deviceKey]uint64 // places to keep
	// flushing are the places that are being appended; never changed.
	flushing map[deviceKey]uint64

	failing bool // owned by the goroutine: the last flush failed
}

// deviceKey names a member's device: the channel of the member's places, and the key in them.
type deviceKey struct{ channel, id string }

// device is the stream of a member's device. It implements [place].
type device struct {
	devices *devices
	key     deviceKey
	events  string // the member's channel
	acks    bool   // the device reports what it has; otherwise its place is what it was given

	// Static once the stream is attached.
	known bool   // its place is kept
	start uint64 // the stream's first position

	// Guarded by devices.mu.
	conn   *hub.Conn  // nil before Began
	unsent func() int // bytes that the stream was given and that are not written
	over   bool       // it has ended
	given  uint64     // events that it was given when its place was last kept
}

// lookup returns the device of a member. The names are hashes: the ids may be too long for
// them, and have any characters.
func (v *devices) lookup(member, id string) *device {
	owner, sum := sha256.Sum256([]byte(member)), sha256.Sum256([]byte(id))
	return &device{
		devices: v,
		key: deviceKey{
			devicePrefix + base64.RawURLEncoding.EncodeToString(owner[:]),
			base64.RawURLEncoding.EncodeToString(sum[:12]),
		},
		events: memberPrefix + member,
	}
}

func newDevices(s *Compat) *devices {
	v := &devices{
		compat: s, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		open: make(map[*device]struct{}), due: make(map[deviceKey]uint64),
	}
	go v.run()
	return v
}

// close stores the remaining places. No stream may begin or end any more.
func (v *devices) close() {
	v.once.Do(func() { close(v.quit) })
	<-v.done
}

// Starts records the stream's first position, before anything else of the stream.
func (d *device) Starts(at uint64) { d.start = at }

// Began stores the first position of a new device's stream, and tracks it from now on.
func (d *device) Began(conn *hub.Conn, unsent func() int) {
	v := d.devices
	v.mu.Lock()
	defer v.mu.Unlock()
	if d.over {
		return
	}
	d.conn, d.unsent = conn, unsent
	if !d.acks {
		v.open[d] = struct{}{}
	}
	if !d.known {
		v.enqueue(d, d.start)
	}
}

// Ended stores the stream's last position. A stream without all gaps of its start announced keeps its first one.
func (d *device) Ended(conn *hub.Conn, unsent int) {
	v := d.devices
	if d.acks {
		return
	}
	at := d.stepBack(conn.Position().Seq, unsent)
	v.mu.Lock()
	defer v.mu.Unlock()
	d.over = true
	delete(v.open, d)
	if !conn.Owing() {
		v.enqueue(d, at)
	}
}

// ack stores the position that the device has reported.
func (d *device) ack(seq uint64) {
	v := d.devices
	v.mu.Lock()
	defer v.mu.Unlock()
	v.enqueue(d, seq)
}

// stepBack returns the position before the newest events of the member, up to at, that add up to unsent bytes, but not
// before the stream's start.
func (d *device) stepBack(at uint64, unsent int) uint64 {
	const step = 64
	log := d.devices.compat.node.Log
	epoch := log.Head().Epoch
	var text []byte
	for before := at + 1; unsent > 0 && before > d.start+1; {
		recs := log.Page(d.events, before, step)
		for _, r := range recs {
			text = memberDialect.Render(text[:0], eventlog.Position{Epoch: epoch, Seq: r.Seq}, r)
			if unsent -= len(text); unsent <= 0 {
				return max(r.Seq-1, d.start)
			}
			before = r.Seq
		}
		if len(recs) < step {
			return d.start
		}
	}
	return max(at, d.start)
}

// enqueue has a place kept. v.mu is held.
func (v *devices) enqueue(d *device, seq uint64) {
	if was, ok := v.due[d.key]; !ok && len(v.due) >= devicesQueued || ok && was > seq {
		return
	}
	v.due[d.key] = seq
	v.signal()
}

func (v *devices) run() {
	defer close(v.done)
	ticker := time.NewTicker(devicesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			v.enqueueMoved()
			v.retry()
			continue // the streams wake it
		case <-v.wake:
			v.flush()
		case <-v.quit:
			v.flush()
			return
		}
		select {
		case <-time.After(devicesPause):
		case <-v.quit:
		}
	}
}

// retry has the places flushed that the log did not take.
func (v *devices) retry() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.due) > 0 {
		v.signal()
	}
}

// signal wakes the goroutine.
func (v *devices) signal() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// enqueueMoved has the places kept of open streams that were given something since. One that
// has not written all it was given is ignored until the next time.
func (v *devices) enqueueMoved() {
	v.mu.Lock()
	moved := make(map[*device]*hub.Conn)
	for d := range v.open {
		if events, _ := d.conn.Sent(); events != d.given {
			moved[d] = d.conn
		}
	}
	v.mu.Unlock()
	for d, conn := range moved {
		conn.WithPosition(func(at eventlog.Position) {
			if d.unsent() > 0 {
				return
			}
			v.mu.Lock()
			defer v.mu.Unlock()
			d.given, _ = conn.Sent()
			v.enqueue(d, at.Seq)
		})
	}
}

// flush appends the due places that are ahead of the stored ones. If the log accepts none, they wait for the next
// flush.
func (v *devices) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), devicesWait)
	defer cancel()
	v.mu.Lock()
	due := v.due
	v.due, v.flushing = make(map[deviceKey]uint64), maps.Clone(due)
	v.mu.Unlock()
	members := make(map[string]places)
	for key, seq := range due {
		if members[key.channel] == nil {
			members[key.channel] = make(places)
		}
		members[key.channel][key.id] = eventlog.Position{Epoch: v.compat.node.Log.Head().Epoch, Seq: seq}
	}
	var err error
	for batch := range slices.Chunk(slices.Collect(maps.Keys(members)), devicesBatch) {
		if err = v.append(ctx, batch, members); err != nil {
			break
		}
		for _, channel := range batch {
			for id := range members[channel] {
				delete(due, deviceKey{channel, id})
			}
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.flushing = nil // the log has them, or due again
	for key, seq := range due {
		v.due[key] = max(v.due[key], seq)
	}
	failed := v.failing
	v.failing = err != nil
	if err != nil && !failed && !errors.Is(err, eventlog.ErrClosed) {
		v.compat.opts.Log.Warn("the positions of devices are not stored yet", "devices", len(due), "error", err)
	}
}

// append adds places to the stored ones of the members on these channels.
func (v *devices) append(ctx context.Context, channels []string, members map[string]places) error {
	kept, err := v.kept(ctx, channels)
	if err != nil {
		return err
	}
	epoch := v.compat.node.Log.Head().Epoch
	var batch []eventlog.Event
	for i, channel := range channels {
		if kept[i].merge(members[channel], epoch) {
			batch = append(batch, eventlog.Event{Channel: channel, Type: placesType, Payload: kept[i].payload(epoch)})
		}
	}
	if len(batch) > 0 {
		_, err = v.compat.node.Log.Append(ctx, batch)
	}
	return err
}

// kept returns the places that are kept on each channel.
func (v *devices) kept(ctx context.Context, channels []string) ([]places, error) {
	log := v.compat.node.Log
	epoch := log.Head().Epoch
	all := make([]places, len(channels))
	var missing []int
	for i, channel := range channels {
		recs := log.Page(channel, 0, placesKept)
		all[i] = make(places)
		for _, r := range recs {
			all[i].merge(parsePlaces(r), epoch)
		}
		if len(recs) == 0 {
			missing = append(missing, i)
		}
	}
	store, ok := log.(node.Deeper)
	if !ok || len(missing) == 0 {
		return all, nil
	}
	names := make([]string, len(missing))
	for k, i := range missing {
		names[k] = channels[i]
	}
	older, err := store.LastOlder(ctx, names)
	if err != nil {
		return nil, err
	}
	for k, i := range missing {
		if older[k] != nil {
			all[i].merge(parsePlaces(older[k]), epoch)
		}
	}
	return all, nil
}

// Last returns the last position of the device's stream, "" for an unknown device.
func (d *device) Last(ctx context.Context) (string, error) {
	v := d.devices
	v.mu.Lock()
	seq, ok := v.due[d.key]
	if !ok {
		seq, ok = v.flushing[d.key]
	}
	v.mu.Unlock()
	if ok {
		d.known = true
		return v.compat.node.IDOf(seq), nil
	}
	kept, err := v.kept(ctx, []string{d.key.channel})
	if err != nil {
		return "", err
	}
	at, ok := kept[0][d.key.id]
	if !ok {
		return "", nil
	}
	d.known = true
	return at.String(), nil
}
