package roster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// batchSize is how many messages are on their way at once.
const batchSize = 512

// valueByte is in front of every value, so that an empty message is always a deletion.
const valueByte = 1

// Headers of JetStream.
const (
	headerTTL      = "Nats-TTL"
	headerExpected = "Nats-Expected-Last-Subject-Sequence"
)

// acks receives the stream's acknowledgements.
type acks struct {
	inbox string
	sub   *nats.Subscription
	batch uint64
}

// ack is the stream's answer to a publication.
type ack struct {
	Seq   uint64    `json:"seq"`
	Error *apiError `json:"error"`
}

type apiError struct {
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return e.Description }

func (a *acks) open(nc *nats.Conn) (err error) {
	if a.sub != nil {
		return nil
	}
	a.inbox = nc.NewInbox()
	if a.sub, err = nc.SubscribeSync(a.inbox + ".*.*"); err == nil {
		err = a.sub.SetPendingLimits(-1, -1) // never more than were sent
	}
	return err
}

func (a *acks) close() {
	if a.sub != nil {
		_ = a.sub.Unsubscribe()
	}
}

// read returns the answer to message i of the present batch, waiting until ctx ends.
func (a *acks) read(ctx context.Context) (i int, seq uint64, err error) {
	for {
		m, err := a.sub.NextMsgWithContext(ctx)
		if err != nil {
			return 0, 0, err
		}
		batch, index, _ := strings.Cut(m.Subject[len(a.inbox)+1:], ".")
		if batch != strconv.FormatUint(a.batch, 10) {
			continue
		}
		if i, err = strconv.Atoi(index); err != nil || i < 0 {
			continue
		}
		if len(m.Data) == 0 && m.Header.Get("Status") != "" {
			return i, 0, errNoStream
		}
		var answer ack
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return i, 0, err
		}
		if answer.Error != nil {
			return i, 0, answer.Error
		}
		return i, answer.Seq, nil
	}
}

var errNoStream = errors.New("the stream can't be reached")

// publish sends queued items and renews the lease until the roster ends.
func (r *Roster) publish() {
	var batch []sending
	wait := time.NewTimer(0)
	defer wait.Stop()
	pause := time.Duration(0)
	for r.ctx.Err() == nil {
		select {
		case <-r.renew:
			r.lease.due = time.Time{}
		default:
		}
		err := r.keep(r.ctx)
		if err == nil {
			clear(batch)
			if batch = r.own.nextBatch(batchSize, batch[:0]); len(batch) > 0 {
				err = r.send(batch)
			}
		}
		r.fails(err)
		if err != nil {
			if r.ctx.Err() == nil && r.nc.IsConnected() {
				r.log.Debug("the roster could not be updated", "error", err)
			}
			pause = min(2*pause+10*time.Millisecond, 500*time.Millisecond)
			r.pause(pause)
			continue
		}
		if pause = 0; len(batch) > 0 {
			continue
		}
		wait.Reset(time.Until(r.lease.due))
		select {
		case <-wait.C:
		case <-r.own.wake:
		case <-r.renew:
			signal(r.renew) // seen above
		case <-r.ctx.Done():
		}
	}
}

// fails notes whether publishing works.
func (r *Roster) fails(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.failing, r.failure = time.Time{}, ""
	case r.failing.IsZero():
		r.failing = time.Now()
		fallthrough
	default:
		r.failure = err.Error()
	}
}

// send publishes a batch and waits for its acknowledgements. Unacknowledged messages will be sent again.
func (r *Roster) send(batch []sending) (err error) {
	r.acks.batch++
	reply := r.acks.inbox + "." + strconv.FormatUint(r.acks.batch, 10) + "."
	seqs := make([]uint64, len(batch))
	sent := 0
	for i := range batch {
		m := r.message(&batch[i])
		m.Reply = reply + strconv.Itoa(i)
		if err = r.sendMsg(m); err != nil {
			break
		}
		sent++
	}
	ctx, cancel := r.answer(r.ctx)
	defer cancel()
	for range sent {
		i, seq, e := r.acks.read(ctx)
		if e != nil && ctx.Err() != nil {
			err = errors.Join(err, fmt.Errorf("no answer: %w", e))
			break
		}
		switch {
		case i >= len(batch): // not ours
		case e != nil && batch[i].fill && isWrongSequence(e):
			seqs[i] = 1 // another node has written it
		case e != nil:
			err = e
		default:
			seqs[i] = seq
		}
	}
	for i := range batch {
		r.own.acked(batch[i].key, seqs[i])
	}
	return err
}

// sendMsg publishes m. It fails while disconnected, because the client would only buffer m.
func (r *Roster) sendMsg(m *nats.Msg) error {
	if !r.nc.IsConnected() {
		return fmt.Errorf("%w: there is no connection to NATS", ErrUnavailable)
	}
	return r.nc.PublishMsg(m)
}

func (r *Roster) message(s *sending) *nats.Msg {
	m := &nats.Msg{Subject: r.names.shared(s.id)}
	if !s.shared {
		m.Subject = r.names.entry(r.lease.session, s.id)
	}
	switch {
	case s.gone:
		m.Header = ttl(markerTTL)
		return m
	case s.shared:
		// The header is in whole seconds; the body is exact.
		left := max(time.Until(s.until), time.Second)
		m.Header = ttl(left)
		if s.fill {
			m.Header[headerExpected] = []string{"0"}
		}
		m.Data = strconv.AppendInt(m.Data, left.Milliseconds(), 10)
		m.Data = append(m.Data, ' ')
	}
	m.Data = append(append(m.Data, valueByte), s.value...)
	return m
}

// ttl returns a header with a message's time to live, in whole seconds.
func ttl(d time.Duration) nats.Header {
	return nats.Header{headerTTL: {strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)}}
}
