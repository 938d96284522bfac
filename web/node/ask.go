package node

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"rollcall/presence/peers"
)

// Answer is another server's answer to a question, of type A.
type Answer[A any] struct {
	Node    string
	Session string
	At      time.Time // when it arrived
	Value   A
}

// AskWait is how long a server waits for the others' answers.
const AskWait = time.Second

// Ask sends a question to the other servers, or to that of a session, and returns the answers that arrive within AskWait.
// A server that does not know the kind does not answer.
func Ask[A any](ctx context.Context, n *Node, session, kind string, question any) []Answer[A] {
	if n.Cluster == nil {
		return nil
	}
	return askOthers[A](ctx, n.Cluster, session, kind, question)
}

func askOthers[A any](ctx context.Context, c *Cluster, session, kind string, question any) []Answer[A] {
	payload, err := json.Marshal(question)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, AskWait)
	defer cancel()
	answers, err := c.Roster.Ask(ctx, session, kind, payload)
	if err != nil {
		c.node.opts.Log.Debug("the other servers could not be asked", "kind", kind, "error", err)
	}
	var list []Answer[A]
	for _, a := range answers {
		answer := Answer[A]{Node: a.Node, Session: a.Session, At: time.Now()}
		if json.Unmarshal(a.Payload, &answer.Value) == nil {
			list = append(list, answer)
		}
	}
	return list
}

// OnAsk has f answer the other servers' questions of a kind. f is called by several goroutines; without ok, the question
// gets no answer.
func OnAsk[Q any](n *Node, kind string, f func(question Q) (answer any, ok bool)) {
	n.answerers.Store(kind, func(payload []byte) (any, bool) {
		var question Q
		if json.Unmarshal(payload, &question) != nil {
			return nil, false
		}
		return f(question)
	})
}

// Others returns the other servers of the cluster.
func (n *Node) Others() []peers.Node {
	if n.Cluster == nil {
		return nil
	}
	return n.Cluster.Roster.Nodes()[1:]
}

// mostAnswers is how many questions are answered at once.
const mostAnswers = 4

// answerQuestions answers the other servers' questions until quit is closed.
func (c *Cluster) answerQuestions(quit <-chan struct{}) {
	var running sync.WaitGroup
	defer running.Wait()
	for range mostAnswers {
		running.Go(func() {
			for {
				select {
				case q := <-c.Roster.Asked():
					c.answer(q)
				case <-quit:
					return
				}
			}
		})
	}
}

func (c *Cluster) answer(q peers.Question) {
	f, known := c.node.answerers.Load(q.Kind)
	if !known {
		return
	}
	value, ok := f.(func([]byte) (any, bool))(q.Payload)
	if !ok {
		return
	}
	text, err := json.Marshal(value)
	if err == nil {
		err = q.Answer(text)
	}
	if err != nil {
		c.node.opts.Log.Debug("another server's question could not be answered", "kind", q.Kind, "error", err)
	}
}
