package web_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"rollcall/web"
	"rollcall/web/webtest"
)

// A body that says it is compressed is not looked at.
func TestSecurityCompressedBody(t *testing.T) {
	t.Parallel()
	srv := start(t)
	before := srv.Head()
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	_, _ = zip.Write(bytes.Repeat([]byte(" "), 16<<20))
	_ = zip.Close()
	for _, encoding := range []string{"gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "gzip, identity", "identity, gzip"} {
		for _, body := range []string{bomb.String(), batch} {
			srv.Post("/publish", body, "Content-Encoding: "+encoding).WantFault(415, "unsupported_encoding", "")
			srv.Post("/subscribe", body, "Content-Encoding: "+encoding).WantFault(415, "unsupported_encoding", "")
			srv.Do("GET", "/presence/clients", body, "Content-Encoding: "+encoding).WantFault(415, "unsupported_encoding", "")
		}
	}
	// Nor does it help to say it twice.
	srv.Post("/publish", bomb.String(), "Content-Encoding: identity", "Content-Encoding: gzip").WantFault(400, "invalid_json", "")
	if after := srv.Head(); after != before {
		t.Errorf("the head went from %s to %s", before, after)
	}
}

func TestSecurityDeepJSON(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{MaxPayloadBytes: 1 << 20})
	before := srv.Head()
	const n = 100_000
	lists, objects := strings.Repeat("[", n)+strings.Repeat("]", n), strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n)
	for _, deep := range []string{lists, objects, strings.Repeat("[", n), strings.Repeat(`[{"a":`, n/2)} {
		for _, body := range []string{
			deep, `{"events":` + deep + `}`, `{"events":[` + deep + `]}`, `{"x":` + deep + `,"events":[]}`, oneEvent("a", deep), `{"events":[{"channelName":` + deep + `}]}`, `{"events":[{"x":` + deep + `,"channelName":"a","type":"t","payload":1}]}`,
		} {
			if a := srv.Post("/publish", body); a.Status != 400 && a.Status != 413 {
				t.Errorf("%.60s: %d %.300s", body, a.Status, a.Body)
			}
		}
		for _, body := range []string{deep, `{"channels":` + deep + `}`, `{"channels":["a"],"info":` + deep + `}`, `{"channels":["a"],"x":` + deep + `}`, `{"channels":["a"],"presence":` + deep + `}`} {
			if a := srv.Post("/subscribe", body); a.Status != 400 {
				t.Errorf("%.60s: %d %.300s", body, a.Status, a.Body)
			}
		}
	}
	if after := srv.Head(); after != before || srv.Streams() != 0 {
		t.Errorf("the head went from %s to %s, %d streams", before, after, srv.Streams())
	}
	// What is deep within reason is passed on as it is.
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	st := subscribed(t, srv, "", "a")
	srv.Publish("a", deep)
	st.WantEvent("a", "message", deep)
}

func TestSecurityHugeNumbers(t *testing.T) {
	t.Parallel()
	srv := start(t)
	st := subscribed(t, srv, "", "a")
	digits := strings.Repeat("9", 50_000)
	for _, number := range []string{digits, "-" + digits, "0." + digits, "1e999999999", "-1E-999999999", "1e" + digits[:1000]} {
		srv.Publish("a", number) // is text to the server
		st.WantEvent("a", "message", number)
	}
	for _, n := range []string{digits[:100], "-1", "1e9", "9223372036854775808", "0x10", "١"} {
		for _, target := range []string{"/history?channel=a&limit=", "/presence/clients?limit=", "/presence/channels?limit="} {
			srv.Get(target+url.QueryEscape(n)).WantFault(400, "invalid_limit", "limit")
		}
		srv.Do("DELETE", "/presence/clients/x?block="+url.QueryEscape(n)+"h", "").WantFault(400, "invalid_block", "block")
		if n != "-1" {
			srv.Get("/history?channel=a&after=" + url.QueryEscape("x-"+n)).WantStatus(map[bool]int{true: 200, false: 400}[n == "9223372036854775808"])
		}
	}
	for _, body := range []string{`{"channels":1e999}`, `{"channels":[` + digits + `]}`, `{"channels":["a"],"clientId":1e999}`, `{"channels":["a"],"lastEventId":` + digits + `}`, `{"channels":["a"],"presence":1}`} {
		srv.Post("/subscribe", body).WantStatus(400)
	}
	srv.Post("/publish", `{"events":[{"channelName":1e999,"type":"t","payload":1}]}`).WantFault(400, "invalid_event", "events[0].channelName")
}

