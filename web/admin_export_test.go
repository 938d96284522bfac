package web

import (
	"fmt"
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/web/admin"
	"rollcall/web/node"
)

// nowhere is a transport that takes everything, and the owner of its stream.
type nowhere struct{}

func (nowhere) Ended(*hub.Conn, hub.Reason) {}

func (nowhere) Open(*hub.Conn) {}
func (nowhere) Chunked() bool  { return false }
func (nowhere) Close(cut bool) {}
func (nowhere) Write(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		n += len(b)
	}
	return n, nil
}

// admitted admits a stream for good.
type admitted struct{}

func (admitted) Holds() bool           { return true }
func (admitted) Expires() time.Time    { return time.Time{} }
func (admitted) GrantedTo() string     { return "" }
func (admitted) Release(time.Duration) {}

// Crowd opens n streams without sockets, each of another client, on all and on one
// of a hundred channels.
func (s *Server) Crowd(n int) {
	for i := range n {
		st := &node.Stream{At: s.node, Admission: admitted{}, Connection: presence.Connection{
			ID: node.NewID(), ClientID: fmt.Sprintf("client-%06d", i*7919%n), Node: s.opts.Node, RemoteAddr: fmt.Sprintf("10.0.%d.%d", i/250%250, i%250),
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/148.0 Safari/537.36", Protocol: "HTTP/1.1", ConnectedAt: time.Now(),
		}}
		st.Handle = st
		channels := []string{"all", fmt.Sprint("channel-", i%100)}
		s.node.Registry.Join(&st.Connection, channels, []byte(fmt.Sprintf(`{"name":"Person %d","team":"team %d"}`, i, i%50)))
		st.Attached(s.node.Hub.Attach(hub.Subscription{Transport: nowhere{}, Channels: channels, Owner: nowhere{}, Greet: func(_, _ eventlog.Position, _ bool) []byte { return nil }}))
	}
}

// NoteDeeds records n actions in the audit log.
func (s *Server) NoteDeeds(n int) {
	for i := range n {
		s.admin.Note(admin.AuditEntry{User: "bob", Addr: "127.0.0.1", Action: "client.block", Target: fmt.Sprint("c", i), Result: "ok"})
	}
}
