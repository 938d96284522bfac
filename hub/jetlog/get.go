package jetlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
)

// errNoMessage is returned where the stream has no such message.
var errNoMessage = errors.New("no such message in the stream")

// ask sends a request to the JetStream API and reads the answer.
func (l *Link) ask(ctx context.Context, subject string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	reply, err := l.nc.RequestWithContext(ctx, subject, body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	l.heard()
	return json.Unmarshal(reply.Data, answer)
}

// getRequest is the request of a direct get.
type getRequest struct {
	Seq      uint64 `json:"seq,omitempty"`
	NextFor  string `json:"next_by_subj,omitempty"`
	LastFor  string `json:"last_by_subj,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	MaxBytes int    `json:"max_bytes,omitempty"`
	UpToSeq  uint64 `json:"up_to_seq,omitempty"`
}

// get reads one message from any replica. Errors: errNoMessage, ErrUnavailable.
func (l *Log) get(ctx context.Context, request getRequest) (*nats.Msg, error) {
	ctx, cancel, err := l.link.during(ctx, requestTimeout)
	if err != nil {
		return nil, err
	}
	defer cancel()
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	m, err := l.link.nc.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+l.opts.Stream, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	l.link.heard()
	switch status := first(m.Header, "Status"); status {
	case "":
		return m, nil
	case "404":
		return nil, errNoMessage
	default:
		return nil, fmt.Errorf("%w: %s %s", ErrUnavailable, status, first(m.Header, "Description"))
	}
}

// firstOf returns the sequence number of the oldest event of a channel.
func (l *Log) firstOf(ctx context.Context, channel string) (uint64, error) {
	m, err := l.get(ctx, getRequest{NextFor: l.life.event(channel), Seq: 1})
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(first(m.Header, "Nats-Sequence"), 10, 64)
}
