package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// How the places of devices are kept.
const (
	devicesEvery  = 3 * time.Second // those of open streams that were given something
	devicesBatch  = 256             // places in one append
	devicesWait   = 5 * time.Second // for the log to take them
	devicesQueued = 100_000         // places that wait while the log takes none; more are not kept
)

// devices keeps how far each device of a member has come, so that one that comes back
// without its last id gets what it missed. A place is kept in the log itself, as the
// one event of a channel of the server's own: for as long as events are, and on every
// server that shares the log. One goroutine appends.
type devices struct {
	server *Server
	wake   chan struct{} // capacity one
	quit   chan struct{}
	done   chan struct{}
	once   sync.Once

	mu   sync.Mutex // held for book-keeping alone
	open map[*device]struct{}
	due  map[string]uint64 // places to keep, by the devices' channels
	// flushing are those that are being appended; never changed.
	flushing map[string]uint64
}

// device is the stream of a member's device. It implements [place].
type device struct {
	devices *devices
	channel string // where its place is kept

	// Guarded by devices.mu.
	conn   *hub.Conn // nil before begin
	over   bool      // it has ended
	events uint64    // that it was given when its place was last kept
}

// of returns the device of a member. Its channel's name is a hash: the ids may be
// too long for one, and have any characters.
func (v *devices) of(member, id string) *device {
	sum := sha256.Sum256([]byte(member + "\x00" + id)) // neither has a NUL
	return &device{devices: v, channel: devicePrefix + base64.RawURLEncoding.EncodeToString(sum[:])}
}

func newDevices(s *Server) *devices {
	v := &devices{
		server: s, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		open: make(map[*device]struct{}), due: make(map[string]uint64),
	}
	go v.run()
	return v
}

// close keeps what is left to be kept. No stream may begin or end any more.
func (v *devices) close() {
	v.once.Do(func() { close(v.quit) })
	<-v.done
}

// Began keeps where the stream began.
func (d *device) Began(conn *hub.Conn) {
	v := d.devices
	v.mu.Lock()
	open := !d.over
	if open {
		d.conn = conn
		v.open[d] = struct{}{}
	}
	v.mu.Unlock()
	if open {
		v.ask(d)
	}
}

// Ended keeps where the stream ended.
func (d *device) Ended(conn *hub.Conn) {
	v := d.devices
	v.mu.Lock()
	defer v.mu.Unlock()
	d.over = true
	delete(v.open, d)
	v.put(d, conn.Position().Seq)
}

// put has a place kept. v.mu is held.
func (v *devices) put(d *device, seq uint64) {
	if was, ok := v.due[d.channel]; !ok && len(v.due) >= devicesQueued || ok && was > seq {
		return
	}
	v.due[d.channel] = seq
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

func (v *devices) run() {
	defer close(v.done)
	ticker := time.NewTicker(devicesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			v.look()
			v.flush()
		case <-v.wake:
			v.flush()
		case <-v.quit:
			v.flush()
			return
		}
	}
}

// look has the places kept of those that were given something since.
func (v *devices) look() {
	v.mu.Lock()
	var moved []*device
	for d := range v.open {
		if events, _ := d.conn.Sent(); events != d.events {
			moved = append(moved, d)
		}
	}
	v.mu.Unlock()
	for _, d := range moved {
		v.ask(d)
	}
}

// ask has the place of an open stream kept. v.mu is not held: the answer takes it, and may
// come at once.
func (v *devices) ask(d *device) {
	d.conn.Reached(func(at eventlog.Position) {
		v.mu.Lock()
		defer v.mu.Unlock()
		d.events, _ = d.conn.Sent()
		v.put(d, at.Seq)
	})
}

// flush appends the places that are due, those further on than what is kept. Where the
// log takes none they wait for the next time.
func (v *devices) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), devicesWait)
	defer cancel()
	v.mu.Lock()
	due := v.due
	v.due, v.flushing = make(map[string]uint64), maps.Clone(due)
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		v.flushing = nil // the log has them, or due again
		v.mu.Unlock()
	}()
	log := v.server.log
	batch := make([]eventlog.Event, 0, min(len(due), devicesBatch))
	for channel, seq := range due {
		_, last := log.Last([]string{channel})
		if kept, ok := v.server.resumes(placeOf(last[0])); ok && kept.Seq >= seq {
			delete(due, channel) // as another stream of the device has told
			continue
		}
		at := eventlog.Position{Epoch: log.Head().Epoch, Seq: seq}
		batch = append(batch, eventlog.Event{Channel: channel, Type: "place", Payload: eventlog.AppendString(nil, at.String())})
		if len(batch) < devicesBatch {
			continue
		}
		if !v.append(ctx, due, batch) {
			return
		}
		batch = batch[:0]
	}
	if len(batch) > 0 {
		v.append(ctx, due, batch)
	}
}

// append appends a batch and takes it off due; where it can't, what is left of due is
// put back.
func (v *devices) append(ctx context.Context, due map[string]uint64, batch []eventlog.Event) bool {
	_, err := v.server.log.Append(ctx, batch)
	if err == nil {
		for i := range batch {
			delete(due, batch[i].Channel)
		}
		return true
	}
	if !errors.Is(err, eventlog.ErrClosed) {
		v.server.opts.Log.Warn("the places of devices are not kept yet", "devices", len(due), "error", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for channel, seq := range due {
		if v.due[channel] < seq {
			v.due[channel] = seq
		}
	}
	return false
}

// placeOf returns the position that a device's newest record holds; "" for nil.
func placeOf(r *eventlog.Record) string {
	if r == nil {
		return ""
	}
	return strings.Trim(string(r.Payload()), `"`) // a position has no character that is escaped
}

// Last returns where the device's stream stood; "" for one that was never seen.
func (d *device) Last(ctx context.Context) (string, error) {
	v := d.devices
	v.mu.Lock()
	seq, ok := v.due[d.channel]
	if !ok {
		seq, ok = v.flushing[d.channel]
	}
	v.mu.Unlock()
	if ok {
		return v.server.idOf(seq), nil
	}
	_, last, err := v.server.newest(ctx, d.channel)
	return placeOf(last), err
}
