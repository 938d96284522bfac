package auth

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// BackendStats count questions since the start.
type BackendStats struct {
	Admitted   uint64 // answers with 200
	Refused    uint64 // answers with 401 or 403
	Failed     uint64 // questions without a valid answer
	Busy       uint64 // requests over the rate, not asked
	Remembered uint64 // requests with a remembered answer, not asked
	Held       int    // bytes of remembered answers
	Failing    bool   // the last question failed
	Took       time.Duration
	Within     [len(AnswerTimes)]uint64 // questions that took at most each bound
}

// AnswerTimes are the bounds of [BackendStats].Within.
var AnswerTimes = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
}

// Asked is the number of questions.
func (s *BackendStats) Asked() uint64 { return s.Admitted + s.Refused + s.Failed }

// MaxRemembered bounds the remembered answers, in bytes.
const MaxRemembered = rememberedBytes

// askStats counts questions.
type askStats struct {
	busy, remembered atomic.Uint64

	mu     sync.Mutex
	counts BackendStats
	warned time.Time // time of the last log line
	told   uint64    // failures by then
}

// record counts a question.
func (s *askStats) record(a *answer, err error, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.counts.Failed++
	case errors.Is(a.err, ErrLogin), errors.Is(a.err, ErrNotAllowed):
		s.counts.Refused++
	default:
		s.counts.Admitted++
	}
	s.counts.Failing = err != nil
	s.counts.Took += took
	for i, bound := range AnswerTimes {
		if took <= bound {
			s.counts.Within[i]++
		}
	}
}

// warning reports whether a failure is due for the log, and the number of failures since the last line.
func (s *askStats) warning(now time.Time) (n uint64, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.warned.IsZero() && now.Sub(s.warned) < warnEvery {
		return 0, false
	}
	n = s.counts.Failed - s.told
	s.warned, s.told = now, s.counts.Failed
	return n, true
}

// Stats returns the counts. It may be called on nil.
func (b *Backend) Stats() (s BackendStats) {
	if b == nil {
		return s
	}
	b.stats.mu.Lock()
	s = b.stats.counts
	b.stats.mu.Unlock()
	s.Busy, s.Remembered, s.Held = b.stats.busy.Load(), b.stats.remembered.Load(), b.answers.held()
	return s
}
