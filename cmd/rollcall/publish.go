package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alecthomas/kong"
)

// publishCmd publishes one event, or those on standard input.
type publishCmd struct {
	Channel string `arg:"" optional:"" help:"The channel. Without it, or with -: read events from standard input."`
	Type    string `arg:"" optional:"" help:"The event's type, such as message."`
	Payload string `arg:"" optional:"" help:"Any JSON value: 7, '\"hello\"', '{\"a\":1}'. Put -- before it if it starts with a -."`

	Client         string   `placeholder:"ID" help:"Send the event to this client's streams; the arguments are then TYPE PAYLOAD."`
	Except         string   `placeholder:"ID" help:"All streams get the event but that of this connection."`
	Append         string   `placeholder:"KEY" help:"The payload, a string, is the next piece of the text with this key."`
	End            bool     `help:"The channel ends with this event."`
	Stream         string   `placeholder:"FORM" help:"Publish standard input while it arrives, as CHANNEL TYPE: text, ndjson (a payload per line) or sse (the data of each event; TYPE may be left out). With --append it is one text, and with --end the channel ends with it."`
	Text           bool     `help:"PAYLOAD is plain text, published as a JSON string."`
	IdempotencyKey string   `placeholder:"KEY" help:"Publish the event only if the channel hasn't seen this key within two minutes."`
	Batch          int      `default:"1000" placeholder:"N" help:"The maximum number of events per request from standard input. Batches that are too large for the server are halved."`
	Retry          Duration `default:"1m" placeholder:"DURATION" help:"How long to retry while the server is busy or does not answer. 0: no retry."`

	RemoteFlags `embed:""`

	reached bool // the server has answered
}

// Help is shown above the flags of "rollcall publish --help".
func (c *publishCmd) Help() string {
	return `Prints the id of each event that was published.

From standard input it reads JSON lines: in each an event with channelName, type, payload and, if you like, idempotencyKey, except, append and end; clientId in place of channelName sends it to one client. Other fields are passed over, so what "rollcall history --json" prints can be published. What there is is sent as a batch; a line that is wrong refuses its batch and ends the command, and the lines before it are published.

While the server is busy (429), unavailable (503) or does not answer, the same events are sent again. Each has an idempotency key, one that is made for it where it brings none, so none is published twice.`
}

// Examples is printed below the flags.
func (c *publishCmd) Examples() string {
	return `
Examples:
  rollcall publish news message '"hello"'
  rollcall publish news message hello --text
  rollcall publish stats load '{"cores":2}' --idempotency-key load-17
  rollcall publish --client ada order '{"state":"shipped"}'
  rollcall publish build-7 done '"passed"' --end
  make 2>&1 | rollcall publish --stream text --append log --end build-7 output
  rollcall history news --json | rollcall publish --server https://other.example.org -
  tail -f app.log | jq -cR '{channelName:"log",type:"line",payload:.}' | rollcall publish -

Exit code 0 when all was published, 1 when something was refused, 4 when the server can't be reached.`
}

// maxRetry keeps attempts within the time that the server remembers idempotency keys for.
const maxRetry = Duration(100 * time.Second)

// AfterApply checks the arguments.
func (c *publishCmd) AfterApply(s *settings) error {
	p := &problems{from: s.from}
	if c.Client != "" {
		if c.Payload != "" {
			p.errs = append(p.errs, errors.New("with --client an event is TYPE PAYLOAD, without a channel"))
		}
		c.Channel, c.Type, c.Payload = "", c.Channel, c.Type
	}
	if c.Stream != "" {
		p.errs = append(p.errs, c.checkStream()...)
		return p.err()
	}
	within(p, "batch", c.Batch, 1, 100_000)
	within(p, "retry", c.Retry, 0, maxRetry)
	single := c.Type != "" || c.Channel != "" && c.Channel != "-"
	var syntax *json.SyntaxError
	switch {
	case !single && (c.Text || c.IdempotencyKey+c.Client+c.Except+c.Append != "" || c.End):
		p.errs = append(p.errs, errors.New("--text, --idempotency-key, --client, --except, --append and --end need one event: CHANNEL TYPE PAYLOAD"))
	case !single && c.Channel == "" && isTerminal(os.Stdin):
		p.errs = append(p.errs, errors.New("give CHANNEL TYPE PAYLOAD, or events on standard input"))
	case single && (c.Type == "" || c.Payload == "" && !c.Text):
		p.errs = append(p.errs, errors.New(`an event is CHANNEL TYPE PAYLOAD, such as: news message '"hello"'`))
	case single && c.Text:
		text, _ := json.Marshal(c.Payload) // a string
		c.Payload = string(text)
	case single:
		if err := json.Unmarshal([]byte(c.Payload), new(json.RawMessage)); errors.As(err, &syntax) {
			p.errs = append(p.errs, fmt.Errorf(`PAYLOAD %.100q is not JSON (%v); for plain text use --text, or add quotes: '"hello"'`, c.Payload, err))
		}
	}
	return p.err()
}

