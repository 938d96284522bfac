package stream

import (
	"context"
	"errors"
	"slices"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/web/node"
)

// start is a stream's first position, and its first events from the store.
type start struct {
	resume string          // "" begins afresh
	older  *eventlog.Batch // its missed events
	held   int64           // older's share of the store's read quota
	last   node.FillLast   // of its channels' newest events
}

// errComplete says that a stream would get nothing any more: all its channels have ended.
var errComplete = errors.New("all channels of the stream have ended")

// startPosition finds the position at which a stream begins, waits until the log has reached it, and reads from the store missed
// events, those to the client too, or on a fresh start what the stream begins with. With an error, only resume is set.
func (s *Streams) startPosition(ctx context.Context, r *Request, client string) (start, error) {
	resume, err := r.position(ctx)
	failed := start{resume: resume}
	if err != nil {
		return failed, err
	}
	if err := s.node.AwaitPosition(ctx, resume); err != nil {
		return failed, err
	}
	names := r.Channels
	if own := eventlog.ClientChannel(client); own != "" {
		names = append(slices.Clone(names), own)
	}
	if at, resumes := s.node.Resumes(resume); resumes {
		if s.node.Log.HasEnds() && s.node.Log.Ended(r.Channels, at.Seq) {
			return failed, errComplete
		}
		older, held, err := s.node.Older(ctx, names, resume)
		if err != nil {
			return failed, err
		}
		return start{resume: resume, older: older, held: held}, nil
	}
	switch r.From {
	case hub.FromHead, hub.FromLast:
		last, err := s.node.ReadLast(ctx, r.Channels)
		return start{resume: resume, last: last}, err
	case hub.FromOldest:
		older, held, err := s.node.Oldest(ctx, names)
		if err != nil {
			return failed, err
		}
		return start{resume: resume, older: older, held: held}, nil
	}
	return failed, nil
}

// position returns the client's last position: its own, else its device's stored one; "" for none.
func (r *Request) position(ctx context.Context) (string, error) {
	if r.Place == nil {
		return r.Resume, nil
	}
	if at, err := eventlog.ParsePosition(r.Resume); r.Resume != "" && (err != nil || at.Epoch != hub.Fresh) {
		return r.Resume, nil
	}
	last, err := r.Place.Last(ctx)
	if last == "" {
		last = r.Resume
	}
	return last, err
}
