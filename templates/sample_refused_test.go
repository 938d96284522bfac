package templates

import "time"

func sampleRefused() RefusedView {
	return RefusedView{
		AdminFrame: sampleFrame("audit", "/admin/refused"), Clustered: true, Silent: "Not in the list: the requests to east-3, which has not answered.",
		Rows: []RefusedRow{
			{Key: "refused-1", First: ago(time.Hour), Last: ago(time.Second), Count: "1,204", Repeated: true, Address: "203.0.113.7", Server: "east-1", Request: "GET /subscribe", Status: "401", Code: "unauthorized", Reason: "The credentials are refused: the credential has expired.", Tone: "warn", Header: "HS256", Token: `{"sub":"ann","exp":1763740800,"channels":{"subscribe":["news"]}}`},
			{Key: "refused-2", First: ago(time.Minute), Last: ago(time.Minute), Count: "1", Address: "2001:db8::1", Server: "east-2", Request: "POST /publish", Identity: "key:billing", Status: "403", Code: "forbidden", Reason: `Publishing to "orders" is not allowed with these credentials.`, Tone: "warn"},
		},
		Pager: Pager{Text: "1–2 of 2"},
	}
}

func sampleVerdict(problem string) *Verdict {
	v := &Verdict{Problem: problem, Algorithm: "RS256", KeyID: "2026-11", Claims: "{\n  \"sub\": \"ann\"\n}"}
	if problem == "" {
		v.Kind, v.Name, v.ClientID, v.Info, v.Expires, v.Admin, v.NoChannels = "token", "ann", "ann", `{"name":"Ann"}`, ago(-time.Hour), true, true
		v.Allowed = []Allowed{{"Subscribe", "news,room.>"}, {"Publish", ""}}
	}
	return v
}
