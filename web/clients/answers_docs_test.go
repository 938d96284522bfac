package clients

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestAnswerOfAModel pipes a stream as OpenAI sends it into a channel, and reloads a page that shows it.
func TestAnswerOfAModel(t *testing.T) {
	t.Parallel()
	words, told := make(chan string), make(chan struct{})
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/v1/chat/completions" || !json.Valid(body) {
			t.Errorf("%s of the model was asked for %s", r.URL, body)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for word := range words {
			fmt.Fprintf(w, `data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":%q}}]}`+"\n\n", word)
			_ = http.NewResponseController(w).Flush()
		}
		fmt.Fprint(w, `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
		_ = http.NewResponseController(w).Flush()
		<-told // the end is an event of its own
	}))
	t.Cleanup(model.Close)
	r := readSection(t, "answers.md", "# Streaming answers\n")
	r.text, _, _ = strings.Cut(r.text, "\n## ")
	site, srv, net := r.page(t)
	curl.need(t)
	script := strings.NewReplacer("https://api.openai.com", model.URL, "http://127.0.0.1:9090", net.url("")).Replace(r.code(t, "sh"))
	cmd := exec.Command("sh", "-e", "-c", script)
	done := make(chan string, 1)
	go func() {
		out, err := cmd.CombinedOutput()
		done <- fmt.Sprint(strings.TrimSpace(string(out)), err)
	}()
	b := newTab(t)
	b.do(chromedp.Navigate(site))
	shows := func(text string) {
		t.Helper()
		b.want(fmt.Sprintf(`document.querySelector("#answer").textContent === %q`, text))
	}
	words <- "Once "
	words <- "upon\n"
	shows("Once upon\n")
	b.do(chromedp.Reload())
	shows("Once upon\n")
	words <- "a time"
	shows("Once upon\na time")
	close(words)
	eventually(t, "the last event is the model's end", func() bool { return srv.last("answer.7") == `"[DONE]"` })
	close(told)
	if out := <-done; !strings.HasPrefix(out, `{"events":6,"id":"`) || !strings.HasSuffix(out, "}<nil>") {
		t.Errorf("curl printed %s", out)
	}
	srv.wantStreams(0) // the page stays away
	b.do(chromedp.Reload())
	shows("Once upon\na time")
	b.wantQuiet(false)
}

