package templates

import (
	"time"

	"github.com/a-h/templ"
)

// livePage is a page that is kept live, and the parts that are.
type livePage struct {
	page      templ.Component
	fragments []Fragment
}

type live interface{ Fragments() []Fragment }

// livePages are the pages of these views.
func livePages(views map[string]live) map[string]livePage {
	pages := map[string]livePage{}
	for name, view := range views {
		var page templ.Component
		switch v := view.(type) {
		case OverviewView:
			page = Overview(v)
		case ClientsView:
			page = Clients(v)
		case ClientView:
			page = ClientPage(v)
		case TapView:
			page = Tap(v)
		case ChannelsView:
			page = Channels(v)
		case ChannelView:
			page = ChannelPage(v)
		case TailView:
			page = Tail(v)
		case BlocksView:
			page = Blocks(v)
		case AlarmsView:
			page = Alarms(v)
		case SlowView:
			page = Slow(v)
		case RefusedView:
			page = Refused(v)
		case TokenView:
			page = TryToken(v)
		case AuditView:
			page = Audit(v)
		case ServerView:
			page = ServerPage(v)
		case TraceView:
			page = Trace(v)
		case NodesView:
			page = Nodes(v)
		case FindView:
			page = Find(v)
		case GroupsView:
			page = Groups(v)
		case NetworkView:
			page = Network(v)
		case MarkedView:
			page = Marked(v)
		case WebhooksView:
			page = Webhooks(v)
		case KeysView:
			page = Keys(v)
		case SessionsView:
			page = Sessions(v)
		}
		pages[name] = livePage{page, view.Fragments()}
	}
	return pages
}

func sampleViews() map[string]live {
	return map[string]live{
		"overview":        sampleOverview(),
		"overview-empty":  emptyOverview(),
		"clients":         sampleClients(),
		"clients-empty":   emptyClients(),
		"clients-none":    changed(emptyClients(), func(v *ClientsView) { v.Query, v.HasPast = "nobody <here>", true }),
		"clients-filter":  filteredClients(),
		"find":            sampleFind(),
		"find-nothing":    FindView{AdminFrame: sampleFrame("", ""), Query: "nobody", Error: "A search may have 255 bytes."},
		"network":         sampleNetwork(),
		"groups":          sampleGroups(),
		"groups-none":     changed(sampleGroups(), func(v *GroupsView) { v.Groups, v.Others = nil, "" }),
		"clients-columns": columnsClients(),
		"network-wrong":   NetworkView{AdminFrame: sampleFrame("blocks", ""), Network: "10.1", Error: "An address or a network is required."},
		"marked-end":      sampleMarked("end"),
		"marked-block":    sampleMarked("block"),
		"marked-message":  sampleMarked("message"),
		"client":          sampleClient(),
		"client-blocked":  sampleBlocked(),
		"client-viewer":   viewerClient(),
		"tap":             sampleTap(),
		"channels":        sampleChannels(),
		"channels-empty":  emptyChannels(),
		"channel":         sampleChannel(),
		"channel-refused": refusedChannel(),
		"channel-empty":   emptyChannel(),
		"tail":            sampleTail(),
		"tail-empty":      changed(sampleTail(), func(v *TailView) { v.Rows = nil }),
		"blocks":          sampleBlocks(),
		"blocks-refused":  refusedBlocks(),
		"alarms":          sampleAlarms(),
		"alarms-none":     AlarmsView{AdminFrame: sampleFrame("alarms", "/admin/alarms")},
		"refused":         sampleRefused(),
		"refused-none":    RefusedView{AdminFrame: sampleFrame("audit", "/admin/refused"), Query: "ann"},
		"slow":            sampleSlow(),
		"slow-none":       changed(sampleSlow(), func(v *SlowView) { v.Slow, v.Flapping, v.Since, v.Silent = nil, nil, "", "" }),
		"token":           TokenView{AdminFrame: sampleFrame("audit", "/admin/token"), Verdict: sampleVerdict("")},
		"token-refused":   TokenView{AdminFrame: sampleFrame("audit", "/admin/token"), Verdict: sampleVerdict("The credential has expired.")},
		"audit":           sampleAudit(),
		"audit-empty":     changed(sampleAudit(), func(v *AuditView) { v.Rows, v.Pager = nil, Pager{} }),
		"server":          sampleServer(),
		"server-draining": drainingServer(),
		"nodes":           sampleNodes(),
		"sessions":        sampleSessions(),
		"keys":            sampleKeys(),
		"keys-off":        KeysView{AdminFrame: sampleFrame("server", "/admin/keys"), Off: true},
		"sessions-own":    changed(sampleSessions(), func(v *SessionsView) { v.All, v.Clustered, v.Silent = false, false, "" }),
		"trace":           sampleTrace(),
		"webhooks":        sampleWebhooks(),
		"webhooks-empty":  WebhooksView{AdminFrame: sampleFrame("server", "/admin/webhooks")},
		"webhooks-viewer": changed(sampleWebhooks(), func(v *WebhooksView) { v.CanAct, v.Role = false, "viewer" }),
		"nodes-degraded": changed(sampleNodes(), func(v *NodesView) {
			v.Degraded, v.Rows[1].Level = "The view of the other servers is 40 s old: no answer from NATS.", "bad"
		}),
	}
}

// adminPages are all pages of the admin UI.
func adminPages() map[string]templ.Component {
	pages := map[string]templ.Component{
		"login":          Login(LoginView{Passwords: true, Version: "v1.4.0", Next: "/admin/clients", Hint: "The password was printed when the server started."}),
		"login-wrong":    Login(LoginView{Passwords: true, Version: "v1.4.0", Username: "mara", Error: "This name and password don’t match."}),
		"login-provider": Login(LoginView{Passwords: true, Version: "v1.4.0", Next: "/admin/tail", Provider: "/admin/oidc?next=%2Fadmin%2Ftail", ProviderHost: "login.example.org"}),
		"logged-in":      LoggedIn("v1.4.0", "/admin/tail"),
		"login-wait":     Login(LoginView{Passwords: true, Version: "v1.4.0", Username: "mara", Wait: 23 * time.Second}),
		"login-expired":  Login(LoginView{Passwords: true, Version: "v1.4.0", Notice: "Your session has expired. Log in again to go on.", Next: "/admin/tail"}),
		"admin-404":      AdminError(sampleFrame("", ""), ErrorView{Version: "v1.4.0", Status: 404, Title: "No such page", Text: "There is nothing at this address."}),
		"admin-403":      AdminError(AdminFrame{}, ErrorView{Version: "v1.4.0", Status: 403, Title: "Not allowed", Text: "This request came from another site."}),
	}
	for name, p := range livePages(sampleViews()) {
		pages[name] = p.page
	}
	return pages
}
