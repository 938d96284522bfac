package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

// console runs the examples of a document: curl commands behind a prompt, each
// with what it prints. See docs/protocol.md for how examples are written.
type console struct {
	t       *testing.T
	client  *http.Client
	opts    web.Options
	srv     *webtest.Server // nil before the first command
	epochs  map[string]string
	screens map[string]*bufio.Reader // open streams by the name before the prompt
	ran     int                      // commands
}

// What stands in the examples for what differs from run to run.
const (
	docAddress       = "http://127.0.0.1:9090"
	docEpoch         = "5k2f9q"
	docPresenceEpoch = "p7d0z4"
)

func newConsole(t *testing.T) *console {
	c := &console{t: t}
	transport := &http.Transport{DisableCompression: true}
	transport.DialContext = (&net.Dialer{Timeout: webtest.Patience}).DialContext
	c.client = &http.Client{Transport: transport, Timeout: webtest.Patience}
	t.Cleanup(transport.CloseIdleConnections)
	return c
}

// restart has the next command start a server with the given flags of serve.
func (c *console) restart(flags ...string) {
	c.t.Helper()
	c.srv, c.epochs, c.screens, c.opts = nil, map[string]string{}, map[string]*bufio.Reader{}, web.Options{PresenceGrace: 10 * time.Second}
	for i := 0; i+1 < len(flags); i += 2 {
		n, _ := strconv.Atoi(flags[i+1])
		switch flags[i] {
		case "--history-events":
			c.opts.HistoryEvents = n
		case "--max-streams":
			c.opts.MaxStreams = n
		case "--presence-grace":
			c.opts.PresenceGrace = time.Duration(n) * time.Second
		case "--node":
			c.opts.Node = flags[i+1]
		case "--cors-origin":
			c.opts.CORSOrigins = []string{flags[i+1]}
		default:
			c.t.Fatalf("a server with %s", flags[i])
		}
	}
}

var prompt = regexp.MustCompile(`^([a-z]*)\$ (.*)$`)

// block runs a block of the document: commands with what they print, or what the
// stream named by screen prints next.
func (c *console) block(screen string, lines []string) {
	c.t.Helper()
	if c.srv == nil {
		c.srv = webtest.Start(c.t, c.opts)
		c.epochs[epochOf(c.srv.Head())] = docEpoch
	}
	var output *bufio.Reader
	if screen != "" {
		if output = c.screens[screen]; output == nil {
			c.t.Fatalf("no terminal has the prompt %s$", screen)
		}
	}
	for len(lines) > 0 {
		if m := prompt.FindStringSubmatch(lines[0]); m != nil {
			c.wantNothing(output)
			command := m[2]
			for lines = lines[1:]; len(lines) > 0 && (strings.Count(command, "'")%2 == 1 || strings.HasSuffix(command, `\`)); lines = lines[1:] {
				command = strings.TrimSuffix(command, `\`) + "\n" + lines[0]
			}
			output = c.run(m[1], command)
			continue
		}
		if output == nil {
			c.t.Fatalf("%q is printed by nothing", lines[0])
		}
		c.wantLine(output, lines[0])
		lines = lines[1:]
	}
	c.wantNothing(output)
}

// wantLine wants a line next. Blank lines don't count.
func (c *console) wantLine(output *bufio.Reader, want string) {
	c.t.Helper()
	if want == "" {
		return
	}
	got, err := "", error(nil)
	for got == "" && err == nil {
		got, err = output.ReadString('\n')
		got = strings.TrimRight(got, "\r\n")
	}
	if id, ok := strings.CutPrefix(got, "id: "); ok && got != want && strings.Contains(id, "-") && c.epochs[epochOf(id)] == "" && epochOf(id) != "new" {
		c.epochs[epochOf(id)] = docPresenceEpoch
	}
	for epoch, doc := range c.epochs {
		got = strings.ReplaceAll(got, epoch, doc)
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", `[^"\\]+`)
	pattern = strings.ReplaceAll(pattern, `2026-11-20T15:04:05\.123Z`, `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`)
	if !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
		c.t.Fatalf("printed (%v)\n%s\nthe document says\n%s", err, got, want)
	}
}

// wantNothing wants a command that has ended to have printed no more. A stream
// that is open can't be asked.
func (c *console) wantNothing(output *bufio.Reader) {
	c.t.Helper()
	for _, open := range c.screens {
		if open == output {
			return
		}
	}
	if output == nil {
		return
	}
	if rest, _ := io.ReadAll(output); strings.TrimSpace(string(rest)) != "" {
		c.t.Fatalf("printed more than the document says: %s", rest)
	}
}

var words = regexp.MustCompile(`'([^']*)'|([^\s']+)`)

// run runs a curl command with the flags -s -N -i -H -d -X and returns what it
// prints. Of the head, which -i asks for, only known lines are printed.
func (c *console) run(screen, command string) *bufio.Reader {
	c.t.Helper()
	c.ran++
	var args []string
	for _, m := range words.FindAllStringSubmatch(command, -1) {
		args = append(args, m[1]+m[2])
	}
	if len(args) < 2 || args[0] != "curl" {
		c.t.Fatalf("can't run %q", command)
	}
	method, target, body, stream, head := "GET", "", "", false, false
	header := http.Header{"User-Agent": {"curl/8.14.1"}, "Accept": {"*/*"}}
	for args = args[1:]; len(args) > 0; args = args[1:] {
		flags, isFlags := strings.CutPrefix(args[0], "-")
		if !isFlags {
			target = args[0]
			continue
		}
		for _, flag := range flags {
			switch flag {
			case 's':
			case 'N':
				stream = true
			case 'i':
				head = true
			case 'H':
				name, value, _ := strings.Cut(args[1], ": ")
				header.Set(name, c.real(value))
				args = args[1:]
			case 'X':
				method, args = args[1], args[1:]
			case 'd':
				if body, args = c.real(strings.ReplaceAll(args[1], "\n", "")), args[1:]; method == "GET" {
					method = "POST"
				}
				if header.Get("Content-Type") == "" {
					header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
			default:
				c.t.Fatalf("%q: no flag -%c", command, flag)
			}
		}
	}
	path, ok := strings.CutPrefix(target, docAddress)
	if !ok {
		c.t.Fatalf("%q asks another server", command)
	}
	if u, err := url.Parse(path); err != nil || strings.ContainsAny(path, " \"") || u.Path == "" {
		c.t.Fatalf("%q: %v", command, err)
	}
	req, err := http.NewRequest(method, c.srv.URL+c.real(path), strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = header
	resp, err := c.client.Do(req)
	if err != nil {
		c.t.Fatalf("%s: %v", command, err)
	}
	c.t.Cleanup(func() { _ = resp.Body.Close() })
	var printed strings.Builder
	if head {
		fmt.Fprintf(&printed, "HTTP/1.1 %s\n", resp.Status)
		for _, name := range []string{"Content-Type", "Cache-Control", "X-Accel-Buffering", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"} {
			if v := resp.Header.Values(name); v != nil && !(name == "Cache-Control" && slices.Equal(v, []string{"no-store"})) {
				fmt.Fprintf(&printed, "%s: %s\n", name, strings.Join(v, ", "))
			}
		}
	}
	output := bufio.NewReader(io.MultiReader(strings.NewReader(printed.String()), resp.Body))
	if stream {
		c.screens[screen] = output
	}
	return output
}

// real puts the server's own epochs in place of the document's.
func (c *console) real(text string) string {
	for epoch, doc := range c.epochs {
		text = strings.ReplaceAll(text, doc, epoch)
	}
	return text
}
