package admin

import (
	"strings"
	"time"

	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

const slowPath = Path + "/slow"

// troubleKind is the kind of question for the clients that were slow or flapped.
const troubleKind = "trouble"

// slowEvery is how often an open page looks through the journals.
const slowEvery = 5 * time.Second

// slowSpans are the times to choose from, the first one first.
var slowSpans = []struct {
	name, label string
	span        time.Duration
}{{"", "1 h", time.Hour}, {"24h", "24 h", 24 * time.Hour}}

type troubleQuestion struct {
	Span time.Duration `json:"span"` // until now
}

type troubleAnswer struct {
	Since   time.Time  `json:"since"` // what was before is forgotten
	Clients []troubled `json:"clients"`
}

// answerTrouble answers troubleQuestions. A client may flap over several servers, so one with few short streams is told,
// too.
func (a *Admin) answerTrouble(q troubleQuestion) (any, bool) {
	own := a.ownTrouble(q.Span)
	told := make(map[string]bool)
	answer, size := troubleAnswer{Since: own.Since}, 0
	for _, list := range [][]troubled{slowest(own.Clients), flapping(own.Clients, 1)} {
		for i := range list {
			if t := &list[i]; !told[t.ClientID] {
				if size += len(t.ClientID) + 160 + 16*len(t.Short); size > answerBytes {
					return answer, true
				}
				told[t.ClientID], answer.Clients = true, append(answer.Clients, *t)
			}
		}
	}
	return answer, true
}

// ownTrouble is what this server remembers.
func (a *Admin) ownTrouble(span time.Duration) troubleAnswer {
	from, all := time.Now().Add(-span), newTroubles()
	a.node.Journal.Each(func(h *node.JournalEntry) bool {
		if !h.At.Before(from) {
			all.add(h)
		}
		return true
	})
	return troubleAnswer{a.node.Journal.Since(a.node.Started), all.list()}
}

// slowPage paints /admin/slow.
func (a *Admin) slowPage(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "clients"
	span := slowSpans[0]
	for _, s := range slowSpans {
		if s.name == v.query.Get("range") {
			span = s
		}
	}
	view := templates.SlowView{AdminFrame: v.frame, Span: span.label}
	for _, s := range slowSpans {
		href := v.query.with(slowPath, "range", s.name)
		view.Ranges = append(view.Ranges, templates.RangeLink{Label: s.label, Href: href, Current: s == span})
	}
	others := &lookup[troubleAnswer]{node: a.node, kind: troubleKind, every: slowEvery}
	var at time.Time
	return func() renderedPage {
		if time.Since(at) >= slowEvery {
			at = time.Now()
			a.fillSlow(&view, span.span, others)
		}
		return renderedPage{body: templates.Slow(view), parts: view.Fragments()}
	}, nil
}

func (a *Admin) fillSlow(view *templates.SlowView, span time.Duration, others *lookup[troubleAnswer]) {
	begin := time.Now().Add(-span)
	all := newTroubles()
	var short []string
	add := func(server string, answer *troubleAnswer) {
		all.merge(answer.Clients)
		if answer.Since.After(begin) {
			short = append(short, answer.Since.UTC().Format("2 Jan 15:04:05")+" UTC by "+server)
		}
	}
	own := a.ownTrouble(span)
	add(a.node.Name(), &own)
	answers := others.ask(troubleQuestion{span})
	for i := range answers {
		add(answers[i].Node, &answers[i].Value)
	}
	view.Silent = missing("Not in the lists: what happened to connections of ", silentServers(a.node, answers))
	view.Since = ""
	if len(short) > 0 {
		view.Since = "What happened to connections is remembered since " + strings.Join(short, ", ") + "."
	}
	list := all.list()
	view.Slow, view.Flapping = nil, nil
	slow, flap := slowest(list), flapping(list, flapLeast)
	for i := range slow {
		t := &slow[i]
		view.Slow = append(view.Slow, templates.SlowRow{
			Key: "slow-" + keyOf(t.ClientID), ClientID: t.ClientID, Name: a.nameOf(t.ClientID), Href: adminLink("clients", t.ClientID),
			Ended: grouped(t.Counts["slow"]), Gaps: grouped(t.Counts["gap"]), Behind: grouped(t.Counts["behind"]), Last: t.Last,
		})
	}
	for i := range flap {
		t := &flap[i]
		view.Flapping = append(view.Flapping, templates.FlapRow{
			Key: "flap-" + keyOf(t.ClientID), ClientID: t.ClientID, Name: a.nameOf(t.ClientID), Href: adminLink("clients", t.ClientID),
			Peak: grouped(t.peak()), Short: grouped(t.short()), Opened: grouped(t.Opened), Last: t.LastShort,
		})
	}
}

// nameOf returns the name in the info of a client that is online; otherwise "".
func (a *Admin) nameOf(clientID string) string {
	c, _, _ := a.node.Registry.Client(clientID)
	name, _ := described(c.Info)
	return name
}
