package templates

import "time"

func sampleAlarms() AlarmsView {
	return AlarmsView{
		AdminFrame: sampleFrame("alarms", "/admin/alarms"), Clustered: true, Silent: "Not in the lists: the alarms of east-3, which has not answered.",
		Active: []AlarmRow{
			{Key: "alarm-1", ID: "s1 7", Kind: "full", Title: "Nearly full", Text: "19,000 of 19,744 streams. At the limit, new streams are asked to come back later.", Tone: "bad", Server: "east-1", Href: "/admin/nodes", Action: "Servers", Raised: ago(12 * time.Minute)},
			{Key: "alarm-2", ID: "s1 6", Kind: "stalled", Title: "3 not reading", Text: "These connections take no data now.", Tone: "warn", Server: "east-1", Href: "/admin/clients?sort=-behind", Action: "Furthest behind", Raised: ago(time.Hour), Quiet: true},
			{Key: "alarm-3", ID: "s2 1", Kind: "open", Title: "Open mode", Text: "No credentials are configured.", Tone: "warn", Server: "east-2", Href: "/admin/server", Action: "Server", Raised: ago(50 * time.Hour), AwayUntil: ago(-41 * time.Minute), AwayBy: "ann"},
		},
		Past: []AlarmRow{
			{Key: "alarm-4", Kind: "draining", Title: "Draining", Text: "An operator drains this server.", Tone: "neutral", Server: "east-2", Raised: ago(3 * time.Hour), Cleared: ago(170 * time.Minute), Lasted: "10 min 4 s"},
		},
		Pager: Pager{Text: "1–1 of 1"}, Kept: "The newest 1,000 of this server and 200 of each other, since their start.",
	}
}
