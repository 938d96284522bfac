package admin

import (
	"rollcall/hub/eventlog"
	"rollcall/templates"
)

// eventPanel returns an event, opened.
func (a *Admin) eventPanel(v *pageRequest, r *eventlog.Record, epoch string) *templates.EventPanel {
	p := &templates.EventPanel{
		EventRow: recordRow(r, epoch), Body: r.Payload(), Tree: jsonTree(r.Payload()), Size: sized(len(r.Payload())),
		Client: eventlog.ClientOf(r.Channel()), Except: r.Except(), End: r.End(), BaseURL: v.base,
	}
	if v.session.Role.CanAct() && p.Client == "" {
		p.Again = query{}.with(adminLink("channels", r.Channel()), "again", p.ID) + "#publish-form"
	}
	return p
}

// formAgain returns the form that publishes an event of a channel again, empty if the event is not kept.
func (a *Admin) formAgain(channel, id string) templates.PublishForm {
	at, err := eventlog.ParsePosition(id)
	if err != nil || at.Epoch != a.node.Log.Head().Epoch {
		return templates.PublishForm{}
	}
	r := a.recordAt(channel, at.Seq)
	if r == nil {
		return templates.PublishForm{}
	}
	return templates.PublishForm{Mode: "one", Type: r.Type(), Payload: indented(r.Payload())}
}
