package admin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/templates"
	"rollcall/web/gate"
	"rollcall/web/reply"
)

const refusedPath = Path + "/refused"

// attemptsKind is the kind of question for the requests that a server refused.
const attemptsKind = "attempts"

// mostAttempts is how many of each other server's newest refused requests the page has.
const mostAttempts = 100

// attemptsQuestion asks for the newest refused requests that contain a text.
type attemptsQuestion struct {
	Text string `json:"text"`
}

type attemptsAnswer struct {
	Attempts []gate.Attempt `json:"attempts"`
	Total    int            `json:"total"`
}

// answerAttempts answers attemptsQuestions.
func (a *Admin) answerAttempts(q attemptsQuestion) (any, bool) {
	list, total := a.gate.Attempts.List(q.Text, mostAttempts)
	return attemptsAnswer{list, min(total, mostAttempts)}, true
}

// refusedPage paints /admin/refused.
func (a *Admin) refusedPage(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "audit"
	search := strings.TrimSpace(v.query.Get("q"))
	page, _ := strconv.Atoi(v.query.Get("page"))
	size := pageSize(v.query)
	others := &lookup[attemptsAnswer]{node: a.node, kind: attemptsKind, every: 2 * time.Second}
	return func() renderedPage {
		view := templates.RefusedView{AdminFrame: v.frame, Query: search, Clustered: a.node.Cluster != nil}
		own, _ := a.gate.Attempts.List(search, gate.AttemptsKept)
		for i := range own {
			view.Rows = append(view.Rows, refusedRow(&own[i], a.node.Name()))
		}
		answers := others.ask(attemptsQuestion{search})
		for _, answer := range answers {
			for i := range answer.Value.Attempts {
				view.Rows = append(view.Rows, refusedRow(&answer.Value.Attempts[i], answer.Node))
			}
		}
		view.Silent = missing("Not in the list: the requests to ", silentServers(a.node, answers))
		slices.SortStableFunc(view.Rows, func(x, y templates.RefusedRow) int { return y.Last.Compare(x.Last) })
		total := len(view.Rows)
		page := min(max(page, 1), lastPage(total, size))
		view.Rows = view.Rows[(page-1)*size : min(page*size, total)]
		view.Pager = pager(v.query, refusedPath, page, size, total, len(view.Rows))
		return renderedPage{body: templates.Refused(view), parts: view.Fragments()}
	}, nil
}

func refusedRow(at *gate.Attempt, server string) templates.RefusedRow {
	row := templates.RefusedRow{
		Key: fmt.Sprintf("refused-%s-%d", keyOf(server), at.Seq), Server: server, First: at.First, Last: at.Last, Count: grouped(at.Count), Repeated: at.Count > 1,
		Address: at.Addr, Request: at.Method + " " + at.Path, Identity: at.Identity, Status: strconv.Itoa(at.Status), Code: at.Code,
		Reason: at.Reason, Token: at.Token.Claims, Tone: "warn",
	}
	if at.Token.Claims != "" {
		row.Header = strings.TrimSuffix(at.Token.Algorithm+" · "+at.Token.KeyID, " · ")
	}
	return row
}
