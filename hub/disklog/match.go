package disklog

import (
	"context"
	"strings"

	"rollcall/hub/eventlog"
)

// Match returns the channels of the patterns that have events on the disk, whether these are kept or not. Else what is said of
// Older holds.
func (l *Log) Match(ctx context.Context, patterns eventlog.Patterns) (names []string, err error) {
	err = l.read(ctx, func(v *view) (err error) {
		for _, p := range patterns {
			if names, err = v.match(ctx, names, p); err != nil {
				return err
			}
		}
		return nil
	})
	return names, err
}

// match adds the channels of a pattern to names. Entries are in the order of the names' lengths, and then of the names; it goes
// from one name to the next.
func (v *view) match(ctx context.Context, names []string, p eventlog.Pattern) ([]string, error) {
	prefix := p.Prefix()
	for size := max(len(prefix), 1); size <= eventlog.MaxChannel; {
		if err := ctx.Err(); err != nil {
			return names, err
		}
		v.entries.SeekGE(append([]byte{kindEntry, byte(size)}, prefix...))
		for v.entries.Valid() {
			key := v.entries.Key()
			if int(key[1]) != size || !strings.HasPrefix(string(key[2:]), prefix) {
				break
			}
			name := string(key[2 : len(key)-8])
			if p.Matches(name) {
				names = append(names, name)
			}
			v.entries.SeekGE(append(entryKey(nil, name, ^uint64(0)), 0))
		}
		if err := v.entries.Error(); err != nil {
			return names, ignoreDamage(err)
		}
		if !v.entries.Valid() {
			break
		}
		size = max(size+1, int(v.entries.Key()[1]))
	}
	return names, nil
}
