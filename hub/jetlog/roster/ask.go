package roster

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"rollcall/presence/peers"
)

// Aliases of the types in [peers].
type (
	Question = peers.Question
	Answer   = peers.Answer
)

// MaxAnswer is how long an answer can be.
const MaxAnswer = 512 << 10

// mostAsked is how many questions may wait for this node. Further ones get no answer.
const mostAsked = 64

// Ask sends a question to the node of a session, or to all other nodes for "", and returns their answers: when all nodes
// have answered, or when ctx ends. An answer that is late or lost is missing.
func (r *Roster) Ask(ctx context.Context, session, kind string, payload []byte) ([]Answer, error) {
	if len(kind) > 255 || len(session) > 255 || len(payload) > MaxWord {
		return nil, fmt.Errorf("%w: a kind has at most 255 bytes and a payload %d; these have %d and %d",
			ErrInvalid, MaxWord, len(kind), len(payload))
	}
	waiting := r.others(session)
	if len(waiting) == 0 {
		return nil, nil
	}
	inbox := r.nc.NewInbox()
	sub, err := r.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	body := appendCut(appendCut(appendCut(nil, r.Session()), session), kind)
	if err := r.sendMsg(&nats.Msg{Subject: r.names.ask(), Reply: inbox, Data: append(body, payload...)}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var answers []Answer
	for len(waiting) > 0 {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			break
		}
		from, rest, ok := cut(m.Data)
		if name, asked := waiting[from]; ok && asked {
			delete(waiting, from)
			answers = append(answers, Answer{Node: name, Session: from, Payload: rest})
		} else if m.Header.Get("Status") != "" {
			break // nobody listens
		}
	}
	return answers, nil
}

// others returns the names of the other nodes by their sessions, or only that of one session.
func (r *Roster) others(session string) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := make(map[string]string, len(r.nodes))
	for s, n := range r.nodes {
		if session == "" || s == session {
			found[s] = n.name
		}
	}
	return found
}

// Asked receives the other nodes' questions. It is never closed.
func (r *Roster) Asked() <-chan Question { return r.asked }

// answerQuestions forwards the other nodes' questions to asked. listen comes after it and has the server know of it.
func (r *Roster) answerQuestions() (*nats.Subscription, error) {
	return r.nc.Subscribe(r.names.ask(), func(m *nats.Msg) {
		from, rest, ok := cut(m.Data)
		to, rest, ok2 := cut(rest)
		kind, payload, ok3 := cut(rest)
		if !ok || !ok2 || !ok3 || m.Reply == "" {
			return
		}
		r.mu.Lock()
		_, own := r.mine[from]
		session := r.session
		r.mu.Unlock()
		if own || to != "" && to != session {
			return
		}
		answer := func(text []byte) error {
			if len(text) > MaxAnswer {
				return fmt.Errorf("%w: an answer has at most %d bytes; this one has %d", ErrInvalid, MaxAnswer, len(text))
			}
			return r.sendMsg(&nats.Msg{Subject: m.Reply, Data: append(appendCut(nil, session), text...)})
		}
		select {
		case r.asked <- Question{Kind: kind, Payload: payload, Answer: answer}:
		default: // too many wait
		}
	})
}

// appendCut appends a string with its length in front, for cut.
func appendCut(dst []byte, s string) []byte { return append(append(dst, byte(len(s))), s...) }
