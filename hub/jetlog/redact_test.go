package jetlog

import (
	"net/url"
	"strings"
	"testing"
)

// No secret of a NATS URL is shown: neither a password nor a token, and no part of a URL that can't be read.
func TestRedacted(t *testing.T) {
	for raw, want := range map[string]string{
		"nats://host:4222":         "nats://host:4222",
		"nats://TOKEN@host:4222":   "nats://xxxxx@host:4222",
		"nats://ann:pass@host":     "nats://ann:xxxxx@host",
		"nats://:pass@host":        "nats://:xxxxx@host",
		"tls://TOKEN@host?x=1":     "tls://xxxxx@host?x=1",
		"nats://ann:@host.example": "nats://ann:xxxxx@host.example",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := Redacted(u); got != want {
			t.Errorf("%s is shown as %s, want %s", raw, got, want)
		}
	}
	_, err := Connect("nats://ann:hunter2@host:port", ConnectOptions{})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a malformed URL: %v", err)
	}
}
