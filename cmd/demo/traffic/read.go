package traffic

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"
	"time"
)

// read reads a stream to its end and keeps the position and the retry time.
func (t *tab) read(body io.Reader) error {
	r := bufio.NewReaderSize(body, 512)
	id := t.position
	for within := false; ; {
		line, err := r.ReadSlice('\n')
		begins := !within
		within = err == bufio.ErrBufferFull
		if err != nil && !within {
			return err
		}
		if !begins {
			continue
		}
		field, value, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), ": ")
		switch field {
		case "":
			t.position = id
		case "id":
			id = value
		case "retry":
			if ms, err := strconv.Atoi(value); err == nil {
				t.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

// slowReader reads a little at a time, and now and then nothing for some seconds.
type slowReader struct {
	ctx    context.Context
	r      io.Reader
	chance chance
}

func (s *slowReader) Read(p []byte) (int, error) {
	wait := 20 * time.Millisecond
	if s.chance.oneIn(800) {
		wait = s.chance.between(3*time.Second, 11*time.Second) // near the end of a server's patience
	}
	if !pause(s.ctx, wait) {
		return 0, s.ctx.Err()
	}
	return s.r.Read(p)
}
