package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// configuration runs "config show --json" or "config check --json".
func configuration(t *testing.T, env []string, code int, args ...string) configReport {
	t.Helper()
	o := runCommand(t, env, "", append([]string{"config"}, append(args, "--json")...)...).wantEnd(t, code, "")
	var r configReport
	if err := json.Unmarshal([]byte(o.out), &r); err != nil {
		t.Fatalf("%v:\n%s", err, o.out)
	}
	if r.OK != (code == 0) {
		t.Errorf("exit code %d, and %+v", code, r)
	}
	return r
}

// What config shows is what a server has: the same settings, values and sources, whatever they come from.
func TestConfigShowIsWhatServeHas(t *testing.T) {
	t.Parallel()
	file := newFile(t, "rollcall.yaml", "heartbeat: 3s\nmax-events: 7\ncors-origin: [https://a.org]\n")
	vars := []string{"ROLLCALL_MAX_EVENTS=9", "ROLLCALL_JWT_SECRET=" + jwtSecret, "PORT=8080"}
	flags := []string{"--history-age=5m", "--config=" + file}

	r := configuration(t, vars, 0, append([]string{"show"}, flags...)...)
	c, s := new(cli), &settings{env: environment(vars)}
	parser := newParser(c, s)
	if _, err := parser.Parse(append([]string{"serve"}, flags...)); err != nil {
		t.Fatal(err)
	}
	var want []configSetting
	for _, setting := range s.effective(parser.Model.Children[0].Flags) {
		want = append(want, configSetting(setting))
	}
	if !reflect.DeepEqual(r.Settings, want) {
		t.Errorf("it shows\n%v\nserve has\n%v", r.Settings, want)
	}
	sources := map[string]string{
		"history-age": "5m command line", "heartbeat": "3s " + file + ":1", "max-events": "9 ROLLCALL_MAX_EVENTS", "listen": "127.0.0.1:8080 PORT",
		"max-body": "1MiB default", "jwt-secret": mask + " ROLLCALL_JWT_SECRET", "h2c": "false default", "cors-origin": "https://a.org " + file + ":3",
	}
	for _, setting := range r.Settings {
		if want, ok := sources[setting.Name]; ok && setting.Value+" "+setting.Source != want {
			t.Errorf("it shows %+v, want %s", setting, want)
		}
		delete(sources, setting.Name)
	}
	if len(sources) > 0 {
		t.Errorf("it does not show %v", sources)
	}
	table := runCommand(t, vars, "", append([]string{"config", "show", "--set"}, flags...)...).wantEnd(t, 0, "ROLLCALL_MAX_EVENTS").out
	if n := strings.Count(table, "\n"); n != 8 || strings.Contains(table, jwtSecret) {
		t.Errorf("the settings that are set are 7; it prints\n%s", table)
	}
}

// All errors are reported together, of which serve reports the first kind; serve refuses them too.
func TestConfigCheck(t *testing.T) {
	t.Parallel()
	bad := newFile(t, "rollcall.yaml", "heartbaet: 3s\nmax-events: many\njson: true\nset: true\nshards: -1\n")
	vars := []string{"ROLLCALL_MAX_BODY=big", "ROLLCALL_FOO=1", "ROLLCALL_KEY=k", "ROLLCALL_SERVER=x"}
	r := configuration(t, vars, 2, "check", "--config="+bad, "--log-level=loud")
	for _, want := range []string{
		bad + `:1: unknown key "heartbaet"; did you mean "heartbeat"?`, bad + `:3: unknown key "json"`, bad + `:4: unknown key "set"`,
		`--max-events: expected a valid 64 bit int but got "many"`, "(from " + bad + ":2)", `--max-body: "big" is not a size`, "(from ROLLCALL_MAX_BODY)",
		"--shards: -1 is out of range", `--log-level: "loud" is unknown`,
	} {
		if !strings.Contains(strings.Join(r.Problems, "\n"), want) {
			t.Errorf("it does not say %q:\n%s", want, strings.Join(r.Problems, "\n"))
		}
	}
	if fmt.Sprint(r.Unknown) != "[ROLLCALL_FOO]" {
		t.Errorf("unknown variables %v, want ROLLCALL_FOO", r.Unknown)
	}
	o := runCommand(t, vars, "", "config", "check", "--config="+bad).wantEnd(t, 2, "heartbaet")
	if !strings.Contains(o.errors, "ROLLCALL_FOO is unknown") || o.out != "" {
		t.Errorf("it printed %q and said %q", o.out, o.errors)
	}
	runCommand(t, vars, "", "config", "show", "--config="+bad).wantEnd(t, 2, "heartbaet")

	for name, args := range map[string][]string{
		"no such file": {"--config=no/such.yaml"}, "no certificate": {"--tls-cert=no/such.pem", "--tls-key=no/such.key"},
		"no keys": {"--api-keys=no/such"}, "open to all": {"--listen=:0"}, "out of range": {"--max-streams=-1"},
		"not YAML": {"--config=" + newFile(t, "x.yaml", "a: [")}, "bad listen": {"--listen=x"},
	} {
		if r := configuration(t, nil, 2, append([]string{"check"}, args...)...); len(r.Problems) == 0 {
			t.Errorf("%s: no problems", name)
		}
		if o := runCommand(t, nil, "", append([]string{"serve"}, args...)...); o.code != 2 && o.code != 1 {
			t.Errorf("%s: serve takes it (%d):\n%s", name, o.code, o.errors)
		}
	}
	runCommand(t, nil, "", "config", "check", "--heartbeat=soon").wantEnd(t, 2, `"soon" is not a duration`)
	runCommand(t, nil, "", "config", "check").wantEnd(t, 0, "The configuration is valid")
	runCommand(t, nil, "", "config", "check", "--listen=:0", "--insecure").wantEnd(t, 0, "2 of them set")
}
