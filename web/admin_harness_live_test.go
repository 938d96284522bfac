package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"rollcall/web/webtest"
)

// op is one operation of a patch.
type op struct {
	ID    string
	HTML  json.RawMessage // a string, or for a list an object
	Keys  []string
	First string
	Keep  int
}

// markup returns all markup of the operation.
func (o op) markup() string {
	var one string
	if json.Unmarshal(o.HTML, &one) == nil {
		return one + o.First
	}
	var rows map[string]string
	_ = json.Unmarshal(o.HTML, &rows)
	for _, row := range rows {
		one += row
	}
	return one + o.First
}

// screen is the live stream of a page that a visitor has open.
type screen struct {
	testing.TB
	*webtest.Parser
	body io.Closer
	page string
}

// watch opens the live stream of a page.
func (v *visitor) watch(page string, header ...string) *screen {
	v.Helper()
	resp := v.request("GET", "/admin/stream?page="+url.QueryEscape(page), "", append(header, "Accept: text/event-stream"))
	v.Cleanup(func() { _ = resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		text, _ := io.ReadAll(resp.Body)
		v.Fatalf("%s: status %d, %s: %.300s", page, resp.StatusCode, kind, text)
	}
	return &screen{v.TB, webtest.NewParser(resp.Body), resp.Body, page}
}

// open requests a page and follows it from its end.
func (v *visitor) open(page string) (*reply, *screen) {
	v.Helper()
	r := v.get(page)
	for n := range r.doc().Descendants() {
		if n.Type == html.ElementNode && n.Data == "body" {
			return r, v.watch(attr(n, "data-live"))
		}
	}
	v.Fatalf("%s has no body", page)
	return nil, nil
}

// patch reads the next patch.
func (s *screen) patch() []op {
	s.Helper()
	ev, err := s.Next()
	for err == nil && ev.Type == "beat" {
		ev, err = s.Next()
	}
	if err != nil || ev.Type != "patch" {
		s.Fatalf("%s: %.300q, error %v, want a patch", s.page, ev, err)
	}
	dec := json.NewDecoder(strings.NewReader(ev.Data))
	dec.DisallowUnknownFields()
	var ops []op
	if err := dec.Decode(&ops); err != nil || len(ops) == 0 {
		s.Fatalf("%s: %v in %.300s", s.page, err, ev.Data)
	}
	return ops
}

// until reads patches until one has an operation on the element that want lets
// through.
func (s *screen) until(id, what string, want func(op) bool) op {
	s.Helper()
	for {
		for _, o := range s.patch() {
			if o.ID == id && want(o) {
				return o
			}
		}
	}
}

// wantFeed reads patches until the feed is given an event with this in it, and
// returns its markup.
func (s *screen) wantFeed(part string) string {
	s.Helper()
	return s.until("tail-rows", part, func(o op) bool { return strings.Contains(o.First, html.EscapeString(part)) }).First
}

// wantExpired wants the page to be told that its session is over, and the end of the stream.
func (s *screen) wantExpired() {
	s.Helper()
	for {
		ev, err := s.Next()
		if err != nil {
			s.Fatalf("%s: %v, want expired", s.page, err)
		}
		if ev.Type == "expired" {
			if !strings.Contains(ev.Data, `"reason":"`) {
				s.Fatalf("%s: expired says %s", s.page, ev.Data)
			}
			break
		}
	}
	s.wantEnd()
}

// wantEnd reads up to the end of the stream.
func (s *screen) wantEnd() {
	s.Helper()
	for {
		if _, err := s.Next(); err == io.EOF {
			return
		} else if err != nil {
			s.Fatalf("%s: %v, want the end in order", s.page, err)
		}
	}
}

// idsOf returns what the operations are on, in order.
func idsOf(ops []op) []string {
	ids := make([]string, len(ops))
	for i, o := range ops {
		ids[i] = o.ID
	}
	slices.Sort(ids)
	return ids
}

// attrsOf returns the values of an attribute of all elements below n that have it.
func attrsOf(n *html.Node, name string) []string {
	var list []string
	for d := range n.Descendants() {
		for _, a := range d.Attr {
			if d.Type == html.ElementNode && a.Key == name {
				list = append(list, a.Val)
			}
		}
	}
	return list
}

func decode(t testing.TB, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %.300q", err, text)
	}
}
