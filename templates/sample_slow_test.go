package templates

import "time"

func sampleSlow() SlowView {
	return SlowView{
		AdminFrame: sampleFrame("clients", "/admin/slow"), Span: "24 h",
		Ranges: []RangeLink{{Label: "1 h", Href: "/admin/slow"}, {Label: "24 h", Href: "/admin/slow?range=24h", Current: true}},
		Slow: []SlowRow{
			{Key: "slow-1", ClientID: "user:42", Name: "Aisha Banerjee", Href: "/admin/clients/user:42", Ended: "12", Gaps: "3", Behind: "41", Last: ago(time.Minute)},
			{Key: "slow-2", ClientID: "anonymous-8c1d2e", Href: "/admin/clients/x", Ended: "0", Gaps: "1", Behind: "0", Last: ago(3 * time.Hour)},
		},
		Flapping: []FlapRow{
			{Key: "flap-1", ClientID: "kiosk-7", Href: "/admin/clients/kiosk-7", Peak: "58", Short: "1,204", Opened: "1,207", Last: ago(2 * time.Second)},
		},
		Since:  "What happened to connections is remembered since 22 Nov 03:10:00 UTC by east-1.",
		Silent: "Not in the lists: what happened to connections of east-3, which has not answered.",
	}
}
