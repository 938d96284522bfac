package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// BenchmarkAdminClients renders the list of 20 000 clients: 50 rows, found and
// sorted anew each time. It may take 50 ms.
func BenchmarkAdminClients(b *testing.B) {
	const online = 20_000
	srv := webtest.Start(b, withAdmins(web.Options{MaxStreams: 2 * online, MaxConnections: 2 * online})) // the streams have no sockets
	srv.Crowd(online)
	cookie := operator(b, srv).cookies()[0]
	srv.Publish("all", `1`, `2`, `3`)
	benchmarkPages(b, srv, cookie, map[string]string{
		"first page": "/admin/clients", "last page": "/admin/clients?page=400", "by bytes": "/admin/clients?sort=-bytes", "by behind": "/admin/clients?sort=-behind",
		"by address": "/admin/clients?sort=address", "by time": "/admin/clients?sort=-since", "search id": "/admin/clients?q=client-0123", "search info": "/admin/clients?q=team+7",
		"search channel": "/admin/clients?q=channel-42", "search address": "/admin/clients?q=10.0.42.", "search nothing": "/admin/clients?q=no+such+client",
		"filter program": "/admin/clients?q=agent:chrome+proto:http/1.1", "filter channel": "/admin/clients?q=channel:channel-4*+channel:all", "filter network": "/admin/clients?q=addr:10.0.42.0/24",
		"filter info": "/admin/clients?q=%22info.team%22:%22team+7%22+since:<1h", "filter behind": "/admin/clients?q=behind:>100+is:slow",
		"groups by network": "/admin/clients?group=network", "groups by program": "/admin/clients?group=agent", "groups by info": "/admin/clients?group=info.team",
		"groups by channel": "/admin/clients?group=channel",
		"find":              "/admin/find?q=person+7", "find address": "/admin/find?q=10.0.42",
		"client": "/admin/clients/client-012345", "overview": "/admin", "channel": "/admin/channels/all",
	})
}

// BenchmarkAdminChannels renders the list of 300 000 channels.
func BenchmarkAdminChannels(b *testing.B) {
	const channels = 300_000
	log := eventlog.NewMemory(eventlog.Options{Budget: 1 << 30})
	b.Cleanup(func() { log.Close() })
	for i := 0; i < channels; i += 1000 {
		events := make([]eventlog.Event, 1000)
		for j := range events {
			events[j] = eventlog.Event{Channel: fmt.Sprintf("channel-%06d", (i+j)*7919%channels), Type: "t", Payload: []byte("1")}
		}
		if _, err := log.Append(b.Context(), events); err != nil {
			b.Fatal(err)
		}
	}
	srv := webtest.Start(b, withAdmins(web.Options{Engine: web.MemoryEngine{Memory: log}}))
	benchmarkPages(b, srv, operator(b, srv).cookies()[0], map[string]string{
		"first page": "/admin/channels", "last page": "/admin/channels?page=6000", "by rate": "/admin/channels?sort=-rate", "by bytes": "/admin/channels?sort=bytes",
		"search": "/admin/channels?q=00",
	})
}

func benchmarkPages(b *testing.B, srv *webtest.Server, cookie *http.Cookie, pages map[string]string) {
	for name, target := range pages {
		get := func() {
			r := httptest.NewRequest(http.MethodGet, target, nil)
			r.AddCookie(cookie)
			w := httptest.NewRecorder()
			srv.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				b.Errorf("%s: status %d", target, w.Code)
			}
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpuTime()
			for b.Loop() {
				get()
			}
			reportPages(b, before, b.N)
		})
		b.Run(name+" for 64", func(b *testing.B) {
			b.ReportAllocs()
			before := cpuTime()
			for b.Loop() {
				var all sync.WaitGroup
				for range 64 {
					all.Go(get)
				}
				all.Wait()
			}
			reportPages(b, before, 64*b.N)
		})
	}
}

// reportPages reports the time of a page, and its time on a processor, which other work of the machine hardly changes.
func reportPages(b *testing.B, before time.Duration, pages int) {
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(pages), "ms/page")
	if now := cpuTime(); now > 0 {
		b.ReportMetric(float64((now-before).Microseconds())/1000/float64(pages), "cpu-ms/page")
	}
}
