package eventlog

import (
	"fmt"
	"time"
)

// EndedError is returned by an append to a channel whose last event says that it is the last. Nothing was appended.
type EndedError struct {
	Index   int // of the event that was to be appended
	Channel string
}

func (e *EndedError) Error() string {
	return fmt.Sprintf("the channel %q has ended", e.Channel)
}

// Ends keeps the ends that the events of one append bring, for those behind them in it. The zero value is an append without any.
type Ends map[string]bool

// Check returns an [EndedError] if the event follows the end of its channel. ended reports whether a channel has ended
// in the log.
func (e *Ends) Check(i int, ev *Event, ended func(channel string) bool) error {
	if (*e)[ev.Channel] || ended(ev.Channel) {
		return &EndedError{i, ev.Channel}
	}
	if ev.End {
		if *e == nil {
			*e = make(Ends)
		}
		(*e)[ev.Channel] = true
	}
	return nil
}

// endedEarlier returns an EndedError if one of the events to be appended follows the end of its channel. Called with
// the log's lock.
func (m *Memory) endedEarlier(events []Event, at time.Duration) error {
	any := m.HasEnds()
	for i := 0; i < len(events) && !any; i++ {
		any = events[i].End
	}
	if !any {
		return nil
	}
	var ends Ends
	seen := make(map[keyHash]bool)
	for i := range events {
		ev := &events[i]
		if ev.Key != "" {
			key := m.keyOf(ev)
			if _, known := m.keys.find(key, at); known || seen[key] {
				continue
			}
			seen[key] = true
		}
		if err := ends.Check(i, ev, m.endedLocked); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) endedLocked(channel string) bool {
	h := m.channels[channel]
	return h != nil && h.newest().End()
}

// HasEnds implements [Log].
func (m *Memory) HasEnds() bool { return m.ends.Load() > 0 }

// Ended implements [Log].
func (m *Memory) Ended(channels []string, through uint64) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, name := range channels {
		if !m.endedLocked(name) || m.channels[name].newest().Seq > through {
			return false
		}
	}
	return len(channels) > 0
}
