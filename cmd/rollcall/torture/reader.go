package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// reader reads pages of /history after a recently acknowledged event, mostly from another server, and requests the
// last event.
type reader struct {
	h        *History
	servers  []string
	channels []string
	client   *http.Client
	rand     *rand.Rand
}

func newReader(h *History, servers []string, seed uint64, name string, channels []string, client *http.Client) *reader {
	return &reader{h: h, servers: servers, channels: channels, client: client, rand: newRand(seed, name)}
}

func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		server, channel := pick(r.rand, r.servers), pick(r.rand, r.channels)
		switch after := r.h.recent(r.rand); {
		case r.rand.IntN(3) == 0:
			r.last(ctx, server, channel)
		case after != "":
			r.page(ctx, server, channel, after, 1+r.rand.IntN(50))
		}
		Pause(ctx, between(r.rand, 0, 20*time.Millisecond))
	}
}

// fetch requests a URL, and returns nil without an answer.
func (r *reader) fetch(ctx context.Context, url string) *http.Response {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return nil
	}
	return answer
}

// get requests JSON, and returns the answer's header, nil without an answer.
func (r *reader) get(ctx context.Context, url string, into any) http.Header {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer := r.fetch(ctx, url)
	if answer == nil {
		return nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || json.Unmarshal(text, into) != nil {
		return nil
	}
	return answer.Header
}

// page reads a page after a position, and records it. It returns nil without an answer.
func (r *reader) page(ctx context.Context, server, channel, after string, limit int) *Page {
	var got struct {
		Events []struct{ ID, ChannelName, Payload string }
		Next   string
		Gap    bool
	}
	query := url.Values{"channel": {channel}, "after": {after}, "limit": {fmt.Sprint(limit)}}
	if r.get(ctx, origin(server)+"/history?"+query.Encode(), &got) == nil {
		return nil
	}
	p := Page{Server: server, Channel: channel, After: after, Next: got.Next, Gap: got.Gap}
	for _, e := range got.Events {
		p.Events = append(p.Events, Read{e.ID, e.ChannelName, e.Payload})
	}
	r.h.page(p)
	return &p
}

func (r *reader) last(ctx context.Context, server, channel string) {
	var got, event struct{ Response, Payload string }
	header := r.get(ctx, origin(server)+"/lastEvent?channel="+url.QueryEscape(channel), &got)
	if header == nil || json.Unmarshal([]byte(got.Response), &event) != nil {
		return
	}
	r.h.last(Last{Server: server, Channel: channel, ID: header.Get("Last-Event-ID"), Payload: event.Payload})
}

// all reads all that a server keeps of a channel, and reports whether the event was among it.
func (r *reader) all(ctx context.Context, server string, want Event) bool {
	for after := ""; ; {
		p := r.page(ctx, server, want.Channel, after, 1000)
		if p == nil || len(p.Events) == 0 {
			return false
		}
		if p.Events[len(p.Events)-1].Payload == want.Payload {
			return true
		}
		after = p.Next
	}
}

// online returns the clients online according to a server.
func (r *reader) online(ctx context.Context, server string) (clients []string, ok bool) {
	var got struct{ Clients []struct{ ClientID string } }
	ok = r.get(ctx, origin(server)+"/presence/clients?limit=1000", &got) != nil
	for _, c := range got.Clients {
		clients = append(clients, c.ClientID)
	}
	return clients, ok
}

// ready reports whether a server is ready.
func (r *reader) ready(ctx context.Context, server string) bool {
	var got any
	return r.get(ctx, origin(server)+"/readyz", &got) != nil
}

// Ready reports whether a server is ready.
func Ready(ctx context.Context, server string) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: anyCertificate}}
	return (&reader{client: client}).ready(ctx, server)
}
