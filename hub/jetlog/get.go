package jetlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
)

// errNoMessage is returned if the stream has no such message.
var errNoMessage = errors.New("no such message in the stream")

// request sends a request to the JetStream API and reads the answer.
func (l *Link) request(ctx context.Context, subject string, request, answer any) error {
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

	LastOf  []string `json:"multi_last,omitempty"` // the last message of each subject
	UpToSeq uint64   `json:"up_to_seq,omitempty"`  // of LastOf
}

// leaderGet returns the sequence number of one message of the stream's leader, which is never behind. Errors:
// errNoMessage, ErrUnavailable.
func (l *Log) leaderGet(ctx context.Context, request getRequest) (uint64, error) {
	return l.link.leaderGet(ctx, l.opts.Stream, request)
}

func (l *Link) leaderGet(ctx context.Context, stream string, request getRequest) (uint64, error) {
	ctx, cancel, err := l.during(ctx, requestTimeout)
	if err != nil {
		return 0, err
	}
	defer cancel()
	var answer struct {
		Error   *apiError `json:"error"`
		Message struct {
			Seq uint64 `json:"seq"`
		} `json:"message"`
	}
	if err := l.request(ctx, "$JS.API.STREAM.MSG.GET."+stream, request, &answer); err != nil {
		return 0, err
	}
	switch {
	case answer.Error == nil:
		return answer.Message.Seq, nil
	case answer.Error.ErrCode == codeNoMessage:
		return 0, errNoMessage
	}
	return 0, fmt.Errorf("%w: %s", ErrUnavailable, answer.Error.Description)
}

// getAll reads several messages from any replica, in order, and returns how many more there are beyond the request's
// limits. Errors: ErrUnavailable.
func (l *Log) getAll(ctx context.Context, request getRequest, take func(m *nats.Msg)) (more int64, err error) {
	ctx, cancel, err := l.link.during(ctx, requestTimeout)
	if err != nil {
		return 0, err
	}
	defer cancel()
	body, err := json.Marshal(request)
	if err != nil {
		return 0, err
	}
	inbox := l.link.nc.NewInbox()
	sub, err := l.link.nc.SubscribeSync(inbox)
	if err != nil {
		return 0, unsent(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := l.link.nc.PublishRequest("$JS.API.DIRECT.GET."+l.opts.Stream, inbox, body); err != nil {
		return 0, unsent(err)
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		switch status := headerValue(m.Header, "Status"); status {
		case "":
			take(m)
		case "204":
			more, _ = strconv.ParseInt(headerValue(m.Header, "Nats-Num-Pending"), 10, 64)
			return more, nil
		case "404":
			return 0, nil
		default:
			return 0, fmt.Errorf("%w: %s %s", ErrUnavailable, status, headerValue(m.Header, "Description"))
		}
	}
}

// firstOf returns the sequence number of the oldest event of a channel.
func (l *Log) firstOf(ctx context.Context, channel string) (uint64, error) {
	return l.leaderGet(ctx, getRequest{NextFor: l.life.event(channel), Seq: 1})
}
