package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"
)

func TestTokensAreNeverLogged(t *testing.T) {
	t.Parallel()
	const token = "s3cr3t-t0k3n"
	address, _ := url.Parse("http://127.0.0.1/subscribe?channels=a&access_token=" + token)
	attrs := map[string]slog.Attr{
		"by name":         slog.String("token", token),
		"access_token":    slog.String("access_token", token),
		"any case":        slog.String("Authorization", "Basic "+token),
		"key":             slog.Any("key", []byte(token)),
		"in a group":      slog.Group("request", slog.String("token", token)),
		"in a secret one": slog.Group("authorization", slog.String("value", token)),
		"in a URL":        slog.Any("url", address),
		"in a path":       slog.String("path", "/subscribe?token="+token+"&channels=a"),
		"in a header":     slog.String("header", "Bearer "+token),
		"in an error":     slog.Any("error", errors.New("GET /x?token="+token+": refused")),
	}
	for name, attr := range attrs {
		for _, format := range []string{"text", "json"} {
			t.Run(name+" "+format, func(t *testing.T) {
				var out bytes.Buffer
				log := newLogger(&out, format, "info")
				log.Info("hello", attr)
				log.With(attr).Info("hello")
				log.WithGroup("g").Info("hello", attr)
				if strings.Contains(out.String(), token) || !strings.Contains(out.String(), redacted) {
					t.Errorf("logged %s", out.String())
				}
			})
		}
	}
	var out bytes.Buffer
	newLogger(&out, "text", "info").Info("cannot GET /?token=" + token)
	if strings.Contains(out.String(), token) {
		t.Errorf("logged %s", out.String())
	}
}

func TestOrdinaryAttributesAreLoggedAsTheyAre(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	newLogger(&out, "json", "info").Info("listening", "url", "http://127.0.0.1:9090/", "streams", 3, "keys", "a=b", "nothing", (*url.URL)(nil))
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["url"] != "http://127.0.0.1:9090/" || got["streams"] != 3.0 || got["keys"] != "a=b" {
		t.Errorf("logged %s", out.String())
	}
}

func TestLogFormatAndLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	newLogger(&out, "auto", "info").Info("x")
	if !json.Valid(out.Bytes()) {
		t.Errorf("auto wrote %q to something that is no terminal, want JSON", out.String())
	}
	out.Reset()
	log := newLogger(&out, "text", "warn")
	log.Info("too quiet")
	log.Warn("loud enough")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "loud") || json.Valid(out.Bytes()) {
		t.Errorf("logged %q", got)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if isTerminal(file) {
		t.Error("a file is taken for a terminal")
	}
}
