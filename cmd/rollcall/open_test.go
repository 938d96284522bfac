package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"rollcall/web/auth"
)

// foreign is a Host that a page elsewhere, or a proxy, would come with.
const foreign = "Host: rollcall.example.org"

// wantOpen wants an open server that answers to this machine's names.
func wantOpen(t *testing.T, client *http.Client, base string) {
	t.Helper()
	for _, host := range []string{"localhost", "localhost:9090", "app.localhost", "127.0.0.1:80", "[::1]:9090"} {
		ask(t, client, base+"/publish", hello, "Host: "+host).want(t, 200, `"id"`)
		ask(t, client, base+"/history?channel=news", "", "Host: "+host).want(t, 200, "hello")
		ask(t, client, base+"/presence/clients", "", "Host: "+host).want(t, 200, `"total":0`)
	}
}

func TestOpenServerAnswersAsLocalhostAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	for name, test := range map[string]struct {
		listen string
		edit   func(*http.Transport)
	}{
		"loopback":    {"127.0.0.1:0", nil},
		"IPv6":        {"[::1]:0", nil},
		"socket file": {"unix:" + path, throughSocket(path)},
	} {
		t.Run(name, func(t *testing.T) {
			if probe, err := listen(test.listen); err != nil {
				t.Skip(err) // not every machine has IPv6
			} else {
				probe.Close()
			}
			p := serve(t, nil, "--listen="+test.listen)
			base := p.url
			if test.edit != nil {
				base = "http://localhost"
			}
			p.wantLog("open to all programs on this machine, as localhost; configure credentials to serve others")
			client := newClient(t, test.edit)
			wantOpen(t, client, base)
			for _, path := range []string{"/", "/history?channel=news", "/presence/clients", "/admin/login", "/subscribe?channels=news"} {
				ask(t, client, base+path, "", foreign).want(t, 403, `"foreign_host"`)
			}
			ask(t, client, base+"/publish", hello, foreign).want(t, 403, `"foreign_host"`)
			for _, host := range []string{"127.0.0.1.evil.org", "localhost.evil.org", "0.0.0.0", "10.0.0.1", "xlocalhost"} {
				ask(t, client, base+"/presence/clients", "", "Host: "+host).want(t, 403, `"foreign_host"`)
			}
		})
	}
}

// refusal is what a server prints that would be open to others.
func refusal(t *testing.T, args ...string) string {
	t.Helper()
	cmd := command(t, nil, append([]string{"serve", "--log-format=json"}, args...)...)
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Fatalf("%v: exit code %d, want 1\n%s", args, code, out)
	}
	return string(out)
}

func TestRefusesToBeOpenToOthers(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--listen=:0"},
		{"--listen=0.0.0.0:0"},
		{"--listen=[::]:0", "--tls-dev"},
		{"--listen=:0", "--admin-password=correct horse"},
		{"--listen=:0", "--admin-listen=127.0.0.1:0"},
	} {
		got := refusal(t, args...)
		for _, says := range []string{"rollcall: other machines reach this address", "\n    rollcall key new ", "\n    rollcall serve --listen ADDRESS --api-key ", "--jwt-secret", "--jwks-url", "--insecure"} {
			if !strings.Contains(got, says) {
				t.Errorf("%v: printed\n%s\nwant it to say %q", args, got, says)
			}
		}
		if strings.Contains(got, `"listening"`) || strings.Contains(got, "Password") {
			t.Errorf("%v: it began all the same:\n%s", args, got)
		}
	}
}

