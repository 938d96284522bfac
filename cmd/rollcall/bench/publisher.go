package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// ledger counts published events per channel, and their expected deliveries.
type ledger struct {
	numbers  []uint32 // of each channel the last event; a channel belongs to one publisher
	readers  []int64  // of each channel the streams that should get an event; set between phases
	events   atomic.Int64
	expected atomic.Int64
	posts    atomic.Int64
	refused  atomic.Int64 // POSTs answered with 429 and sent again
	errors   atomic.Int64 // POSTs that failed otherwise
}

// publisher posts events over one connection, one request at a time. It is used by one goroutine.
type publisher struct {
	// Static.
	o        *Options
	endpoint endpoint
	body     template
	event    template
	names    []string
	marker   marker
	clock    clock
	ledger   *ledger
	timeout  time.Duration // for one POST

	conn    net.Conn
	reader  *bufio.Reader
	used    bool // the connection has answered before
	request []byte
	content []byte
	sent    map[uint32]uint32 // of a batch: how many events of a channel
}

func newPublisher(o *Options, names []string, k marker, c clock, l *ledger) *publisher {
	return &publisher{
		o: o, endpoint: parseEndpoint(o.PublishURL),
		body: parseTemplate(o.PublishBody), event: parseTemplate(o.PublishEvent),
		names: names, marker: k, clock: c, ledger: l, timeout: 30 * time.Second,
		sent: make(map[uint32]uint32),
	}
}

// maxPostErrors is how many POSTs in a row may fail before the publisher gives up.
const maxPostErrors = 5

// post publishes one event on each of channels, in that order, in one request, and returns when it
// is answered. A refusal for overload (429) is waited out and repeated; after another failure
// the events count as not published, which is an error only when it happens again and again.
func (p *publisher) post(ctx context.Context, channels []uint32) error {
	for failures := 0; ; {
		wait, err := p.try(ctx, channels)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			p.ledger.posts.Add(1)
			return nil
		case wait > 0:
			p.ledger.refused.Add(1)
		default:
			p.ledger.errors.Add(1)
			if failures++; failures == maxPostErrors {
				return fmt.Errorf("publishing failed %d times in a row: %w", failures, err)
			}
			wait = 100 * time.Millisecond
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// try sends one request. wait is set if the server sends a Retry-After.
func (p *publisher) try(ctx context.Context, channels []uint32) (wait time.Duration, err error) {
	p.render(channels)
	res, err := p.exchange(ctx)
	if err != nil && p.used && ctx.Err() == nil {
		// The server may have closed an idle connection just before it was used.
		p.hangUp()
		res, err = p.exchange(ctx)
	}
	if err != nil {
		p.hangUp()
		return 0, err
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 512))
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
	}
	p.used = true
	if err != nil || res.Close {
		p.hangUp()
	}
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return max(time.Duration(seconds)*time.Second, 100*time.Millisecond), errors.New("429")
	case res.StatusCode/100 != 2:
		return 0, fmt.Errorf("answered %s: %.200q", res.Status, text)
	}
	for channel, n := range p.sent {
		p.ledger.numbers[channel] += n
		p.ledger.expected.Add(int64(n) * p.ledger.readers[channel])
	}
	p.ledger.events.Add(int64(len(channels)))
	return 0, nil
}

// render writes the request for one event on each of channels.
func (p *publisher) render(channels []uint32) {
	clear(p.sent)
	write := func(channel uint32) func([]byte, placeholder) []byte {
		p.sent[channel]++
		m := mark{channel: channel, number: p.ledger.numbers[channel] + p.sent[channel], nanos: p.clock.now()}
		return func(dst []byte, h placeholder) []byte {
			switch h {
			case inChannel:
				return append(dst, p.names[channel]...)
			case inType:
				return append(dst, p.o.EventType...)
			case inPayload:
				return p.marker.appendPayload(dst, m, p.o.PayloadBytes)
			}
			return append(dst, h...)
		}
	}
	first := channels[0]
	if p.body.has(inEvents) {
		p.content = p.body.fill(p.content[:0], func(dst []byte, h placeholder) []byte {
			if h != inEvents {
				return append(dst, h...)
			}
			for i, channel := range channels {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = p.event.fill(dst, write(channel))
			}
			return dst
		})
	} else {
		p.content = p.body.fill(p.content[:0], write(first))
	}
	b := append(p.request[:0], "POST "...)
	b = p.endpoint.path.fill(b, func(dst []byte, h placeholder) []byte {
		if h == inChannel {
			return append(dst, p.names[first]...)
		}
		return append(dst, h...)
	})
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), p.endpoint.host...), "\r\n"...)
	b = append(b, "Content-Type: application/json\r\n"...)
	for _, h := range p.o.Headers {
		b = append(append(b, h...), "\r\n"...)
	}
	b = strconv.AppendInt(append(b, "Content-Length: "...), int64(len(p.content)), 10)
	p.request = append(append(b, "\r\n\r\n"...), p.content...)
}

// exchange writes the request and reads the head of the answer.
func (p *publisher) exchange(ctx context.Context) (*http.Response, error) {
	if p.conn == nil {
		if err := p.dial(ctx); err != nil {
			return nil, err
		}
	}
	stop := context.AfterFunc(ctx, func() { p.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	p.conn.SetDeadline(time.Now().Add(p.timeout))
	if _, err := p.conn.Write(p.request); err != nil {
		return nil, fmt.Errorf("publishing: %w", err)
	}
	res, err := http.ReadResponse(p.reader, nil)
	if err != nil {
		return nil, fmt.Errorf("publishing: %w", err)
	}
	return res, nil
}

func (p *publisher) dial(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", p.endpoint.addr)
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	if p.endpoint.tls {
		conn = tls.Client(conn, tlsConfig(p.endpoint, p.o.InsecureTLS))
	}
	p.conn, p.reader, p.used = conn, bufio.NewReader(conn), false
	return nil
}

// hangUp closes the connection; the next request makes a new one.
func (p *publisher) hangUp() {
	if p.conn != nil {
		p.conn.Close()
		p.conn, p.reader, p.used = nil, nil, false
	}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
