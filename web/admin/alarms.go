package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/alarms"
	"rollcall/web/node"
	"rollcall/web/reply"
)

const alarmsPath = Path + "/alarms"

const (
	alarmsEvery  = 2 * time.Second // between two observations
	alarmsSeldom = 10 * time.Second
	alarmsShare  = 50 // the pause is this many times the duration of the last observation, within these bounds
	awayFor      = time.Hour
)

// alarmsKind is the kind of question for a server's alarms, awayKind of that which puts one away.
const (
	alarmsKind = "alarms"
	awayKind   = "alarm-away"
)

// mostCleared is how many cleared alarms of each other server the page has.
const mostCleared = 200

type alarmsAnswer struct {
	Active []alarms.Alarm `json:"active"`
	Past   []alarms.Alarm `json:"past"`
}

type awayQuestion struct {
	Seq   uint64    `json:"seq"`
	Until time.Time `json:"until"`
	By    string    `json:"by"`
}

type awayAnswer struct {
	Alarm alarms.Alarm `json:"alarm"`
	OK    bool         `json:"ok"`
}

// watchAlarms observes the server until it ends.
func (a *Admin) watchAlarms() {
	pause := time.NewTimer(alarmsEvery)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
			begun := time.Now()
			a.observeAlarms(begun)
			pause.Reset(min(max(alarmsEvery, alarmsShare*time.Since(begun)), alarmsSeldom))
		case <-a.quit:
			return
		}
	}
}

// observeAlarms raises and clears alarms by what is wrong now, and reports those.
func (a *Admin) observeAlarms(now time.Time) {
	raised, cleared := a.Alarms.Observe(now, a.conditions())
	if len(raised)+len(cleared) > 0 {
		a.alarmKeeper.note()
	}
	tell := func(up bool, one *alarms.Alarm, at time.Time) {
		if a.opts.Hooks != nil {
			a.opts.Hooks.Alarm(up, one.Kind, a.node.Name(), one.Title+". "+one.Text, at)
		}
	}
	for i := range raised {
		tell(true, &raised[i], now)
		a.opts.Log.Info("an alarm was raised", "alarm", raised[i].Kind, "title", raised[i].Title)
	}
	for i := range cleared {
		tell(false, &cleared[i], cleared[i].Cleared)
		a.opts.Log.Info("an alarm was cleared", "alarm", cleared[i].Kind, "title", cleared[i].Title,
			"lasted", cleared[i].Cleared.Sub(cleared[i].Raised).Round(time.Second).String())
	}
}

// pressing counts the alarms of all servers that an operator should look at.
func (a *Admin) pressing() int {
	n := a.Alarms.Pressing(time.Now())
	for _, other := range a.node.Others() {
		n += infoOf(other).Alarms
	}
	return n
}

// ownAlarms is what other servers see of this server's alarms.
func (a *Admin) ownAlarms() (answer alarmsAnswer) {
	answer.Active, answer.Past = a.Alarms.List(mostCleared)
	return answer
}

// serverAlarm is an alarm with its server.
type serverAlarm struct {
	alarms.Alarm
	server  string
	session string // "" for this server
}

// allAlarms returns the alarms of this server and of those that answered, newest first, of each server at most so many
// cleared ones, and the names of the other servers.
func (a *Admin) allAlarms(most int) (active, past []serverAlarm, silent []string) {
	add := func(server, session string, answer alarmsAnswer) {
		for _, one := range answer.Active {
			active = append(active, serverAlarm{one, server, session})
		}
		for _, one := range answer.Past[:min(len(answer.Past), most)] {
			past = append(past, serverAlarm{one, server, session})
		}
	}
	var own alarmsAnswer
	own.Active, own.Past = a.Alarms.List(most)
	add(a.node.Name(), "", own)
	answers := a.alarmed.ask(struct{}{})
	for _, answer := range answers {
		add(answer.Node, answer.Session, answer.Value)
	}
	slices.SortStableFunc(active, func(x, y serverAlarm) int { return y.Raised.Compare(x.Raised) })
	slices.SortStableFunc(past, func(x, y serverAlarm) int { return y.Cleared.Compare(x.Cleared) })
	return active, past, silentServers(a.node, answers)
}

