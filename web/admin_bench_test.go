package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// BenchmarkAdminClients renders the list of 20 000 clients: 50 rows, found and
// sorted anew each time. It may take 50 ms.
func BenchmarkAdminClients(b *testing.B) {
	const online = 20_000
	srv := webtest.Start(b, withAdmins(web.Options{MaxStreams: 2 * online}))
	srv.Crowd(online)
	cookie := operator(b, srv).cookies()[0]
	srv.Publish("all", `1`, `2`, `3`)
	for name, target := range map[string]string{
		"first page": "/admin/clients", "last page": "/admin/clients?page=400", "by bytes": "/admin/clients?sort=-bytes", "by behind": "/admin/clients?sort=-behind",
		"by address": "/admin/clients?sort=address", "by time": "/admin/clients?sort=-since", "search id": "/admin/clients?q=client-0123", "search info": "/admin/clients?q=team+7",
		"search channel": "/admin/clients?q=channel-42", "search address": "/admin/clients?q=10.0.42.", "search nothing": "/admin/clients?q=no+such+client",
		"client": "/admin/clients/client-012345", "overview": "/admin", "channel": "/admin/channels/all",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, target, nil)
				r.AddCookie(cookie)
				w := httptest.NewRecorder()
				srv.Handler().ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatalf("%s: status %d", target, w.Code)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/page")
		})
	}
}
