package templates

import "testing"

func sampleDocs() DocsView {
	text := func(s string) DocsText { return DocsText{{Text: s}} }
	name := DocsText{{Text: "ChannelName", Href: "#schema-ChannelName"}}
	return DocsView{
		Version: "v1.2.3", BaseURL: "https://rollcall.example", Title: "Rollcall", Summary: "Channels & events",
		Intro: []DocsText{{{Text: "A position is an "}, {Text: "id", Code: true}, {Text: "; see "}, {Text: "Errors", Href: "#errors"}, {Text: "."}}},
		Groups: []DocsGroup{{
			Anchor: "tag-events", Name: "Events", About: []DocsText{text("Publish and follow.")},
			Operations: []DocsOperation{
				{
					Anchor: "op-subscribe", Method: "GET", Path: "/subscribe", Summary: "Follow channels", Stream: true,
					About: []DocsText{text("A stream.")},
					Parameters: []DocsField{
						{Name: "channels", In: "query", Required: true, Type: append(text("list of "), name...), Limits: "at most 1000", About: text("Names."), Example: "a,b"},
					},
					Answers: []DocsAnswer{
						{
							Status: "200", About: text("The stream."), Media: "text/event-stream", Type: DocsText{{Text: "EventStream", Href: "#schema-EventStream"}},
							Headers: []DocsField{{Name: "Cache-Control", Type: DocsText{{Text: "no-cache", Code: true}}, About: text("Nobody keeps it.")}},
							Events:  []DocsEvent{{"registered", text("always first"), name}, {"*", text("published"), name}},
							Example: "retry: 3000\nid: 5k2f9q-0",
						},
						{Status: "204", About: text("Stay away.")},
					},
					Errors: []DocsErrors{{"400", []string{"missing_channels", "invalid_channel"}}, {"503", []string{"unavailable"}}},
					Sample: "curl -N '" + DefaultBaseURL + "/subscribe?channels=a'",
				},
				{
					Anchor: "op-kick", Method: "DELETE", Path: "/presence/clients/{clientId}", Summary: "Send away", Open: true,
					Body:   &DocsBody{About: text("What it says."), Media: "application/json", Type: name, Example: "{}"},
					Sample: "curl -X DELETE '" + DefaultBaseURL + "/presence/clients/ada'",
				},
			},
		}},
		Credentials: []DocsField{{Name: "X-API-Key", In: "header", About: text("A key.")}},
		Errors:      []DocsError{{"400", "missing_channels", text("no channel")}, {"503", "unavailable", text("shutting down")}},
		AnyErrors:   []DocsError{{"503", "unavailable", nil}},
		Schemas: []DocsSchema{
			{Name: "ChannelName", About: []DocsText{text("A name.")}, Type: text("text"), Limits: "at most 255 long", Example: `"room.42"`},
			{Name: "Member", Type: text("object"), Fields: []DocsField{{Name: "channel", Type: name}}},
		},
	}
}

func TestDocsCommandsGoWhereTheVisitorIs(t *testing.T) {
	const command = "curl -N '" + DefaultBaseURL + "/subscribe?a=b'"
	for base, want := range map[string]string{
		"":                   command,
		DefaultBaseURL:       command,
		"https://a.example/": "curl -N 'https://a.example/subscribe?a=b'",
		"http://x';reboot'":  `curl -N 'http://x'\'';reboot'\''/subscribe?a=b'`,
	} {
		if got := (DocsView{BaseURL: base}).here(command); got != want {
			t.Errorf("from %q: %s\nwant %s", base, got, want)
		}
	}
}
