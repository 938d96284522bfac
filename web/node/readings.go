package node

import (
	"errors"
	"io/fs"
	"time"

	"rollcall/web/privatefile"
)

// mostReadings is how many bytes the file of readings may have. The names of channels may be long.
const mostReadings = 8 << 20

func readingsFile(path string) privatefile.Record[storedReadings] {
	return privatefile.Record[storedReadings]{Path: path, Line: "rollcall readings 1", Most: mostReadings}
}

// readingsEvery is how often the readings are stored. A crash loses at most as much.
const readingsEvery = 5 * time.Minute

// storedReadings are what is kept over a restart.
type storedReadings struct {
	Minutes, Tens []Reading
	Marks         []Mark
}

// keep loads the readings of an earlier process, and stores all from time to time and at the end. It has a goroutine of its
// own, so that a slow disk delays nothing else.
func (m *Meter) keep(path string) {
	defer close(m.kept)
	file := readingsFile(path)
	switch old, err := file.Load(); {
	case err == nil:
		m.restore(old)
	case !errors.Is(err, fs.ErrNotExist):
		m.node.opts.Log.Warn("the charts begin anew: the file of readings cannot be used", "file", path, "error", err)
	}
	ticker := time.NewTicker(readingsEvery)
	defer ticker.Stop()
	for going := true; going; {
		select {
		case <-ticker.C:
		case <-m.quit:
			going = false
		}
		if err := file.Store(m.toStore()); err != nil {
			m.node.opts.Log.Warn("the readings for the charts could not be stored", "file", path, "error", err)
		}
	}
}

// restore puts the readings of an earlier process before those of this one.
func (m *Meter) restore(old storedReadings) {
	m.Marks.prepend(old.Marks)
	m.mu.Lock()
	defer m.mu.Unlock()
	for p, list := range map[Pace][]Reading{Minutes: old.Minutes, Tens: old.Tens} {
		r := ring{step: p.Step(), most: p.Kept()}
		for _, x := range append(list, m.rings[p].list...) {
			x.At = x.At.Truncate(r.step)
			r.add(x)
		}
		m.rings[p] = r
	}
}

func (m *Meter) toStore() storedReadings {
	s := storedReadings{Marks: m.Marks.all()}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Minutes = append(s.Minutes, m.rings[Minutes].list...)
	s.Tens = append(s.Tens, m.rings[Tens].list...)
	return s
}