// shellWords takes a command apart as a shell does.
func shellWords(line string) (words []string) {
	for _, m := range regexp.MustCompile(`'([^']*)'|([^\s']+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2])
	}
	return words
}

// The commands in the refusal do what it says.
func TestRefusalShowsWhatMendsIt(t *testing.T) {
	t.Parallel()
	commands := regexp.MustCompile(`(?m)^    rollcall (.*)$`).FindAllStringSubmatch(refusal(t, "--listen=:0"), -1)
	if len(commands) != 2 {
		t.Fatalf("it shows %q", commands)
	}
	stdout, _ := output(t, nil, shellWords(commands[0][1])...)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	key, line := lines[0], lines[len(lines)-1]

	args := shellWords(commands[1][1])
	if len(args) != 5 || args[0] != "serve" || args[2] != "ADDRESS" || args[3] != "--api-key" {
		t.Fatalf("it shows %q", args)
	}
	args[2], args[4] = ":0", line
	p := serve(t, nil, args[1:]...)
	client := newClient(t, nil)
	ask(t, client, p.url+"/publish", hello).want(t, 401, `"unauthorized"`)
	for _, header := range []string{"Authorization: Bearer " + key, "X-API-Key: " + key} {
		ask(t, client, p.url+"/publish", hello, header, foreign).want(t, 200, `"id"`)
		ask(t, client, p.url+"/presence/clients", "", header, foreign).want(t, 200, `"total"`)
	}
}

func TestInsecureStartsLoudly(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--listen=:0", "--insecure")
	got := p.wantLog("INSECURE: anyone who reaches this address may publish, subscribe and see presence")
	if got["level"] != "WARN" {
		t.Errorf("logged %v", got)
	}
	client := newClient(t, nil)
	ask(t, client, p.url+"/publish", hello, foreign).want(t, 200, `"id"`)
	ask(t, client, p.url+"/history?channel=news", "", foreign).want(t, 200, "hello")
}

// With credentials, any name is good, and nothing is said of a server that is open.
func TestWithCredentialsAnyHost(t *testing.T) {
	t.Parallel()
	_, line := newKey(t, "k", auth.Publish, ">")
	for _, args := range [][]string{{"--api-key=" + line}, {"--jwt-secret=" + jwtSecret}, {"--anonymous=news"}, {"--api-keys=" + newFile(t, "keys", "# none yet\n")}} {
		t.Run(strings.SplitN(args[0], "=", 2)[0], func(t *testing.T) {
			p := serve(t, nil, append(slices.Clone(args), "--listen=:0")...)
			client := newClient(t, nil)
			ask(t, client, p.url+"/healthz", "", foreign).want(t, 200, "")
			ask(t, client, p.url+"/publish", hello, foreign).want(t, 401, `"unauthorized"`)
			ask(t, client, p.url+"/presence/clients", "", foreign).want(t, 401, `"unauthorized"`)
			_ = p.cmd.Process.Kill()
			p.wantExit(-1)
			for _, never := range []string{"INSECURE", "open to all programs"} {
				if strings.Contains(p.all.String(), never) {
					t.Errorf("it logged %q: %s", never, fmt.Sprint(&p.all))
				}
			}
		})
	}
}

// If standard error is not a terminal, the generated password is in a file that only its owner may read, and not in
// the log, which stays JSON. The password is valid until the run ends.
func TestPasswordOfTheRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := serve(t, []string{"TMPDIR=" + dir})
	password := p.password()
	files, err := filepath.Glob(filepath.Join(dir, "rollcall-admin-password-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the files are %v, %v", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want 0600", info.Mode(), err)
	}
	defer func() {
		p.signal(syscall.SIGTERM)
		p.wantExit(0)
		if got := p.all.String(); strings.Contains(got, password) || strings.Contains(got, "not JSON") {
			t.Errorf("the log has the password, or lines that are no JSON: %s", got)
		}
		if _, err := os.Stat(files[0]); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after the run the file is there: %v", err)
		}
	}()
	client := logIn(t, p.url, "admin", password)
	ask(t, client, p.url+"/admin/server", "").want(t, 200, "listen")
	stranger := newClient(t, nil)
	ask(t, stranger, p.url+"/admin/login", "username=admin&password="+password+"x", "Content-Type: application/x-www-form-urlencoded").want(t, 401, "wrong")
	ask(t, stranger, p.url+"/admin", "", "Accept: text/html").want(t, 303, "")
}

// made waits for the log to name the file with the admin UI's password, and returns the admin UI's address and the
// password.
func (p *program) made() (url, password string) {
	p.t.Helper()
	entry := p.wantLog("a password for the admin UI was generated for this run, because no admin user is configured (--admin-user)")
	text, err := os.ReadFile(fmt.Sprint(entry["file"]))
	if err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprint(entry["url"]), strings.TrimSpace(string(text))
}

// password is made without the address.
func (p *program) password() string {
	p.t.Helper()
	_, password := p.made()
	return password
}
