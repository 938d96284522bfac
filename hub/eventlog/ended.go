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

// CheckEnds returns an [EndedError] if one of the events to be appended follows the end of its channel, in the log or among these
// events. An event whose key was used, in the log or by an earlier one of these, is not stored again and follows nothing. any says
// whether a channel of the log may have ended; if not, ended is not called. An error of ended is returned as it is.
func CheckEnds(events []Event, any bool, known func(*Event) bool, ended func(channel string) (bool, error)) error {
	inLog := any
	for i := 0; i < len(events) && !any; i++ {
		any = events[i].End
	}
	if !any {
		return nil
	}
	type key struct{ channel, key string }
	ends, seen := make(map[string]bool), make(map[key]bool)
	for i := range events {
		ev := &events[i]
		if ev.Key != "" {
			k := key{ev.Channel, ev.Key}
			if seen[k] || known(ev) {
				continue
			}
			seen[k] = true
		}
		has := ends[ev.Channel]
		if !has && inLog {
			var err error
			if has, err = ended(ev.Channel); err != nil {
				return err
			}
		}
		if has {
			return &EndedError{i, ev.Channel}
		}
		if ev.End {
			ends[ev.Channel] = true
		}
	}
	return nil
}

// endedEarlier returns an EndedError if one of the events to be appended follows the end of its channel. Called with
// the log's lock.
func (m *Memory) endedEarlier(events []Event, at time.Duration) error {
	return CheckEnds(events, m.HasEnds(), func(ev *Event) bool {
		_, known := m.keys.find(m.keyOf(ev), at)
		return known
	}, func(channel string) (bool, error) { return m.endedLocked(channel), nil })
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
