package admin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/web/node"
)

// auditKind is the kind of question for a server's audit log.
const auditKind = "audit"

// mostAudited is how many of each server's newest entries the page of a cluster has. The download has all of one server.
const mostAudited = 500

// auditQuestion asks for the newest entries that contain a text.
type auditQuestion struct {
	Text string `json:"text"`
	Most int    `json:"most"`
}

// sharedEntry is an entry as another server sees it.
type sharedEntry struct {
	AuditEntry
	At time.Time `json:"at"`
}

type auditAnswer struct {
	Entries []sharedEntry `json:"entries"`
	Total   int           `json:"total"`
}

// answerAudit answers auditQuestions.
func (a *Admin) answerAudit(q auditQuestion) (any, bool) {
	list, total := a.audit.list(q.Text, 0, min(q.Most, mostAudited))
	answer := auditAnswer{Total: total}
	size := 0
	for _, e := range list {
		if size += len(e.User) + len(e.Addr) + len(e.Action) + len(e.Target) + len(e.Detail) + 160; size > answerBytes {
			break
		}
		answer.Entries = append(answer.Entries, sharedEntry{e, e.At})
	}
	return answer, true
}

// answerBytes is about how long an answer with foreign texts may be.
const answerBytes = 256 << 10

// auditEntry is an entry with its server.
type auditEntry struct {
	AuditEntry
	server string
}

// key is the id of the entry's row.
func (e *auditEntry) key(own string) string {
	if e.server == own {
		return fmt.Sprintf("deed-%d", e.Seq)
	}
	return fmt.Sprintf("deed-%s-%d", keyOf(e.server), e.Seq)
}

// auditPages has the entries of all servers for an open page.
type auditPages struct {
	admin *Admin
	other *lookup[auditAnswer]
}

func (a *Admin) newAuditPages() *auditPages {
	return &auditPages{a, &lookup[auditAnswer]{node: a.node, kind: auditKind, every: 2 * time.Second}}
}

// list returns a page of the entries that contain text, newest first, and how many there are. In a cluster these are the
// newest mostAudited of each server.
func (p *auditPages) list(text string, skip, n int) (page []auditEntry, total int) {
	most := auditLen + anonymousLen
	if p.admin.node.Cluster != nil {
		most = mostAudited
	}
	own, total := p.admin.audit.list(text, 0, min(skip+n, most))
	total = min(total, most)
	for _, e := range own {
		page = append(page, auditEntry{e, p.admin.node.Name()})
	}
	for _, answer := range p.other.ask(auditQuestion{text, min(skip+n, most)}) {
		total += min(answer.Value.Total, most)
		for _, e := range answer.Value.Entries {
			e.AuditEntry.At = e.At
			page = append(page, auditEntry{e.AuditEntry, answer.Node})
		}
	}
	slices.SortStableFunc(page, func(x, y auditEntry) int { return y.At.Compare(x.At) })
	return page[min(skip, len(page)):min(skip+n, len(page))], total
}

// silentServers returns the names of the servers that have not answered lately.
func silentServers[A any](n *node.Node, answers []node.Answer[A]) (names []string) {
	for _, other := range n.Others() {
		if !slices.ContainsFunc(answers, func(a node.Answer[A]) bool { return a.Session == other.Session }) {
			names = append(names, other.Name)
		}
	}
	return names
}

// missing says whose part a list lacks; "" if all servers have answered.
func missing(what string, silent []string) string {
	if len(silent) == 0 {
		return ""
	}
	return what + strings.Join(silent, ", ") + ", which has not answered."
}