// checkStream checks the arguments with --stream.
func (c *publishCmd) checkStream() (errs []error) {
	switch {
	case streamForms[c.Stream] == "":
		errs = append(errs, fmt.Errorf("--stream is %q; it must be text, ndjson or sse", c.Stream))
	case c.Channel == "" || c.Type == "" && c.Stream != "sse" || c.Payload != "":
		errs = append(errs, errors.New("with --stream the arguments are CHANNEL TYPE, and the payloads come from standard input"))
	case c.Client+c.Except+c.IdempotencyKey != "" || c.Text:
		errs = append(errs, errors.New("--client, --except, --idempotency-key and --text do not go with --stream"))
	}
	return errs
}

// Run publishes.
func (c *publishCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	out := newPrinter(k.Stdout, c.JSON, s)
	if c.Stream != "" {
		return c.stream(ctx, out, os.Stdin)
	}
	reader := newLineReader(c.Retry > 0)
	if c.Type != "" {
		one, err := reader.line(&wireEvent{
			ChannelName: c.Channel, ClientID: c.Client, Type: c.Type, Payload: json.RawMessage(c.Payload), IdempotencyKey: c.IdempotencyKey,
			Except: c.Except, Append: c.Append, End: c.End,
		})
		if err != nil {
			return err
		}
		return c.publish(ctx, out, []line{one})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := make(chan line, c.Batch)
	go reader.read(ctx, os.Stdin, lines)
	for {
		batch, err := c.gather(ctx, lines)
		if len(batch) > 0 {
			if err := c.publish(ctx, out, batch); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// maxBatchBytes is near the largest body that servers accept by default.
const maxBatchBytes = 1 << 20 * 9 / 10

// gather waits for a line and returns it with all others available. An error is returned with the lines before it;
// io.EOF is the end.
func (c *publishCmd) gather(ctx context.Context, lines <-chan line) (batch []line, err error) {
	size := 0
	for {
		var l line
		var open bool
		if len(batch) == 0 {
			select {
			case l, open = <-lines:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		} else {
			select {
			case l, open = <-lines:
			default:
				return batch, nil
			}
		}
		if !open {
			return batch, io.EOF
		} else if l.err != nil {
			return batch, l.err
		}
		batch, size = append(batch, l), size+len(l.event)+1
		if len(batch) == c.Batch || size >= maxBatchBytes {
			return batch, nil
		}
	}
}

// publish sends a batch until it is published or refused, in halves if it is too large, and prints the ids. There is one request
// at a time: a later one could be stored first, or be stored although this one is refused.
func (c *publishCmd) publish(ctx context.Context, out *printer, batch []line) error {
	body := batchBody(batch)
	var answer struct {
		Events []struct {
			ChannelName string `json:"channelName,omitempty"`
			ClientID    string `json:"clientId,omitempty"`
			ID          string `json:"id"`
			Duplicate   bool   `json:"duplicate,omitempty"`
		} `json:"events"`
	}
	err := c.retryWhileUseful(ctx, func() error {
		return c.call(ctx, http.MethodPost, "/publish", nil, body, &answer)
	})
	var no *refusedError
	if errors.As(err, &no) && no.Status == http.StatusRequestEntityTooLarge && len(batch) > 1 && no.Code != "payload_too_large" {
		half := len(batch) / 2
		if err := c.publish(ctx, out, batch[:half]); err != nil {
			return err
		}
		return c.publish(ctx, out, batch[half:])
	} else if err != nil {
		return withLine(err, batch)
	}
	text := bufio.NewWriter(out.out)
	buffered := *out
	buffered.out = text
	for _, e := range answer.Events {
		if out.json {
			if err := buffered.object(e); err != nil {
				return err
			}
			continue
		}
		_, _ = text.WriteString(printable(e.ID)) // Flush has the error
		if e.Duplicate {
			_, _ = text.WriteString("  duplicate")
		}
		_ = text.WriteByte('\n')
	}
	return text.Flush()
}

// retryWhileUseful retries send while that may help, for the time of --retry. A server that was never reachable is not retried.
func (c *publishCmd) retryWhileUseful(ctx context.Context, send func() error) error {
	end := time.Now().Add(time.Duration(c.Retry))
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := send()
		var no *refusedError
		answered := err == nil || errors.As(err, &no)
		c.reached = c.reached || answered
		passes, pause := !answered && (c.reached || !neverSent(err)), wait
		if no != nil {
			passes, pause = no.busy(), max(wait, no.After)
		}
		if err == nil || !passes || time.Now().Add(pause).After(end) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// neverSent reports whether a request failed before it was connected.
func neverSent(err error) bool {
	var dial *net.OpError
	var distrust *tls.CertificateVerificationError
	return errors.As(err, &dial) && dial.Op == "dial" || errors.As(err, &distrust)
}

// withLine adds the line that a refusal refers to.
func withLine(err error, batch []line) error {
	var no *refusedError
	var i int
	if !errors.As(err, &no) || batch[0].number == 0 {
		return err
	}
	if n, _ := fmt.Sscanf(no.Field, "events[%d]", &i); n == 1 && i >= 0 && i < len(batch) {
		return fmt.Errorf("line %d: %w", batch[i].number, err)
	}
	return fmt.Errorf("lines %d to %d: %w", batch[0].number, batch[len(batch)-1].number, err)
}
