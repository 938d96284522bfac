package roster

import (
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
)

// MaxWord is how long a payload can be.
const MaxWord = 64 << 10

// Broadcast sends messages to all other nodes at once. Nodes that are not connected to NATS
// miss them. It waits for NATS once, however many there are.
//
// Errors: ErrInvalid, and then nothing was sent; ErrUnavailable.
func (r *Roster) Broadcast(kind string, payloads ...[]byte) error {
	for _, payload := range payloads {
		if len(kind) > 255 || len(payload) > MaxWord {
			return fmt.Errorf("%w: a kind has at most 255 bytes and a payload %d; these have %d and %d", ErrInvalid, MaxWord, len(kind), len(payload))
		}
	}
	if len(payloads) == 0 {
		return nil
	}
	head := appendCut(appendCut(nil, r.Session()), kind)
	var err error
	for _, payload := range payloads {
		if err = r.sendMsg(&nats.Msg{Subject: r.names.tell(), Data: slices.Concat(head, payload)}); err != nil {
			break
		}
	}
	if err == nil {
		err = r.nc.FlushTimeout(requestTimeout)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Heard receives the other nodes' messages, in order for each of them. It is never closed.
func (r *Roster) Heard() <-chan Word { return r.heard }

// listen forwards the other nodes' messages to heard.
func (r *Roster) listen() (*nats.Subscription, error) {
	defer func() { _ = r.nc.FlushTimeout(requestTimeout) }() // from now on; a new connection subscribes by itself
	return r.nc.Subscribe(r.names.tell(), func(m *nats.Msg) {
		session, rest, ok := cut(m.Data)
		if !ok {
			return
		}
		kind, payload, ok := cut(rest)
		r.mu.Lock()
		_, own := r.mine[session]
		r.mu.Unlock()
		if !ok || own {
			return
		}
		select {
		case r.heard <- Word{Session: session, Kind: kind, Payload: payload}:
		case <-r.ctx.Done():
		}
	})
}

// cut takes off a string with its length in front.
func cut(b []byte) (s string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	n := 1 + int(b[0])
	return string(b[1:n]), b[n:], true
}
