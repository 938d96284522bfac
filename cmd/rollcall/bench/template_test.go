package bench

import "testing"

func TestTemplate(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"plain", "plain"},
		{"{channel}", "<{channel}>"},
		{"/pub/{channel}/x", "/pub/<{channel}>/x"},
		{DefaultPublishBody, `{"events":[<{events}>]}`},
		{DefaultPublishEvent, `{"channelName":"<{channel}>","type":"<{type}>","payload":"<{payload}>"}`},
		{"{{payload}}{other}{", "{<{payload}>}{other}{"},
		{"{stream}{type}", "<{stream}><{type}>"},
	} {
		got := parseTemplate(test.text).fill(nil, func(dst []byte, p placeholder) []byte {
			return append(append(append(dst, '<'), p...), '>')
		})
		if string(got) != test.want {
			t.Errorf("%q is filled in as %q, want %q", test.text, got, test.want)
		}
	}
	if parseTemplate("{payload}").has(inEvents) || !parseTemplate("a{events}").has(inEvents) {
		t.Error("has does not see what is there")
	}
}

func TestEndpoint(t *testing.T) {
	for _, test := range []struct{ raw, host, addr, path string }{
		{"http://127.0.0.1:9090/subscribe?channels={channel}", "127.0.0.1:9090", "127.0.0.1:9090", "/subscribe?channels=a,b"},
		{"http://example.org", "example.org", "example.org:80", "/"},
		{"https://example.org?c={channel}", "example.org", "example.org:443", "/?c=a,b"},
		{"http://[::1]/x", "[::1]", "[::1]:80", "/x"},
		{"http://[::1]:81/x", "[::1]:81", "[::1]:81", "/x"},
	} {
		e := parseEndpoint(test.raw)
		path := e.path.fill(nil, func(dst []byte, _ placeholder) []byte { return append(dst, "a,b"...) })
		if e.host != test.host || e.addr != test.addr || string(path) != test.path {
			t.Errorf("%s leads to host %s, address %s, path %s, want %+v", test.raw, e.host, e.addr, path, test)
		}
	}
}
