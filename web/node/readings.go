package node

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"time"

	"rollcall/web/privatefile"
)

// The file of readings is its first line, a checksum of the rest, and a storedReadings as gob. Another version's file has
// another first line.
const (
	readingsLine = "rollcall readings 1\n"
	mostReadings = 8 << 20 // bytes; the names of channels may be long
)

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
	switch old, err := readReadings(path); {
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
		if err := writeReadings(path, m.toStore()); err != nil {
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

func readReadings(path string) (s storedReadings, err error) {
	text, err := privatefile.Read(path, mostReadings)
	if err != nil {
		return s, err
	}
	text, ok := bytes.CutPrefix(text, []byte(readingsLine))
	if !ok || len(text) < crc32.Size {
		return s, errors.New("it is not one of this version")
	}
	if sum := crc32.ChecksumIEEE(text[crc32.Size:]); sum != binary.BigEndian.Uint32(text) {
		return s, errors.New("its checksum is wrong")
	}
	if err := gob.NewDecoder(bytes.NewReader(text[crc32.Size:])).Decode(&s); err != nil {
		return storedReadings{}, fmt.Errorf("it cannot be decoded: %w", err)
	}
	return s, nil
}

func writeReadings(path string, s storedReadings) error {
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(s); err != nil {
		return err
	}
	text := binary.BigEndian.AppendUint32([]byte(readingsLine), crc32.ChecksumIEEE(body.Bytes()))
	return privatefile.Replace(path, append(text, body.Bytes()...))
}
