package sso

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		"https://id.example.org": true, "https://id.example.org/realms/a": true, "http://127.0.0.1:9000": true, "http://localhost:1/x": true, "http://[::1]:1": true,
		"http://id.example.org": false, "id.example.org": false, "https://": false, "": false, "https://a@b.org": false, "https://b.org?x": false,
		"https://b.org#x": false, "ftp://b.org": false, "http://127.0.0.1.evil.example": false,
	} {
		if err := CheckURL(raw); (err == nil) != ok {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// Answers of the provider are bounded, redirects are not followed, and no error has what was answered.
func TestProvidersAnswersAreBounded(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"large": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat(" ", answerBytes+1)))
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example", http.StatusFound)
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"other issuer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"issuer":"https://evil.example"}`))
		},
		"long error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, strings.Repeat("x", 5000), 500) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(handler)
			defer srv.Close()
			p, err := New(Options{Issuer: srv.URL, ClientID: "c", RedirectURL: "http://127.0.0.1/admin/oidc-callback"})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := p.Begin(t.Context()); !errors.Is(err, ErrUnreachable) || len(err.Error()) > 400 {
				t.Errorf("%v", err)
			}
		})
	}
}

// A provider that does not answer is given up when the visitor is.
func TestProviderDoesNotAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	p, err := New(Options{Issuer: srv.URL, ClientID: "c", RedirectURL: "http://127.0.0.1/admin/oidc-callback"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.Begin(ctx); !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
}
