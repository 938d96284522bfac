package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Letter is a message that an endpoint did not take: a dead letter.
type Letter struct {
	Seq    uint64          `json:"seq"`
	ID     string          `json:"id"`
	Made   time.Time       `json:"made"`
	Buried time.Time       `json:"buried"`
	Events int             `json:"events"`
	Reason string          `json:"reason"`
	Body   json.RawMessage `json:"body"`
}

// MaxLetters bounds the dead letters of an endpoint; the oldest go first.
const MaxLetters = 1000

func lettersOf(id string) string { return "dead." + id + "." }

func letterName(id string, seq uint64) string { return fmt.Sprintf("%s%020d", lettersOf(id), seq) }

// bury makes a batch a dead letter, and moves the cursor.
func (s *sender) bury(ctx context.Context, seq uint64, b *batch, a *Attempt) error {
	s.mu.Lock()
	why := s.status.LastErr
	s.mu.Unlock()
	data, err := json.Marshal(Letter{seq, a.ID, b.Made, time.Now(), a.Events, why, a.Body})
	if err != nil {
		return err
	}
	for {
		_, err = s.h.store.Put(ctx, letterName(s.id, seq), data, 0)
		if err == nil || ctx.Err() != nil {
			break
		}
		if v, again := s.h.store.Get(ctx, letterName(s.id, seq)); again == nil && v.Rev > 0 {
			break // by the server that had the cursor before
		}
		if err := s.wait(ctx, time.After(s.h.pace.store), nil); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.after = seq
	s.count(func(st *Status) { st.Buried++ })
	s.h.log.Error("webhooks: a message was given up; it is among the dead letters", "endpoint", s.shown(), "id", a.ID, "reason", why)
	if err := s.prune(ctx); err != nil {
		s.h.log.Debug("webhooks: old dead letters can't be dropped", "error", err)
	}
	return s.moved(ctx)
}

// prune drops the oldest dead letters beyond the limit.
func (s *sender) prune(ctx context.Context) error {
	keys, err := s.h.store.Keys(ctx, lettersOf(s.id))
	for i := 0; err == nil && i < len(keys)-MaxLetters; i++ {
		err = s.h.store.Delete(ctx, keys[i])
	}
	s.count(func(st *Status) { st.Dead = min(len(keys), MaxLetters) })
	return err
}

// countDead finds out how many dead letters there are.
func (s *sender) countDead(ctx context.Context) error {
	keys, err := s.h.store.Keys(ctx, lettersOf(s.id))
	s.count(func(st *Status) { st.Dead = len(keys) })
	return err
}

// Letters returns the newest n dead letters of an endpoint, the newest first.
func (h *Hooks) Letters(ctx context.Context, id string, n int) ([]Letter, error) {
	keys, err := h.store.Keys(ctx, lettersOf(id))
	if err != nil {
		return nil, err
	}
	var list []Letter
	for i := len(keys) - 1; i >= 0 && len(list) < n; i-- {
		v, err := h.store.Get(ctx, keys[i])
		if err != nil {
			return nil, err
		}
		var l Letter
		if v.Rev > 0 && json.Unmarshal(v.Data, &l) == nil {
			list = append(list, l)
		}
	}
	return list, nil
}

// Revive sends a dead letter again, and removes it if the endpoint accepts it. It reports whether there is such a
// letter.
func (h *Hooks) Revive(ctx context.Context, id string, seq uint64) (Answer, bool, error) {
	s := h.find(id)
	v, err := h.store.Get(ctx, letterName(id, seq))
	var l Letter
	if s == nil || err != nil || v.Rev == 0 || json.Unmarshal(v.Data, &l) != nil {
		return Answer{}, false, err
	}
	a := s.extra(ctx, l.ID, l.Body, l.Seq, l.Events)
	if !a.OK() {
		return a, true, nil
	}
	err = h.store.Delete(ctx, letterName(id, seq))
	if err == nil {
		err = s.countDead(ctx)
	}
	return a, true, err
}
