package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"rollcall/hub/outbox"
)

// cursor is an endpoint's stored position.
type cursor struct {
	After  uint64 `json:"after"`  // the last entry that it has, or that was given up
	Holder string `json:"holder"` // the sending server; "" for none
}

func cursorName(id string) string { return "cursor." + id }

// errLost is why a sender stops: another server sends to the endpoint.
var errLost = errors.New("another server sends to this endpoint")

// begin stores a cursor at the end of the entries, if there is none yet: a new endpoint receives only later events.
func (s *sender) begin(ctx context.Context) error {
	v, err := s.h.store.Get(ctx, cursorName(s.id))
	if err != nil || v.Rev > 0 {
		return err
	}
	head, err := s.h.store.Head(ctx)
	if err != nil {
		return err
	}
	data, _ := json.Marshal(cursor{After: head}) // a number and a text
	_, err = s.h.store.Put(ctx, cursorName(s.id), data, 0)
	if errors.Is(err, outbox.ErrConflict) {
		return nil // another server was first
	}
	return err
}

// hold waits until this server has the cursor: it is free, or was not renewed. It fails with ctx.
func (s *sender) hold(ctx context.Context) error {
	var rev uint64
	var since time.Time // when this revision was first seen
	for {
		v, err := s.h.store.Get(ctx, cursorName(s.id))
		var c cursor
		if err == nil && v.Rev > 0 {
			err = json.Unmarshal(v.Data, &c)
		}
		switch {
		case err != nil:
			s.h.log.Debug("webhooks: the cursor can't be read; trying again", "endpoint", s.shown(), "error", err)
		case s.h.store.Shared() && c.Holder != "" && c.Holder != s.h.self && v.Rev != rev:
			rev, since = v.Rev, time.Now()
		case s.h.store.Shared() && c.Holder != "" && c.Holder != s.h.self && time.Since(since) < s.h.pace.lease:
		default:
			s.after, s.rev = c.After, v.Rev
			if err := s.renew(ctx, s.h.self); err == nil {
				return nil
			}
		}
		s.setHeld(false)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.h.pace.renew):
		}
	}
}

// renew stores the cursor. Errors: errLost; those of the store.
func (s *sender) renew(ctx context.Context, holder string) error {
	data, _ := json.Marshal(cursor{s.after, holder})
	ctx, cancel := context.WithTimeout(ctx, 5*s.h.pace.store)
	defer cancel()
	rev, err := s.h.store.Put(ctx, cursorName(s.id), data, s.rev)
	if errors.Is(err, outbox.ErrConflict) {
		// Perhaps it is this server's own: the answer to the last attempt was lost.
		var c cursor
		v, again := s.h.store.Get(ctx, cursorName(s.id))
		if again != nil {
			return again
		}
		if json.Unmarshal(v.Data, &c) != nil || c.Holder != s.h.self {
			return errLost
		}
		rev, err = s.h.store.Put(ctx, cursorName(s.id), data, v.Rev)
	}
	if err != nil {
		return err
	}
	s.rev, s.renewed = rev, time.Now()
	s.setHeld(holder == s.h.self)
	return nil
}