func TestSecurityOversizedEverything(t *testing.T) {
	t.Parallel()
	srv := start(t)
	before := srv.Head()
	x := func(n int) string { return strings.Repeat("x", n) }
	for target, code := range map[string]string{
		"/subscribe?channels=" + x(256): "invalid_channel", "/subscribe?channels=" + strings.Join(names(1001), ","): "too_many_channels", "/subscribe?channels=a&clientId=" + x(256): "invalid_client_id",
		"/subscribe?channels=a&info=" + url.QueryEscape(`{"a":"`+x(1020)+`"}`): "invalid_info", "/presence/stream?channels=" + x(256): "invalid_channel", "/presence/stream?channels=" + strings.Join(names(1001), ","): "too_many_channels",
		"/history?channel=" + x(256): "invalid_channel", "/lastEvent?channel=" + x(256): "invalid_channel", "/history?channel=a&after=" + x(200): "invalid_position", "/presence/clients?limit=" + x(30_000): "invalid_limit",
		"/presence/clients?q=" + x(33_000): "url_too_long", "/" + x(33_000): "url_too_long", "/admin?" + x(33_000): "url_too_long", "/assets/" + x(33_000): "url_too_long",
	} {
		a := srv.Get(target)
		if want := map[bool]int{true: 414, false: 400}[code == "url_too_long"]; a.Status != want || !strings.Contains(a.Body, `"code":"`+code+`"`) || len(a.Body) > 1000 {
			t.Errorf("%.60s: %d %.300s", target, a.Status, a.Body)
		}
	}
	event := func(channel, typ, payload, key string) string {
		return fmt.Sprintf(`{"channelName":%q,"type":%q,"payload":%s,"idempotencyKey":%q}`, channel, typ, payload, key)
	}
	for body, status := range map[string]int{
		event(x(256), "t", "1", "k"): 400, event("a", x(65), "1", "k"): 400, event("a", "t", `"`+x(61<<10)+`"`, "k"): 413, event("a", "t", "1", x(1000)): 400,
		event("a", "t", "1", "k") + strings.Repeat(","+event("a", "t", "1", ""), 1000): 413, x(2 << 20): 413, event(x(500_000), "t", "1", "k"): 400,
	} {
		good := event("a", "t", `"whole or nothing"`, "k")
		if a := srv.Post("/publish", `{"events":[`+good+`,`+body+`]}`); a.Status != status || len(a.Body) > 1000 {
			t.Errorf("%.60s: %d %.300s", body, a.Status, a.Body)
		}
	}
	for body, code := range map[string]string{
		`{"channels":["` + x(300_000) + `"]}`: "invalid_channel", `{"channels":` + list(names(1001)) + `}`: "too_many_channels", `{"channels":["a"],"clientId":"` + x(300_000) + `"}`: "invalid_client_id",
		`{"channels":["a"],"info":{"a":"` + x(300_000) + `"}}`: "invalid_info", `{"channels":["a"],"presence":"` + x(300_000) + `"}`: "invalid_presence",
	} {
		if a := srv.Post("/subscribe", body).WantStatus(400); !strings.Contains(a.Body, code) || len(a.Body) > 1000 {
			t.Errorf("%.60s: %.300s", body, a.Body)
		}
	}
	srv.Post("/subscribe", `"`+x(2<<20)+`"`).WantFault(413, "body_too_large", "")
	if after := srv.Head(); after != before || srv.Streams() != 0 {
		t.Errorf("the head went from %s to %s, %d streams", before, after, srv.Streams())
	}
	// A position of any length is a stream, with a gap that does not repeat it all.
	st := srv.Open("POST", "/subscribe", `{"channels":["a"],"lastEventId":"`+x(500_000)+`"}`)
	st.WantRegistered()
	if text := st.WantOwn("gap", "a"); len(text) > 1000 {
		t.Errorf("the gap has %d bytes", len(text))
	}
}

