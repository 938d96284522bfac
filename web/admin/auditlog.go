package admin

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/web/reply"
)

// How many entries the audit log keeps: of logged-in users, and of others, whose entries could otherwise displace the
// former.
const (
	auditLen     = 10_000
	anonymousLen = 1000
)

// AuditEntry is one action, or refused action, in the admin UI.
type AuditEntry struct {
	Seq    uint64    `json:"seq"` // counts entries from 1
	At     time.Time `json:"-"`
	User   string    `json:"user"`
	Addr   string    `json:"remoteAddr"`
	Action string    `json:"action"` // "client.block"
	Target string    `json:"target"` // clientId, connectionId, channel; may be empty
	Result string    `json:"result"` // "ok", "refused" (not allowed) or "failed" (could not be done)
	Detail string    `json:"detail"`

	anonymous bool // by a request without a login
}

// auditLog remembers the newest deeds. The zero value is ready.
type auditLog struct {
	keeper *keeper // nil without a file

	mu        sync.Mutex
	seq       uint64
	known     auditRing
	anonymous auditRing
}

// auditRing keeps the newest entries, up to its capacity.
type auditRing struct {
	ring []AuditEntry
	next int // the next entry's index, once the ring is full
}

func (r *auditRing) add(d AuditEntry, most int) {
	if len(r.ring) < most {
		r.ring = append(r.ring, d)
		return
	}
	r.ring[r.next] = d
	r.next = (r.next + 1) % most
}

// at returns the i-th newest.
func (r *auditRing) at(i int) *AuditEntry {
	return &r.ring[(r.next-1-i+2*len(r.ring))%len(r.ring)]
}

func (r *auditRing) oldestFirst() []AuditEntry {
	return slices.Concat(r.ring[r.next:], r.ring[:r.next])
}

// cut cuts the texts to the length of a line, and copies them, because they may be parts of a whole form.
func (d *AuditEntry) cut() {
	for text, most := range map[*string]int{&d.User: 64, &d.Target: 512, &d.Detail: 512} {
		*text = strings.Clone(reply.Short(*text, most))
	}
}

// add adds an entry, which is cut.
func (a *auditLog) add(d AuditEntry) {
	d.At = time.Now()
	d.cut()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seq++
	d.Seq = a.seq
	if d.anonymous {
		a.anonymous.add(d, anonymousLen)
	} else {
		a.known.add(d, auditLen)
	}
	a.keeper.note()
}

// auditHistory is the audit log as it is stored.
type auditHistory struct {
	Seq              uint64
	Known, Anonymous []AuditEntry // oldest first
}

func (a *auditLog) history() auditHistory {
	a.mu.Lock()
	defer a.mu.Unlock()
	return auditHistory{a.seq, a.known.oldestFirst(), a.anonymous.oldestFirst()}
}

// recall fills an empty log with what an earlier process had.
func (a *auditLog) recall(h auditHistory) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seq = h.Seq
	for i := range h.Known {
		a.known.add(h.Known[i], auditLen)
	}
	for i := range h.Anonymous {
		a.anonymous.add(h.Anonymous[i], anonymousLen)
	}
}

// list returns the entries that contain text, in any case, newest first: n of them after skip, and their total.
func (a *auditLog) list(text string, skip, n int) (page []AuditEntry, total int) {
	text = strings.ToLower(text)
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, j := 0, 0; i < len(a.known.ring) || j < len(a.anonymous.ring); {
		var d *AuditEntry
		if j == len(a.anonymous.ring) || i < len(a.known.ring) && a.known.at(i).Seq > a.anonymous.at(j).Seq {
			d = a.known.at(i)
			i++
		} else {
			d = a.anonymous.at(j)
			j++
		}
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

func (d *AuditEntry) mentions(text string) bool {
	for _, s := range []string{d.User, d.Addr, d.Action, d.Target, d.Result, d.Detail} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	return false
}

// write writes all deeds as JSON lines, oldest first.
func (a *auditLog) write(w io.Writer) error {
	all, _ := a.list("", 0, auditLen+anonymousLen)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := len(all) - 1; i >= 0; i-- {
		err := enc.Encode(struct {
			Timestamp string `json:"timestamp"`
			AuditEntry
		}{eventlog.Stamp(all[i].At), all[i]})
		if err != nil {
			return err
		}
	}
	return nil
}
