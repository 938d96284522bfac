package jetlog

import (
	"context"

	"rollcall/hub/eventlog"
)

// Match returns the channels of the patterns that have events in the stream. It asks for the names of all channels, for these are
// not readable by the stream. Else what is said of Older holds.
func (l *Log) Match(ctx context.Context, patterns eventlog.Patterns) ([]string, error) {
	leave, err := l.startRead(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	info, err := l.link.subjects(ctx, l.opts.Stream)
	if err != nil {
		return nil, err
	}
	var names []string
	for subject := range info.State.Subjects {
		_, channel, purge, err := l.life.read(subject)
		if err == nil && !purge && patterns.Matches(channel) {
			names = append(names, channel)
		}
	}
	return names, nil
}
