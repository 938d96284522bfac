package roster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// lease is this node's session and its message in the stream. The message's time to live is the lease's duration; a
// renewal replaces it on the condition that it is still there. A session whose time has run out is therefore over for
// good, whatever its node assumes.
type lease struct {
	session string
	seq     uint64    // of the last renewal
	count   uint64    // renewals, the first being 1
	due     time.Time // when the next one is
}

// card is the content of a lease's message.
type card struct {
	Node  string          `json:"node"`
	Since time.Time       `json:"since"`
	Count uint64          `json:"count"`
	Sent  time.Time       `json:"sent"`
	Info  json.RawMessage `json:"info,omitempty"`
}

var errLeaseLost = errors.New("the lease ran out")

// Error codes of a condition that does not hold.
const (
	codeWrongSequence         = 10071
	codeWrongSequenceInFlight = 10164
)

// isWrongSequence reports whether the stream refused a message for its condition.
func isWrongSequence(err error) bool {
	var refused *apiError
	return errors.As(err, &refused) && (refused.ErrCode == codeWrongSequence || refused.ErrCode == codeWrongSequenceInFlight)
}

// keep renews the lease when that is due, and begins a new session if there is none or the old one is over.
func (r *Roster) keep(ctx context.Context) error {
	for range 3 {
		if r.lease.session == "" {
			r.lease = lease{session: newSession()}
			r.introduce(r.lease.session)
		}
		if time.Now().Before(r.lease.due) {
			return nil
		}
		first := r.lease.count == 0
		err := r.post(ctx)
		if isWrongSequence(err) {
			err = r.recall(ctx) // an earlier answer may have been lost
		}
		switch {
		case errors.Is(err, errLeaseLost):
			r.log.Warn("this node's lease ran out; its entries are sent to the others again", "node", r.opts.Node, "session", r.lease.session)
			if err := r.dropNode(ctx, r.lease.session); err != nil {
				return err
			}
			r.reaper.add(r.lease.session, time.Now())
			r.lease = lease{}
		case err != nil:
			return err
		case first && r.lease.count > 0:
			r.own.anew()
		}
	}
	return nil
}

// introduce makes a session this node's present one.
func (r *Roster) introduce(session string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s, since := range r.mine {
		if time.Since(since) > time.Hour {
			delete(r.mine, s)
		}
	}
	r.session = session
	r.mine[session] = time.Now()
}

// post publishes the lease and waits for the stream.
func (r *Roster) post(ctx context.Context) error {
	now := time.Now()
	r.mu.Lock()
	c := card{Node: r.opts.Node, Since: r.mine[r.lease.session], Count: r.lease.count + 1, Sent: now}
	r.mu.Unlock()
	if r.opts.Info != nil {
		if info := r.opts.Info(); json.Valid(info) {
			c.Info = info
		}
	}
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	r.acks.batch++
	m := &nats.Msg{Subject: r.names.lease(r.lease.session), Header: ttl(r.opts.Lease), Data: body}
	m.Header[headerExpected] = []string{strconv.FormatUint(r.lease.seq, 10)}
	m.Reply = r.acks.inbox + "." + strconv.FormatUint(r.acks.batch, 10) + ".0"
	if err := r.sendMsg(m); err != nil {
		return err
	}
	ctx, cancel := r.answer(ctx)
	defer cancel()
	_, seq, err := r.acks.read(ctx)
	if err != nil {
		return fmt.Errorf("the lease: %w", err)
	}
	r.lease.seq, r.lease.count = seq, c.Count
	r.lease.due = now.Add(r.opts.Lease / 3)
	r.mu.Lock()
	r.renewed, r.info = now, c.Info
	r.mu.Unlock()
	return nil
}

// recall finds out how the own lease stands in the stream.
func (r *Roster) recall(ctx context.Context) error {
	seq, c, err := r.leaseOf(ctx, r.lease.session)
	if err != nil {
		return err
	}
	if c == nil {
		return errLeaseLost
	}
	r.lease.seq, r.lease.count = seq, c.Count
	return nil // and still due
}

// leaseOf asks the stream for a session's lease; nil means that it is over.
func (r *Roster) leaseOf(ctx context.Context, session string) (seq uint64, c *card, err error) {
	ctx, cancel := r.during(ctx)
	defer cancel()
	s, err := r.js.Stream(ctx, r.opts.Stream)
	if err != nil {
		return 0, nil, err
	}
	m, err := s.GetLastMsgForSubject(ctx, r.names.lease(session))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return 0, nil, nil
	case err != nil:
		return 0, nil, err
	}
	if c = new(card); json.Unmarshal(m.Data, c) != nil {
		c = nil // ended, or not ours
	}
	return m.Sequence, c, nil
}

// dropNode announces the end of a session of this node.
func (r *Roster) dropNode(ctx context.Context, session string) error {
	ctx, cancel := r.during(ctx)
	defer cancel()
	r.acks.batch++
	m := &nats.Msg{Subject: r.names.lease(session), Header: ttl(markerTTL)}
	m.Reply = r.acks.inbox + "." + strconv.FormatUint(r.acks.batch, 10) + ".0"
	if err := r.sendMsg(m); err != nil {
		return err
	}
	_, _, err := r.acks.read(ctx)
	return err
}

// farewell takes this node off the roster. The publishing goroutine has ended.
func (r *Roster) farewell() {
	if r.lease.session == "" || !r.nc.IsConnected() {
		return
	}
	ctx := context.Background()
	err := r.dropNode(ctx, r.lease.session)
	if err == nil {
		err = r.sweep(ctx, r.lease.session)
	}
	if err != nil {
		r.log.Warn("this node's entries stay on the roster until its lease runs out", "error", err)
	}
}
