package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/hub/outbox"
)

// Options say where an outbox is stored.
type Options struct {
	Name     string // of the stream and the bucket
	Replicas int    // of both, if they are made; 0 means 1
}

// The limits of the stream, if nobody consumes it.
const (
	maxAge   = 24 * time.Hour
	maxBytes = 256 << 20
)

// Outbox is an [outbox.Store] in JetStream.
type Outbox struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	values  jetstream.KeyValue
	subject string
	sub     *nats.Subscription
	changed chan struct{} // capacity one
}

var _ outbox.Store = (*Outbox)(nil)

// Open opens the outbox, and makes it if it is not there. The connection is the caller's; it is used until Close.
func Open(ctx context.Context, nc *nats.Conn, opts Options) (*Outbox, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	o := &Outbox{js: js, subject: "rollcall-hooks." + opts.Name, changed: make(chan struct{}, 1)}
	replicas := max(opts.Replicas, 1)
	o.stream, err = js.Stream(ctx, opts.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		o.stream, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: opts.Name, Description: "What Rollcall has yet to tell webhooks", Subjects: []string{o.subject},
			Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld,
			MaxAge: maxAge, MaxBytes: maxBytes, Replicas: replicas,
		})
	}
	if err != nil {
		return nil, fail(err)
	}
	if subjects := o.stream.CachedInfo().Config.Subjects; !slices.Equal(subjects, []string{o.subject}) {
		return nil, fmt.Errorf("the stream %s is another one: its subjects are %q", opts.Name, subjects)
	}
	o.values, err = js.KeyValue(ctx, opts.Name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		o.values, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: opts.Name, Description: "What Rollcall has told webhooks", Storage: jetstream.FileStorage, Replicas: replicas,
		})
	}
	if err != nil {
		return nil, fail(err)
	}
	o.sub, err = nc.Subscribe(o.subject, func(*nats.Msg) { o.signal() })
	return o, fail(err)
}

func (o *Outbox) signal() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// fail gives NATS's errors their meaning here.
func fail(err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyExists):
		return outbox.ErrConflict
	case errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant):
		return outbox.ErrConflict
	}
	return fmt.Errorf("%w: %w", outbox.ErrUnavailable, err)
}

// Durable implements [outbox.Store].
func (o *Outbox) Durable() bool { return true }

// Shared implements [outbox.Store].
func (o *Outbox) Shared() bool { return true }

// Changed implements [outbox.Store].
func (o *Outbox) Changed() <-chan struct{} { return o.changed }

// Append implements [outbox.Store].
func (o *Outbox) Append(ctx context.Context, after uint64, data []byte) error {
	_, err := o.js.Publish(ctx, o.subject, data, jetstream.WithExpectLastSequence(after), jetstream.WithRetryAttempts(0))
	return fail(err)
}

// Read implements [outbox.Store].
func (o *Outbox) Read(ctx context.Context, after uint64, n int) ([]outbox.Entry, error) {
	var list []outbox.Entry
	for len(list) < n {
		m, err := o.stream.GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(o.subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, fail(err)
		}
		after = m.Sequence
		list = append(list, outbox.Entry{Seq: m.Sequence, Data: m.Data})
	}
	return list, nil
}

// Head implements [outbox.Store].
func (o *Outbox) Head(ctx context.Context) (uint64, error) {
	info, err := o.stream.Info(ctx)
	if err != nil {
		return 0, fail(err)
	}
	return info.State.LastSeq, nil
}

// Trim implements [outbox.Store].
func (o *Outbox) Trim(ctx context.Context, through uint64) error {
	return fail(o.stream.Purge(ctx, jetstream.WithPurgeSequence(through+1)))
}

// Get implements [outbox.Store].
func (o *Outbox) Get(ctx context.Context, key string) (outbox.Value, error) {
	e, err := o.values.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return outbox.Value{}, nil
	}
	if err != nil {
		return outbox.Value{}, fail(err)
	}
	return outbox.Value{Data: e.Value(), Rev: e.Revision()}, nil
}

// Put implements [outbox.Store].
func (o *Outbox) Put(ctx context.Context, key string, data []byte, rev uint64) (uint64, error) {
	var err error
	if rev == 0 {
		rev, err = o.values.Create(ctx, key, data)
	} else {
		rev, err = o.values.Update(ctx, key, data, rev)
	}
	return rev, fail(err)
}

// Delete implements [outbox.Store].
func (o *Outbox) Delete(ctx context.Context, key string) error {
	return fail(o.values.Purge(ctx, key))
}

// Keys implements [outbox.Store].
func (o *Outbox) Keys(ctx context.Context, prefix string) ([]string, error) {
	keys, err := o.values.ListKeysFiltered(ctx, strings.TrimSuffix(prefix, ".")+".>")
	if err != nil {
		return nil, fail(err)
	}
	var list []string
	for key := range keys.Keys() {
		if strings.HasPrefix(key, prefix) {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list, fail(ctx.Err()) // with it, the list would end early
}

// Close implements [outbox.Store].
func (o *Outbox) Close() error { return o.sub.Unsubscribe() }