// TestAnswerOfPython stops one producer in the middle, and lets another one end.
func TestAnswerOfPython(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	file := filepath.Join(t.TempDir(), "producer.py")
	code := readSection(t, "answers.md", "\n## A producer in Python\n").code(t, "python")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func(channel string) (*exec.Cmd, io.WriteCloser, *strings.Builder) {
		cmd := exec.Command(python.need(t), file, channel)
		cmd.Env = append(os.Environ(), "ROLLCALL_SERVER="+srv.url(""))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out := new(strings.Builder)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, in, out
	}
	kept := func(channel string) (text string, ended bool) {
		var list struct {
			Events []struct {
				Payload, Append string
				End             bool
			}
		}
		if err := srv.ask(http.MethodGet, "/history?limit=1000&channel="+channel, nil, http.StatusOK, &list); err != nil {
			t.Fatal(err)
		}
		for _, e := range list.Events {
			text, ended = text+e.Payload, e.End
		}
		return text, ended
	}

	cmd, in, out := start("answer.8")
	fmt.Fprint(in, "Füße\n")
	eventually(t, "the first line is kept, and not the end", func() bool {
		text, ended := kept("answer.8")
		return text == "Füße\n" && !ended
	})
	fmt.Fprint(in, "the end")
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if text, ended := kept("answer.8"); text != "Füße\nthe end" || !ended {
		t.Errorf("kept are %q, ended: %t", text, ended)
	}

	cmd, in, out = start("answer.9")
	var sent int
	(&ledger{server: srv}).publish(event{Channel: "answer.9.control", Type: "stop"})
	for begun := time.Now(); time.Since(begun) < patience; sent++ { // until the process is gone
		if _, err := fmt.Fprintf(in, "line %d\n", sent); err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, ended := kept("answer.9")
	if lines := strings.Count(text, "\n"); !ended || lines >= sent {
		t.Errorf("%d of %d lines are kept, ended: %t", lines, sent, ended)
	}
}

// last returns the payload of a channel's newest event.
func (s *server) last(channel string) string {
	s.t.Helper()
	var answer struct{ Response string }
	var event struct{ Payload json.RawMessage }
	err := s.ask(http.MethodGet, "/lastEvent?channel="+channel, nil, http.StatusOK, &answer)
	if err = cmp.Or(err, json.Unmarshal([]byte(answer.Response), &event)); err != nil {
		s.t.Fatal(err)
	}
	return string(event.Payload)
}

// aiChat is a process of node/chat.mjs.
type aiChat struct {
	t     *testing.T
	in    io.Writer
	lines chan aiReport
}

type aiReport struct {
	Name, Role, Text, Status string
	Messages                 int
	Resumed                  bool
}

// want waits until a chat reports something, and returns it.
func (c *aiChat) want(what string, is func(aiReport) bool) aiReport {
	c.t.Helper()
	var last aiReport
	for timeout := time.After(patience); ; {
		select {
		case r, more := <-c.lines:
			if is(r) {
				return r
			}
			if last = r; !more {
				c.t.Fatalf("the process ended before %s", what)
			}
		case <-timeout:
			c.t.Fatalf("waited in vain for %s; the last report was %+v", what, last)
		}
	}
}

func (c *aiChat) wantText(name, text, status string) {
	c.t.Helper()
	c.want(fmt.Sprintf("%s to have %q, %s", name, text, status), func(r aiReport) bool {
		return r.Name == name && r.Role == "assistant" && r.Text == text && r.Status == status
	})
}

// TestAnswerOfTheAISDK runs the transport and the backend of docs/answers.md with the package ai: a chat whose connection is cut, one
// that comes in the middle, and one that comes late.
func TestAnswerOfTheAISDK(t *testing.T) {
	t.Parallel()
	path := node.need(t)
	r := readSection(t, "answers.md", "\n## The AI SDK\n")
	words := make(chan string)
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case word, more := <-words:
			if !more {
				w.WriteHeader(http.StatusNoContent)
			}
			fmt.Fprint(w, word)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(source.Close)
	srv := startServer(t)
	net := startProxy(t, srv.addr)

	packages, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(packages, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"package.json": `{"type":"module"}`,
		"transport.ts": r.code(t, "ts"),
		"backend.mjs":  strings.ReplaceAll(r.code(t, "js"), "?? 3000)", `?? 3000, "127.0.0.1", function () { console.log(this.address().port) })`),
		"model.mjs":    modelOfTheAISDK,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	compile := exec.Command(path, filepath.Join(packages, "typescript", "bin", "tsc"), "--strict", "--skipLibCheck",
		"--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2023,dom,dom.iterable", "transport.ts")
	compile.Dir = dir
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("tsc: %v\n%s", err, out)
	}

	backend := exec.Command(path, filepath.Join(dir, "backend.mjs"))
	backend.Env = append(os.Environ(), "PORT=0", "ROLLCALL_SERVER="+srv.url(""), "WORDS="+source.URL)
	port := <-startNode(t, backend, nil)
	in, write := io.Pipe()
	chats := exec.Command(path, filepath.Join("node", "chat.mjs"), filepath.Join(dir, "transport.js"), net.url(""), "http://127.0.0.1:"+port)
	c := &aiChat{t: t, in: write, lines: make(chan aiReport, 1000)}
	lines := startNode(t, chats, in)
	t.Cleanup(func() { write.Close() })
	go func() {
		defer close(c.lines)
		for line := range lines {
			var r aiReport
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Errorf("the chats printed %s", line)
			}
			c.lines <- r
		}
	}()

	fmt.Fprintln(write, "resume early")
	c.want("a chat without an answer to be resumed", func(r aiReport) bool { return r.Resumed })
	fmt.Fprintln(write, "send ada hello")
	words <- "Once "
	words <- "upon "
	c.wantText("ada", "Once upon ", "streaming")
	fmt.Fprintln(write, "resume bob") // as after a reload
	c.wantText("bob", "Once upon ", "streaming")
	net.cut(rst)
	words <- "a "
	words <- "time"
	c.wantText("bob", "Once upon a time", "streaming")
	end := fmt.Sprintf(`{"events":[{"channelName":%s,"type":"chunk","payload":null}]}`, srv.last("chats.7"))
	if err := srv.ask(http.MethodPost, "/publish", []byte(end), http.StatusOK, nil); err != nil { // as where the end is an event of its own
		t.Fatal(err)
	}
	close(words)
	c.wantText("bob", "Once upon a time", "ready")
	fmt.Fprintln(write, "resume cleo") // there is nothing to resume
	c.want("the late chat to be ready", func(r aiReport) bool {
		if r.Name == "cleo" && r.Role != "" {
			t.Errorf("the late chat has %+v", r)
		}
		return r.Name == "cleo" && r.Resumed
	})
}

const modelOfTheAISDK = `
import { MockLanguageModelV3 } from "ai/test";

const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
export const model = new MockLanguageModelV3({
  doStream: async () => ({
    stream: new ReadableStream({
      start(controller) {
        controller.enqueue({ type: "stream-start", warnings: [] });
        controller.enqueue({ type: "text-start", id: "1" });
      },
      async pull(controller) {
        const word = await fetch(process.env.WORDS);
        if (word.status === 200) return controller.enqueue({ type: "text-delta", id: "1", delta: await word.text() });
        controller.enqueue({ type: "text-end", id: "1" });
        controller.enqueue({ type: "finish", finishReason: { unified: "stop", raw: "stop" }, usage });
        controller.close();
      },
    }),
  }),
});
`

// startNode starts a process that ends with the test, and returns the lines that it prints.
func startNode(t *testing.T, cmd *exec.Cmd, in io.Reader) <-chan string {
	t.Helper()
	var wrong strings.Builder
	cmd.Stderr = &wrong
	if in != nil {
		pipe, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.Copy(pipe, in)
			pipe.Close()
		}()
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
		if wrong.Len() > 0 {
			t.Errorf("%s printed\n%s", filepath.Base(cmd.Args[1]), wrong.String())
		}
	})
	return lines
}
