package privatefile

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// Record is a file of one value: its first line, a checksum of the rest, and the value as gob. Another version's file
// has another first line.
type Record[T any] struct {
	Path string
	Line string // the first line, without its end
	Most int64  // bytes that the file may have
}

// Load returns the stored value. The error of a file that does not exist is fs.ErrNotExist. Load removes what a crash
// has left of earlier files, so nobody may store meanwhile.
func (r Record[T]) Load() (value T, err error) {
	dir := filepath.Dir(r.Path)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if left, _ := filepath.Match(temporary(r.Path), e.Name()); left {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	text, err := Read(r.Path, r.Most)
	if err != nil {
		return value, err
	}
	text, ok := bytes.CutPrefix(text, []byte(r.Line+"\n"))
	if !ok || len(text) < crc32.Size {
		return value, errors.New("it is not one of this version")
	}
	if sum := crc32.ChecksumIEEE(text[crc32.Size:]); sum != binary.BigEndian.Uint32(text) {
		return value, errors.New("its checksum is wrong")
	}
	if err := gob.NewDecoder(bytes.NewReader(text[crc32.Size:])).Decode(&value); err != nil {
		return *new(T), fmt.Errorf("it cannot be decoded: %w", err)
	}
	return value, nil
}

// Store replaces the file.
func (r Record[T]) Store(value T) error {
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(value); err != nil {
		return err
	}
	text := binary.BigEndian.AppendUint32([]byte(r.Line+"\n"), crc32.ChecksumIEEE(body.Bytes()))
	text = append(text, body.Bytes()...)
	if int64(len(text)) > r.Most {
		return fmt.Errorf("it would have %d bytes; allowed are up to %d", len(text), r.Most)
	}
	return Replace(r.Path, text)
}
