package clients

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	launchdarkly "github.com/launchdarkly/eventsource"
	"github.com/tmaxmax/go-sse"
)

// types are the event types that clients have to register.
var types = []string{"registered", "lastEvent", "gap", "goodbye", "message", "foo", "bar", "order.placed"}

// client is an independent SSE client. listen starts it and arranges its end; it continues after lost connections and,
// if it can, after silence longer than silence, unless that is 0.
type client struct {
	name   string
	listen func(t *testing.T, url string, silence time.Duration) *session
}

// clients are all of them.
var clients = []client{
	{"Chromium", listenInBrowser},
	{"npm eventsource", nodeClient("eventsource")},
	{"npm launchdarkly-eventsource", nodeClient("launchdarkly-eventsource")},
	{"Go tmaxmax go-sse", listenWithGoSSE},
	{"Go launchdarkly eventsource", listenWithLaunchDarkly},
	{"curl", listenWithCurl},
}

// eachClient runs a test with every client at the same time: most of it is waiting for them to reconnect.
func eachClient(t *testing.T, clients []client, test func(t *testing.T, c client)) {
	t.Parallel()
	for _, c := range clients {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

// httpClient returns a client that leaves nothing behind when the test ends.
func httpClient(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// listenWithGoSSE reads events of up to 64 KiB, the module's default. It keeps to the retry that the server asks for.
func listenWithGoSSE(t *testing.T, url string, _ time.Duration) *session {
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	client := sse.Client{
		HTTPClient: httpClient(t),
		// Without these it waits longer each time, without an end.
		Backoff: sse.Backoff{InitialInterval: 100 * time.Millisecond, Multiplier: 1, MaxInterval: time.Second},
	}
	s := newSession()
	conn := client.NewConnection(request)
	conn.SubscribeToAll(func(e sse.Event) { s.hear(heard{e.Type, e.LastEventID, e.Data}) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := conn.Connect(); ctx.Err() == nil {
			s.end(err.Error())
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

// listenWithLaunchDarkly leaves it to an error handler to stop; this one does at any answer but a stream, and when the
// test is over (its Close hangs while events come).
func listenWithLaunchDarkly(t *testing.T, url string, silence time.Duration) *session {
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	s := newSession()
	stream, err := launchdarkly.SubscribeWithRequestAndOptions(request,
		launchdarkly.StreamOptionHTTPClient(httpClient(t)),
		launchdarkly.StreamOptionUseBackoff(100*time.Millisecond), // at most, whatever the server asks for
		launchdarkly.StreamOptionReadTimeout(silence),
		launchdarkly.StreamOptionErrorHandler(func(err error) launchdarkly.StreamErrorHandlerResult {
			var refused launchdarkly.SubscriptionError
			if errors.As(err, &refused) {
				s.end(err.Error())
			}
			return launchdarkly.StreamErrorHandlerResult{CloseNow: refused.Code != 0 || ctx.Err() != nil}
		}),
	)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range stream.Events {
			s.hear(heard{e.Event(), e.(launchdarkly.EventWithLastID).LastEventID(), e.Data()})
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}