// Streams that are reset as soon as they are asked for leave nothing behind.
func TestSecurityRapidReset(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int{"without a limit": 0, "with places for two": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := web.Options{H2C: true}
			opts.AddressLimits.Connections = limit
			srv := webtest.Start(t, opts)
			for _, path := range []string{"/subscribe?channels=a&clientId=reset", "/presence/stream?channels=a"} {
				w := srv.Dial()
				w.Send("PRI * HTTP/2.0\n\nSM\n\n")
				framer := http2.NewFramer(w.Conn, w.Reader)
				if err := framer.WriteSettings(); err != nil {
					t.Fatal(err)
				}
				var block bytes.Buffer
				enc := hpack.NewEncoder(&block)
				for _, field := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", srv.Addr}, {":path", path}} {
					_ = enc.WriteField(hpack.HeaderField{Name: field[0], Value: field[1], Sensitive: true}) // stays out of the table
				}
				heard := make(chan struct{})
				go func() {
					defer close(heard)
					for {
						f, err := framer.ReadFrame()
						if ping, ok := f.(*http2.PingFrame); err != nil || ok && ping.IsAck() {
							return
						}
					}
				}()
				for i := range uint32(2000) {
					id := 2*i + 1
					err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
					if err == nil {
						err = framer.WriteRSTStream(id, http2.ErrCodeCancel)
					}
					if err != nil {
						break // the server has had enough of it
					}
				}
				_ = framer.WritePing(false, [8]byte{})
				<-heard // all of it, or the server has hung up
				until(t, "no stream is left", func() bool {
					_, p := clients(t, srv, "")
					return srv.Streams() == 0 && p.Total == 0
				})
				w.Cut()
			}
			for i := range 2 {
				until(t, "there is a place", func() bool { // when the last handler has seen that it comes too late
					ev, _ := srv.Subscribe(fmt.Sprint("channels=a&clientId=c", i)).Next()
					return ev.Type == "registered"
				})
			}
			if limit > 0 {
				wantLimit(t, srv.Subscribe("channels=a"), "")
			}
		})
	}
}

// No answer that repeats what was asked can be taken for a page.
func TestSecurityCrossSiteScripting(t *testing.T) {
	t.Parallel()
	const script = `<script>alert(1)</script>`
	srv := start(t)
	srv.PublishBody(`{"events":[{"channelName":"` + script + `","type":"` + script + `","payload":"` + script + `"}]}`)
	escaped := url.QueryEscape(script)
	srv.Subscribe("channels="+escaped+"&clientId="+escaped+"&info="+url.QueryEscape(`{"`+script+`":"`+script+`"}`), "User-Agent: "+script).WantRegistered()
	told := 0
	for _, target := range []string{
		"/history?channel=" + escaped, "/lastEvent?channel=" + escaped, "/presence/clients", "/presence/clients/" + url.PathEscape(script), "/presence/channels", "/subscribe?channels=$" + escaped, "/subscribe?channels=a&presence=" + escaped,
		"/history?channel=a&after=" + escaped, "/history?channel=a&limit=" + escaped, "/" + escaped, "/assets/" + escaped, "/presence/" + escaped, "/publish", "/presence/stream?channels=%3E." + escaped,
	} {
		for _, accept := range []string{"text/html", "*/*"} {
			a := srv.Get(target, "Accept: "+accept)
			if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") && strings.Contains(a.Body, "<script>alert") {
				t.Errorf("%s: %s", target, a.Body)
			} else if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
				a.WantHeader("Content-Type", "application/json; charset=utf-8").WantHeader("X-Content-Type-Options", "nosniff")
			}
			if strings.Contains(a.Body, script) {
				told++
			}
		}
	}
	if told < 8 {
		t.Errorf("only %d answers tell of it", told)
	}
	for _, body := range []string{`{"events":[{"channelName":"a","type":"registered","payload":"` + script + `"}]}`, `{"events":"` + script + `"}`, script} {
		for _, target := range []string{"/publish", "/subscribe"} {
			a := srv.Do(http.MethodPost, target, body, "Content-Type: text/html", "Accept: text/html").WantStatus(400)
			a.WantHeader("Content-Type", "application/json; charset=utf-8").WantHeader("X-Content-Type-Options", "nosniff")
		}
	}
	srv.Post("/publish", batch).WantStatus(200).WantHeader("X-Content-Type-Options", "nosniff")
}
