package admin

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"rollcall/web/node"
)

// answersAge is how old another server's answer may be, unless it is asked for more rarely. What a server has not answered within this time is unknown.
const answersAge = 10 * time.Second

// lookup keeps the other servers' newest answers to a question that pages ask again and again, so that a page
// waits for slow servers only once. Its methods are safe for concurrent use.
type lookup[A any] struct {
	node  *node.Node
	kind  string
	every time.Duration

	mu       sync.Mutex
	question string // the one asked last, as JSON
	asked    time.Time
	finished time.Time     // the last asking
	busy     chan struct{} // closed when the answers are there; nil unless asking
	answers  []node.Answer[A]
}

// ask returns what is known, and asks again if that is older than every. The first question, and one after a pause, waits
// for the answers, at most node.AskWait.
func (l *lookup[A]) ask(question any) []node.Answer[A] {
	if l.node.Cluster == nil {
		return nil
	}
	text, err := json.Marshal(question)
	if err != nil {
		return nil
	}
	l.mu.Lock()
	if l.busy == nil && (string(text) != l.question || time.Since(l.asked) >= l.every) {
		l.question, l.asked, l.busy = string(text), time.Now(), make(chan struct{})
		go l.run(text)
	}
	busy, wait := l.busy, time.Since(l.finished) > l.age()
	l.mu.Unlock()
	if busy != nil && wait {
		<-busy
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.answers), func(a node.Answer[A]) bool { return time.Since(a.At) > l.age() })
}

// age is how old an answer may be that is asked for as rarely as this one.
func (l *lookup[A]) age() time.Duration { return max(answersAge, 2*l.every) }

func (l *lookup[A]) run(question json.RawMessage) {
	answers := node.Ask[A](context.Background(), l.node, "", l.kind, question)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range answers {
		l.answers = slices.DeleteFunc(l.answers, func(old node.Answer[A]) bool { return old.Session == a.Session })
	}
	l.answers = append(l.answers, answers...)
	close(l.busy)
	l.busy, l.finished = nil, time.Now()
}
