package roster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// mostAtOnce is how many messages are dealt with before changes are handed on.
const mostAtOnce = 1024

// loadTimeout is how long the table may take to come from the stream.
const loadTimeout = time.Minute

var errAgain = errors.New("reading the table again")

// follow keeps the view up to date until the roster ends, however often the connection
// or the consumer does.
func (r *Roster) follow() {
	pause := time.Duration(0)
	for r.ctx.Err() == nil {
		if !r.nc.IsConnected() {
			r.pause(20 * time.Millisecond)
			continue
		}
		began := time.Now()
		err := r.consume()
		if r.ctx.Err() != nil {
			return
		}
		r.log.Debug("the roster's consumer ended", "reason", err)
		r.setDegraded(err.Error())
		if time.Since(began) > 10*time.Second {
			pause = 0
		}
		pause = min(2*pause+20*time.Millisecond, time.Second)
		r.pause(pause)
	}
}

// consume reads the whole table, compares it with the view, and follows the stream
// until that fails.
func (r *Roster) consume() error {
	info, err := r.ensure(r.ctx)
	if err != nil {
		return err
	}
	inbox := r.nc.NewInbox()
	sub, err := r.nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	defer context.AfterFunc(r.ctx, func() { _ = sub.Unsubscribe() })()
	if err := sub.SetPendingLimits(-1, -1); err != nil { // the consumer's flow control is the limit
		return err
	}
	reconnects := r.nc.Stats().Reconnects
	name, err := r.consumer(inbox)
	if err != nil {
		return err
	}
	defer r.unconsume(name)
	r.view.load(info)
	signal(r.renew) // its echo proves that everything before it has arrived
	began, last, heard := time.Now(), time.Now(), time.Now()
	for expect := uint64(1); ; {
		m, err := sub.NextMsg(r.beat / 2)
		for n := 1; err == nil; n++ {
			heard = time.Now()
			if err = r.accept(m, &expect); err != nil || n == mostAtOnce {
				break
			}
			if waiting, _, _ := sub.Pending(); waiting == 0 {
				break
			}
			m, err = sub.NextMsg(r.beat / 2)
		}
		now := time.Now()
		switch {
		case err != nil && !errors.Is(err, nats.ErrTimeout):
			return err
		case r.ctx.Err() != nil:
			return r.ctx.Err()
		case !r.nc.IsConnected() || r.nc.Stats().Reconnects != reconnects:
			return errors.New("the connection was lost")
		case now.Sub(heard) > r.silence():
			return fmt.Errorf("nothing arrived for %v", r.silence())
		case now.Sub(last) > r.opts.Lease/2: // the waiting message may be old
			return fmt.Errorf("%w: this node stood still for %v", errAgain, now.Sub(last).Round(time.Millisecond))
		case r.view.loading && now.Sub(began) > loadTimeout:
			return fmt.Errorf("the table did not arrive within %v", loadTimeout)
		}
		last = now
		switch late := now.Sub(r.began) - time.Duration(r.caught.Load()); {
		case r.view.loading:
		case late > markerTTL/2: // it may miss deletions
			return fmt.Errorf("%w: this node is slower than the stream", errAgain)
		case late < min(r.silence(), r.opts.Lease/2):
			r.view.expire(now)
		}
		if !r.hand() {
			r.setDegraded("the changes are not accepted")
			select {
			case <-r.out.room:
			case <-r.ctx.Done():
			}
			r.setDegraded("")
		}
	}
}

// hand gives the changes to their reader and reports whether there is room for more.
func (r *Roster) hand() bool {
	if len(r.view.changes) == 0 && !r.view.first {
		return true
	}
	room := r.out.put(r.view.changes, r.view.first)
	clear(r.view.changes)
	r.view.changes, r.view.first = r.view.changes[:0], false
	if cap(r.view.changes) > 4*mostAtOnce {
		r.view.changes = nil
	}
	return room
}

// consumer makes a consumer that begins with the last message of each subject.
func (r *Roster) consumer(inbox string) (name string, err error) {
	ctx, cancel := r.during(r.ctx)
	defer cancel()
	c, err := r.js.CreatePushConsumer(ctx, r.opts.Stream, jetstream.ConsumerConfig{
		Description:       "the view of node " + strconv.Quote(r.opts.Node),
		DeliverSubject:    inbox,
		DeliverPolicy:     jetstream.DeliverLastPerSubjectPolicy,
		FilterSubject:     r.names.all(),
		AckPolicy:         jetstream.AckNonePolicy,
		MaxDeliver:        1,
		FlowControl:       true,
		IdleHeartbeat:     r.beat,
		InactiveThreshold: 5 * time.Second,
		MemoryStorage:     true,
		Replicas:          1,
	})
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return c.CachedInfo().Name, nil
}

// unconsume deletes the consumer if the connection works; otherwise it expires.
func (r *Roster) unconsume(name string) {
	if r.nc.IsConnected() {
		ctx, cancel := r.during(context.Background())
		defer cancel()
		_ = r.js.DeleteConsumer(ctx, r.opts.Stream, name)
	}
}

// accept deals with one message.
func (r *Roster) accept(m *nats.Msg, expect *uint64) error {
	if len(m.Data) == 0 && len(m.Header) > 0 && m.Header.Get("Status") == "100" {
		return r.control(m, *expect)
	}
	meta, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("a message without a position in the stream: %w", err)
	}
	if meta.Sequence.Consumer != *expect {
		return fmt.Errorf("message %d of the consumer arrived, %d was expected", meta.Sequence.Consumer, *expect)
	}
	*expect++
	if err := r.view.apply(m, meta); err != nil {
		return err
	}
	if meta.NumPending == 0 {
		r.upToDate()
	}
	return nil
}

// upToDate notes that there is nothing in the stream that the view does not have.
func (r *Roster) upToDate() {
	if !r.view.loading {
		r.caught.Store(int64(time.Since(r.began)))
	}
}

// control answers the consumer's flow control and reads its heartbeat.
func (r *Roster) control(m *nats.Msg, expect uint64) error {
	if m.Reply != "" {
		return r.nc.Publish(m.Reply, nil)
	}
	if stalled := m.Header.Get("Nats-Consumer-Stalled"); stalled != "" {
		return r.nc.Publish(stalled, nil)
	}
	if last := m.Header.Get("Nats-Last-Consumer"); last != strconv.FormatUint(expect-1, 10) {
		return fmt.Errorf("the consumer is at message %s, %d was expected", last, expect)
	}
	r.upToDate()
	return nil
}
