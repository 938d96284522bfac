package web

import (
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"rollcall/hub/eventlog"
)

// auditLen is how many entries the audit log keeps.
const auditLen = 10_000

// deed is something that somebody did or tried to do in the admin UI.
type deed struct {
	Seq    uint64    `json:"seq"` // counts deeds from 1
	At     time.Time `json:"-"`
	User   string    `json:"user"`
	Addr   string    `json:"remoteAddr"`
	Action string    `json:"action"` // "client.block"
	Target string    `json:"target"` // clientId, connectionId, channel; may be empty
	Result string    `json:"result"` // "ok", "refused" (not allowed) or "failed" (could not be done)
	Detail string    `json:"detail"`
}

// auditLog remembers the newest deeds. The zero value is ready.
type auditLog struct {
	mu   sync.Mutex
	ring []deed
	seq  uint64
}

// note adds a deed; its texts are cut to what a line should hold.
func (a *auditLog) note(d deed) {
	d.At = time.Now()
	d.User, d.Target, d.Detail = short(d.User, 64), short(d.Target, 512), short(d.Detail, 512)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seq++
	d.Seq = a.seq
	if len(a.ring) < auditLen {
		a.ring = append(a.ring, d)
	} else {
		a.ring[(d.Seq-1)%auditLen] = d
	}
}

// short returns s, or as many of its bytes as make whole characters within n.
func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// list returns the deeds in which text occurs, whatever the case, newest first: n
// of them after skip, and how many there are.
func (a *auditLog) list(text string, skip, n int) (page []deed, total int) {
	text = strings.ToLower(text)
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range uint64(len(a.ring)) {
		d := &a.ring[(a.seq-1-i)%auditLen]
		if text != "" && !d.mentions(text) {
			continue
		}
		if total >= skip && len(page) < n {
			page = append(page, *d)
		}
		total++
	}
	return page, total
}

func (d *deed) mentions(text string) bool {
	for _, s := range []string{d.User, d.Addr, d.Action, d.Target, d.Result, d.Detail} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	return false
}

// write writes all deeds as JSON lines, oldest first.
func (a *auditLog) write(w io.Writer) error {
	all, _ := a.list("", 0, auditLen)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := len(all) - 1; i >= 0; i-- {
		err := enc.Encode(struct {
			Timestamp string `json:"timestamp"`
			deed
		}{eventlog.Stamp(all[i].At), all[i]})
		if err != nil {
			return err
		}
	}
	return nil
}
