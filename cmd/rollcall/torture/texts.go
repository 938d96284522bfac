package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// textType is the type of pieces.
const textType = "piece"

// teller writes one text after the other, each in pieces on a channel of its own, which ends with the last piece.
type teller struct {
	name    string
	h       *History
	servers []string
	client  *http.Client
	seed    uint64
	rand    *rand.Rand

	listeners []*listener
}

// run writes texts until the context ends, and finishes the one that it has begun. follow starts the subscriber of a text,
// before its first piece or in its midst.
func (t *teller) run(ctx context.Context, follow func(*listener)) {
	for n := 0; ctx.Err() == nil; n++ {
		text := &Text{Channel: fmt.Sprint(t.name, ".", n)}
		l := newListener(t.servers, t.seed, text)
		pieces := 1 + t.rand.IntN(12)
		begin := t.rand.IntN(pieces)
		for i := range pieces {
			if i == begin {
				t.listeners = append(t.listeners, l)
				t.h.note(func(time.Duration) { t.h.Texts = append(t.h.Texts, text) })
				follow(l)
			}
			piece := fmt.Sprintf("%s.%d ", text.Channel, i)
			if !t.insist(posting{Channel: text.Channel, Type: textType, Payload: piece, Key: piece, Append: "text", End: i == pieces-1}) {
				t.h.stuck(fmt.Sprintf("%q is not acknowledged", piece))
				return
			}
			text.Pieces = append(text.Pieces, piece)
			Pause(ctx, between(t.rand, 0, 80*time.Millisecond))
		}
	}
}

// insist publishes a piece until it is acknowledged.
func (t *teller) insist(p posting) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, requestTimeout)
		outcome, code, _ := send(attempt, t.client, pick(t.rand, t.servers), []posting{p})
		done()
		if outcome == Acked {
			return true
		}
		if code == "channel_ended" || !Pause(ctx, 20*time.Millisecond) {
			return false
		}
	}
}

// listener is a subscriber of one text: it drops, stalls and resumes elsewhere until the text is complete.
type listener struct {
	*resumer
	text *Text
	stop context.CancelFunc

	mu    sync.Mutex // guards the text but for its pieces
	ended bool
}

func newListener(servers []string, seed uint64, text *Text) *listener {
	l := &listener{text: text}
	l.resumer = &resumer{
		servers: servers, rand: newRand(seed, text.Channel), path: "/subscribe?from=oldest&channels=" + text.Channel, on: l.take,
		refused: func(_ string, status int) {
			if status == http.StatusNoContent {
				l.over()
			}
		},
	}
	return l
}

func (l *listener) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.mu.Lock()
	l.stop = cancel
	l.mu.Unlock()
	l.resumer.run(ctx)
}

func (l *listener) take(_, _ string, m Message) {
	var data struct {
		Payload string
		End     bool
	}
	_ = json.Unmarshal([]byte(m.Data), &data) // unreadable data counts as missing
	l.mu.Lock()
	defer l.mu.Unlock()
	switch m.Kind {
	case textType:
		if l.ended {
			l.text.Behind++
		}
		l.text.Got += data.Payload
		l.ended = l.ended || data.End
	case "gap":
		var gap struct{ Reason string }
		_ = json.Unmarshal([]byte(data.Payload), &gap)
		l.text.Gaps, l.text.Got, l.ended = append(l.text.Gaps, gap.Reason), "", false
	case "goodbye":
		if strings.Contains(data.Payload, `"complete"`) {
			l.text.Over = true
			l.stop()
		}
	}
}

func (l *listener) over() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Over = true
	l.stop()
}

// leave ends the subscriber.
func (l *listener) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop()
}

// isOver reports whether nothing more comes.
func (l *listener) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Over
}

// inOrder reports whether a text is some of the pieces, in their order and each once.
func inOrder(text string, pieces []string) bool {
	for _, piece := range pieces {
		text = strings.TrimPrefix(text, piece)
	}
	return text == ""
}

// checkTexts checks that each text is its pieces, however it was cut, and that nothing came behind its end.
func (c *checker) checkTexts() {
	for _, t := range c.h.Texts {
		want := strings.Join(t.Pieces, "")
		switch {
		case t.Behind > 0:
			c.add(RuleEnd, "%d of %s", t.Behind, t.Channel)
		case len(t.Gaps) > 0 && c.rules.Durable:
			c.add(RuleFalseGap, "%s, of which nothing was dropped, has %v", t.Channel, t.Gaps)
		case c.rules.Durable && t.Got != want, !c.rules.SetBack && !strings.Contains(want, t.Got), // a new log has the text's rest
			!inOrder(t.Got, t.Pieces): // behind an older copy's beginning
			c.add(RuleText, "%s is %q, and its pieces are %q", t.Channel, t.Got, want)
		}
	}
}