// warnings returns the alarms of all servers that an operator should look at, the worst first. Those that several
// servers have alike are one.
func (a *Admin) warnings() (list []templates.Warning) {
	now := time.Now()
	active, _, silent := a.allAlarms(0)
	slices.SortStableFunc(active, func(x, y serverAlarm) int {
		return cmp.Or(boolOrder(y.Bad, x.Bad), cmp.Compare(slices.Index(alarms.Kinds, x.Kind), slices.Index(alarms.Kinds, y.Kind)))
	})
	named := func(servers []string) string {
		if a.node.Cluster == nil {
			return ""
		}
		return " on " + strings.Join(servers, ", ")
	}
	for len(active) > 0 {
		one, servers := active[0], []string(nil)
		active = slices.DeleteFunc(active, func(other serverAlarm) bool {
			alike := other.Condition == one.Condition
			if alike && other.Pressing(now) {
				servers = append(servers, other.server)
			}
			return alike
		})
		if len(servers) > 0 {
			list = append(list, templates.Warning{
				Key: one.Kind + one.session, Tone: toneOf(&one.Alarm), Title: one.Title + named(servers), Text: one.Text,
				Href: one.Href, Action: one.Action, Since: one.Raised,
			})
		}
	}
	for _, name := range silent {
		list = append(list, templates.Warning{
			Key: "silent-" + keyOf(name), Tone: "warn", Title: "No answer from " + name,
			Text: "Its alarms are unknown, its figures are not in the sums, and those of its connections are shown as " + unknown + ".",
			Href: serversPath, Action: "Servers",
		})
	}
	return list
}

func toneOf(a *alarms.Alarm) string {
	if a.Bad {
		return "bad"
	}
	return "warn"
}

// alarmsPage paints /admin/alarms.
func (a *Admin) alarmsPage(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "alarms"
	page, _ := strconv.Atoi(v.query.Get("page"))
	size := pageSize(v.query)
	return func() renderedPage {
		now := time.Now()
		active, past, silent := a.allAlarms(alarms.Kept)
		page := min(max(page, 1), lastPage(len(past), size))
		shown := past[(page-1)*size : min(page*size, len(past))]
		view := templates.AlarmsView{
			AdminFrame: v.frame, Clustered: a.node.Cluster != nil, Pager: pager(v.query, alarmsPath, page, size, len(past), len(shown)),
			Kept: a.alarmsScope(),
		}
		view.Silent = missing("Not in the lists: the alarms of ", silent)
		for i := range active {
			view.Active = append(view.Active, alarmRow(&active[i], now))
		}
		for i := range shown {
			view.Past = append(view.Past, alarmRow(&shown[i], now))
		}
		return renderedPage{body: templates.Alarms(view), parts: view.Fragments()}
	}, nil
}

// alarmsScope says which cleared alarms the page has.
func (a *Admin) alarmsScope() string {
	text := "The newest " + grouped(alarms.Kept)
	if a.node.Cluster != nil {
		text += " of this server and " + grouped(mostCleared) + " of each other"
	}
	if a.opts.AlarmBook != "" {
		return text + ", also from before a restart."
	}
	return text + ", since the start of the server."
}

func alarmRow(s *serverAlarm, now time.Time) templates.AlarmRow {
	row := templates.AlarmRow{
		Key: fmt.Sprintf("alarm-%s-%d", keyOf(s.server+s.session), s.Seq), ID: s.session + " " + strconv.FormatUint(s.Seq, 10),
		Kind: s.Kind, Title: s.Title, Text: s.Text, Tone: toneOf(&s.Alarm), Server: s.server, Href: s.Href, Action: s.Action,
		Raised: s.Raised, Cleared: s.Cleared,
	}
	switch {
	case !s.Active():
		row.Tone, row.Lasted = "neutral", durationText(s.Cleared.Sub(s.Raised))
	case s.Away(now):
		row.AwayUntil, row.AwayBy = s.AwayUntil, s.AwayBy
	case !s.Quiet.IsZero():
		row.Quiet = true
	}
	return row
}

// answerAway answers awayQuestions.
func (a *Admin) answerAway(q awayQuestion) (any, bool) {
	alarm, ok := a.Alarms.PutAway(q.Seq, q.Until, q.By)
	a.alarmKeeper.note()
	return awayAnswer{alarm, ok}, true
}

// putAway answers POST /admin/alarms/away.
func (a *Admin) putAway(c *gin.Context) {
	session, number, _ := strings.Cut(c.PostForm("alarm"), " ")
	seq, _ := strconv.ParseUint(number, 10, 64) // 0 is no alarm
	q := awayQuestion{seq, time.Now().Add(awayFor), sessionOf(c).User}
	server, found := a.node.Name(), awayAnswer{}
	if session == "" {
		answer, _ := a.answerAway(q)
		found = answer.(awayAnswer)
	} else {
		for _, answer := range node.Ask[awayAnswer](c.Request.Context(), a.node, session, awayKind, q) {
			server, found = answer.Node, answer.Value
		}
	}
	if !found.OK {
		a.failed(c, "alarm.away", reply.Short(c.PostForm("alarm"), 64), alarmsPath, "There is no such active alarm any more, or its server does not answer.")
		return
	}
	detail := found.Alarm.Title + " on " + server + ", for " + durationText(awayFor)
	a.done(c, "alarm.away", found.Alarm.Kind, detail, alarmsPath, "Put away for "+durationText(awayFor)+": "+found.Alarm.Title+".")
}
