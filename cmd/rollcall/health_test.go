package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// health runs "rollcall health" and returns its exit code and what it printed.
func health(t *testing.T, env []string, args ...string) (code int, printed string) {
	t.Helper()
	cmd := command(t, env, append([]string{"health"}, args...)...)
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(bytes.TrimSpace(out))
}

func TestHealth(t *testing.T) {
	t.Parallel()
	plain := serve(t, nil)
	secured := serve(t, nil, "--tls-dev")
	socket := filepath.Join(t.TempDir(), "sock")
	serve(t, nil, "--listen=unix:"+socket)
	for _, server := range []string{plain.url, plain.url + "/", secured.url, "unix:" + socket} {
		for _, args := range [][]string{{"--server", server}, {"--server", server, "--ready"}} {
			if code, printed := health(t, nil, args...); code != 0 || printed != "" {
				t.Errorf("health %v: exit code %d, %q", args, code, printed)
			}
		}
	}
	if code, printed := health(t, []string{"ROLLCALL_SERVER=" + plain.url}); code != 0 {
		t.Errorf("with the server in the environment: exit code %d, %q", code, printed)
	}
}

// A server that drains, or has lost its event store, lives and is not ready.
func TestHealthOfAServerThatIsNotReady(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"error":{"code":"draining","message":"It is draining."}}`))
		} else if r.URL.Path != "/base/healthz" {
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	if code, printed := health(t, nil, "--server", server.URL+"/base"); code != 0 {
		t.Errorf("a living server: exit code %d, %q", code, printed)
	}
	code, printed := health(t, nil, "--server", server.URL+"/base", "--ready")
	if want := "readyz says 503 Service Unavailable. It is draining."; code != 1 || !strings.HasSuffix(printed, want) {
		t.Errorf("a draining server: exit code %d, %q, want 1 and …%q", code, printed, want)
	}
	if code, printed := health(t, nil, "--server", server.URL); code != 1 || !strings.Contains(printed, "404 Not Found") {
		t.Errorf("something else that listens: exit code %d, %q", code, printed)
	}
}

func TestHealthWhereNobodyListens(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	for server, want := range map[string]int{gone.URL: 1, "unix:" + filepath.Join(t.TempDir(), "none"): 1,
		"127.0.0.1:9090": 2, "ftp://127.0.0.1": 2, "http://": 2} {
		if code, printed := health(t, nil, "--server", server); code != want || printed == "" {
			t.Errorf("health --server %s: exit code %d, %q, want %d and why", server, code, printed, want)
		}
	}
}
