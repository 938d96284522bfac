package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/web/auth"
)

// output runs a command that must succeed.
func output(t *testing.T, env []string, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := command(t, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &errs)
	}
	return out.String(), errs.String()
}

// failure runs a command that must end with this code and say this on stderr.
func failure(t *testing.T, env []string, code int, want string, args ...string) {
	t.Helper()
	cmd := command(t, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != code || !strings.Contains(errs.String(), want) || out.Len() > 0 {
		t.Errorf("%v: %v, want exit code %d and %q on stderr alone; got\n%s%s", args, err, code, want, &out, &errs)
	}
}

// The printed line makes a server know the printed key.
func TestKeyNew(t *testing.T) {
	t.Parallel()
	args := []string{"key", "new", "--name=billing", "--allow=publish,history", "--channels=orders.>,a b", "--ttl=24h"}
	stdout, stderr := output(t, nil, args...)
	lines := strings.Split(stdout, "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "rk_") || strings.Contains(stderr, lines[0]) {
		t.Fatalf("it prints %q and %q", stdout, stderr)
	}
	check := func(text, line string) {
		t.Helper()
		key, err := auth.ParseKey(line)
		if err != nil || key.Name != "billing" || time.Until(key.Expires) < 23*time.Hour {
			t.Fatalf("%v, %v", key, err)
		}
		a, err := auth.New(auth.Options{Keys: []auth.Key{key}})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+text)
		if g, err := a.Authenticate(r); err != nil || !g.MayPublish("orders.1") || !g.MayReadHistory("a b") || g.MaySubscribe("orders.1") {
			t.Errorf("%+v, %v", g, err)
		}
	}
	check(lines[0], lines[1])
	stdout, stderr = output(t, nil, append(args, "--json")...)
	var result struct{ Key, Config string }
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || stderr != "" {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	check(result.Key, result.Config)
}

func TestKeyNewRefuses(t *testing.T) {
	t.Parallel()
	failure(t, nil, 2, "--name=NAME", "key", "new", "--allow=publish", "--channels=a")
	failure(t, nil, 2, `"write" is unknown`, "key", "new", "--name=a", "--allow=write", "--channels=a")
	failure(t, nil, 2, `begins with "$"`, "key", "new", "--name=a", "--allow=publish", "--channels=$a")
	failure(t, nil, 2, "out of range", "key", "new", "--name=a", "--allow=publish", "--channels=a", "--ttl=-1s")
	failure(t, nil, 1, "admin covers every channel", "key", "new", "--name=a", "--allow=admin", "--channels=a")
	failure(t, nil, 1, "the name must be", "key", "new", "--name=a b", "--allow=publish", "--channels=a")
}
