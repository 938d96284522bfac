package web_test

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"rollcall/hub/eventlog"
	"rollcall/web/webtest"
)

// hostile are names that a page must not take for anything but names. What is dangerous anywhere in a name is together in few,
// for each name makes a dozen pages.
var hostile = []string{
	`<script>alert(1)</script>"><img src=x onerror=alert(1)>'><svg onload=alert(1)></title></textarea></code><b>`, `javascript:alert(1)`,
	"a\u202edcba\u2066left\u2069\u200fmark\u200e\u061czero\u200bwidth\ufeff\u200dline\u2028separator, combining\u0301\u0489", `<!--]]>{{.}}${x}`,
	strings.Repeat("W", 255), strings.Repeat("🧑", 63) + "abc", `"double" it's &amp;&lt;`, `%2F`, `%`, `..`, `.`, `_`, `+`, `a+b c`, `a/b`, `/`, `//evil.example`, `?x#y`, `a;b=c`, `\`, `tap`, `$HOME`, "日本",
}

// friendly are some that no page has trouble with.
var friendly = append(names(8), strings.Repeat("w", 255))

// occupy uses the names wherever a client may choose one.
func occupy(t *testing.T, srv *webtest.Server, alice *visitor, names []string) {
	t.Helper()
	for i, name := range names {
		channel, typ, agent := name, name, name
		if eventlog.CheckChannel(channel) != nil {
			channel = fmt.Sprint("channel", i)
		}
		if eventlog.CheckType(typ) != nil {
			typ = "long"
		}
		info := fmt.Sprintf("{\"name\":%s,\n\"more\":{\"tab\":\"\\t\\u0000\\n\"}}", jsonOf(t, name))
		body := fmt.Sprintf(`{"channels":[%s,"all"],"clientId":%s,"presence":"channels","info":%s}`, jsonOf(t, channel), jsonOf(t, name), info)
		srv.Open("POST", "/subscribe", body, "User-Agent: "+agent).WantRegistered()
		payload := jsonOf(t, map[string]any{name: []string{name, "\x00\n\t\u009f"}})
		srv.PublishBody(fmt.Sprintf(`{"events":[{"channelName":%s,"type":%s,"payload":%s},{"channelName":"all","type":%[2]s,"payload":%s}]}`, jsonOf(t, channel), jsonOf(t, typ), payload, jsonOf(t, name)))
		alice.post("/admin/blocks", "clientId", strings.Replace(name, "🧑", "", 1)[:min(len(name), 251)]+"x", "for", "1h").want(303)
		alice.act("ok", "Published 1 event.", pathOf("channels", channel, "/publish"), "mode", "one", "type", "x", "payload", name, "text", "1").want(200)
		alice.post(pathOf("clients", name, "/send"), "type", name, "payload", name, "text", "1")
	}
	for range 50 { // so that the audit log has pages
		alice.post("/admin/server/drain/stop").want(303)
	}
	stranger(t, srv).login(names[0], names[1], names[2]).want(401)
	alice.get("/admin") // removes the flash
}

// pathOf returns the path of an action on the client or channel of this name.
func pathOf(kind, name, action string) string {
	if name == "." || name == ".." {
		return "/admin/" + kind + "/_" + action + "?name=" + name
	}
	return "/admin/" + kind + "/" + url.PathEscape(name) + action
}

// crawler follows every link of the admin UI.
type crawler struct {
	*visitor
	known map[string]bool // what a page may have: elements, and attributes of them
	learn bool            // known grows
	posts []*regexp.Regexp
	seen  map[string]bool
	queue []string
	names map[string]string // what the links to a client or a channel are called
}

func newCrawler(srv *webtest.Server, v *visitor, known map[string]bool) *crawler {
	c := &crawler{visitor: v, known: known, learn: known == nil, seen: map[string]bool{}, names: map[string]string{}}
	if c.learn {
		c.known = map[string]bool{}
	}
	for _, route := range routesOf(srv, "POST") {
		c.posts = append(c.posts, regexp.MustCompile("^"+regexp.MustCompile(":[a-zA-Z]+").ReplaceAllString(route, "[^/]+")+"$"))
	}
	return c
}

func (c *crawler) add(target string) {
	target, _, _ = strings.Cut(target, "#")
	key := target
	if strings.HasPrefix(target, "/admin/period?") {
		key = "/admin/period?" // each time leads to the ones before and after
	}
	if group, _, of := strings.Cut(target, "&q="); of && strings.HasPrefix(group, "/admin/clients?group=") {
		key = group + "&q=" // each group leads to groups of it
	}
	if strings.HasPrefix(target, "/admin/channels/") && strings.Contains(target, "range=") {
		key = "/admin/channels/?range=" // each page of each channel has six
	}
	if strings.HasPrefix(target, "/admin") && !strings.Contains(target, "sort=") && !c.seen[key] {
		c.seen[key] = true
		c.queue = append(c.queue, target)
	}
}

func (c *crawler) run(targets ...string) {
	for _, target := range targets {
		c.add(target)
	}
	for len(c.queue) > 0 {
		target := c.queue[0]
		c.queue = c.queue[1:]
		if target == "/admin/audit.jsonl" {
			auditOf(c, c.visitor)
			continue
		}
		page := c.do("GET", target, "")
		if page.status != 200 {
			c.Errorf("%s: status %d", target, page.status)
			continue
		}
		doc := page.doc()
		c.check(target, doc, nonceOf(page))
		c.follow(target, doc)
		if name, ok := c.names[target]; ok && !strings.HasPrefix(target, "/admin/clients?") { // a list is not of a name
			kind, _, _ := strings.Cut(strings.TrimPrefix(target, "/admin/"), "s/")
			if heading := textOf(element(doc, kind+"-name")); heading != name {
				c.Errorf("%q leads to %s, the page of %q", name, target, heading)
			}
		}
		if !strings.Contains(target, "?") || strings.Contains(target, "?name=") {
			c.live(target, liveOf(doc))
		}
	}
}

// follow collects the links of a page, and checks the targets of its forms and names.
func (c *crawler) follow(target string, doc *html.Node) {
	for n := range doc.Descendants() {
		for _, name := range []string{"action", "formaction"} {
			action := attr(n, name)
			if posts := name == "formaction" || attr(n, "method") == "post"; action == "" || !posts {
				continue
			}
			u, err := url.Parse(action)
			if err != nil || !slices.ContainsFunc(c.posts, func(p *regexp.Regexp) bool { return p.MatchString(u.EscapedPath()) }) {
				c.Errorf("%s posts to %q, which is nothing", target, action)
			}
		}
		href := attr(n, "href")
		if n.Type != html.ElementNode || n.Data != "a" || href == "" {
			continue
		}
		c.add(href)
		if class := attr(n, "class"); class == "name-link" || class == "tag" {
			if name, ok := c.names[href]; ok && name != textOf(n) {
				c.Errorf("%q and %q lead to %s", name, textOf(n), href)
			}
			c.names[href] = textOf(n)
		}
	}
}

// live looks at all that the page's stream sends first.
func (c *crawler) live(target, page string) {
	if page == "" {
		return
	}
	path, _, _ := strings.Cut(page, "?")
	if path == "/admin/tail" {
		page = "/admin/tail?since=1" // so that it has events at once
	}
	s := c.watch(page)
	defer s.body.Close()
	for _, o := range s.patch() {
		c.check("the stream of "+target, parsed(c, o.markup()), "")
	}
}

// check looks for what only a name can have brought into a page.
func (c *crawler) check(what string, doc *html.Node, nonce string) {
	wantPlain(c, what, doc, nonce)
	for n := range doc.Descendants() {
		switch n.Type {
		case html.TextNode:
			if n.Parent.Data != "textarea" { // which keeps what was typed
				c.checkText(what, n.Data)
			}
		case html.CommentNode:
			c.Errorf("%s has the comment %q", what, n.Data)
		case html.ElementNode:
			c.know(what, n.Data)
			for _, a := range n.Attr {
				c.know(what, n.Data+" "+a.Key)
				if a.Key == "title" || strings.HasPrefix(a.Key, "aria-") || a.Key == "placeholder" {
					c.checkText(what+": "+a.Key, a.Val)
				}
			}
		}
	}
}

func (c *crawler) know(what, thing string) {
	if c.learn {
		c.known[thing] = true
	} else if !c.known[thing] {
		c.Errorf("%s has <%s>, which no page has of friendly names", what, thing)
	}
}

// checkText looks for characters that are not seen but change what is.
func (c *crawler) checkText(what, text string) {
	if i := strings.IndexFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError
	}); i >= 0 {
		c.Errorf("%s shows a character as it is: %.100q", what, text[i:])
	}
}

func TestAdminHostileNames(t *testing.T) {
	t.Parallel()
	walk := func(names []string, known map[string]bool) *crawler {
		srv := startAdmin(t)
		alice := operator(t, srv)
		occupy(t, srv, alice, names)
		c := newCrawler(srv, alice, known)
		targets := []string{"/admin", "/admin?range=24h", "/admin/clients?page=1", "/admin/channels?page=1", "/admin/channels?page=2", "/admin/channels/all"}
		for i, name := range names {
			q := queryEscape(name)
			every := []string{"/admin/clients?q=" + q, "/admin/channels?q=" + q, "/admin/tail?filter=" + q, "/admin/audit?q=" + q, "/admin/blocks?clientId=" + q, "/admin/tail?channels=" + q}
			targets = append(targets, "/admin/find?q="+q)
			if i < 6 {
				targets = append(targets, every...)
			} else {
				targets = append(targets, every[i%6])
			}
		}
		c.run(targets...)
		for i, name := range names {
			kind := []string{"clients", "channels"}[i%2]
			page := alice.do("GET", "/admin/"+kind+"/"+url.PathEscape(name)+"%20none%2C", "").want(404)
			c.check(page.what, page.doc(), nonceOf(page))
			wrong := form("mode", "one", "type", name+"\n", "payload", name)
			if i%2 == 1 {
				wrong = form("mode", "batch", "batch", `{"events":[{"channelName":`+jsonOf(t, name+"\n")+`}]}`)
			}
			page = alice.do("POST", "/admin/channels/all/publish", wrong).want(400)
			c.check(page.what, page.doc(), nonceOf(page))
		}
		if len(c.names) < 2*len(names) {
			t.Errorf("only %d names led to a page", len(c.names))
		}
		return c
	}
	known := walk(friendly, nil).known
	for _, thing := range []string{"img onerror", "svg onload", "b", "textarea title"} {
		if known[thing] {
			t.Errorf("the friendly pages have %s", thing)
		}
	}
	t.Logf("%d kinds of elements and attributes, such as %q", len(known), slices.Sorted(maps.Keys(known))[:5])
	walk(hostile, known)
}

func nonceOf(r *reply) string {
	_, nonce, _ := strings.Cut(r.header.Get("Content-Security-Policy"), "script-src 'nonce-")
	nonce, _, _ = strings.Cut(nonce, "'")
	return nonce
}
