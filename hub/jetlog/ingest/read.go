package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/hub/eventlog"
)

// message is a message of the stream.
type message struct {
	jetstream.Msg
	seq     uint64
	pending uint64    // messages behind it
	read    time.Time // by this server
}

// errAgain ends a reading that begins anew: this server is no longer the first, or its messages are so old that another
// server may have appended and purged them.
var errAgain = errors.New("the stream is read again")

// read appends the messages of the stream, from the first on, until ctx ends or this server is no longer the first.
func (i *Ingest) read(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	consumer, err := js.OrderedConsumer(ctx, i.opts.Stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverAllPolicy, InactiveThreshold: 10 * time.Second,
	})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(
		jetstream.PullMaxMessages(batchSize), jetstream.PullExpiry(10*time.Second), jetstream.PullHeartbeat(2*time.Second))
	if err != nil {
		return err
	}
	came, ended := make(chan message, batchSize), make(chan error, 1)
	go func() { ended <- receive(ctx, messages, came) }()
	err = i.carry(ctx, came, ended)
	cancel()
	messages.Stop()
	if err == nil {
		err = <-ended
	}
	return err
}

// receive passes messages on until ctx ends.
func receive(ctx context.Context, messages jetstream.MessagesContext, came chan<- message) error {
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		about, err := m.Metadata()
		if err != nil {
			return err
		}
		select {
		case came <- message{m, about.Sequence.Stream, about.NumPending, time.Now()}:
		case <-ctx.Done():
			return nil
		}
	}
}

// carry appends messages as they come, and purges them. It returns nil when this server is no longer the first.
func (i *Ingest) carry(ctx context.Context, came <-chan message, ended chan error) (err error) {
	var appended, purged uint64 // sequence numbers
	ticker := time.NewTicker(i.pace.purge)
	defer ticker.Stop()
	defer func() {
		if appended > purged { // also at the end: another server then does not begin with it
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.pace.again)
			defer cancel()
			_ = i.stream.Purge(last, jetstream.WithPurgeSequence(appended+1))
		}
	}()
	for i.first() {
		select {
		case m := <-came:
			batch := gather(m, came)
			if err := i.append(ctx, batch); err != nil {
				return err
			}
			appended = batch[len(batch)-1].seq
			i.waiting.Store(batch[len(batch)-1].pending)
		case <-ticker.C:
			if appended == purged {
				continue
			}
			if err := i.stream.Purge(ctx, jetstream.WithPurgeSequence(appended+1)); err != nil {
				return err
			}
			purged = appended
		case err := <-ended:
			ended <- nil // read has it
			return err
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// gather returns m and the messages that have come behind it.
func gather(m message, came <-chan message) []message {
	batch := []message{m}
	for len(batch) < batchSize {
		select {
		case m := <-came:
			batch = append(batch, m)
		default:
			return batch
		}
	}
	return batch
}

// append appends the events of messages. An append that fails for a passing reason is tried again until the messages are
// stale.
func (i *Ingest) append(ctx context.Context, batch []message) error {
	events := make([]eventlog.Event, 0, len(batch))
	for _, m := range batch {
		ev, err := eventOf(m.Subject(), m.Headers(), m.Data(), keyOf(m.Headers(), i.life, m.seq), i.opts.MaxPayload)
		if err != nil {
			i.refuse(m.Subject(), m.seq, err)
			continue
		}
		events = append(events, ev)
	}
	return i.appendAll(ctx, events, batch)
}

// appendAll appends events, one by one if they are refused together.
func (i *Ingest) appendAll(ctx context.Context, events []eventlog.Event, batch []message) error {
	for len(events) > 0 {
		if time.Since(batch[0].read) > i.pace.stale || !i.first() {
			return errAgain
		}
		results, err := i.opts.Append(ctx, events)
		switch {
		case err == nil:
			for _, r := range results {
				if r.Duplicate {
					i.duplicates.Add(1)
				} else {
					i.published.Add(1)
				}
			}
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !lasting(err):
			if n, due := i.due(&i.failure); due {
				i.opts.Log.Warn("messages of NATS can't be published; trying again",
					"stream", i.opts.Stream, "error", err, "failed", n)
			}
			sleep(ctx, i.pace.again)
		case len(events) == 1:
			i.refuse(events[0].Channel, batch[len(batch)-1].seq, err)
			return nil
		default:
			for n := range events {
				if err := i.appendAll(ctx, events[n:n+1], batch); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return nil
}

// lasting reports whether an append fails again, however often it is tried.
func lasting(err error) bool {
	var ended *eventlog.EndedError
	return errors.As(err, &ended) || errors.Is(err, eventlog.ErrTooLarge) || errors.Is(err, eventlog.ErrTooMany)
}

// refuse counts and logs a message that can't be an event.
func (i *Ingest) refuse(subject string, seq uint64, why error) {
	i.refused.Add(1)
	if n, due := i.due(&i.refusal); due {
		i.opts.Log.Warn("a message of NATS can't be an event; it is dropped",
			"subject", subject, "number", seq, "reason", why, "dropped", n)
	}
}
