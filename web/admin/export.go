package admin

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// Limits of an export: its clients, and for how many of them another server is asked at once.
const (
	mostExported = 100_000
	exportStep   = 100
)

// exportColumns are those of an export as CSV.
var exportColumns = []string{"clientId", "name", "info", "state", "connections", "channels", "address", "program", "protocol", "servers",
	"onlineSince", "events", "bytes", "behind"}

// exportedClient is a client in an export as JSON.
type exportedClient struct {
	ClientID    string               `json:"clientId"`
	Info        json.RawMessage      `json:"info"`
	OnlineSince string               `json:"onlineSince"`
	Channels    []string             `json:"channels"`
	Connections []exportedConnection `json:"connections"`
}

// exportedConnection is one that matches the filter. State is null if its server did not tell it.
type exportedConnection struct {
	ConnectionID string         `json:"connectionId"`
	Address      string         `json:"address"`
	UserAgent    string         `json:"userAgent"`
	Protocol     string         `json:"protocol"`
	Server       string         `json:"server"`
	ConnectedAt  string         `json:"connectedAt"`
	State        *exportedState `json:"state"`
}

type exportedState struct {
	State    string `json:"state"`
	Events   uint64 `json:"events"`
	Bytes    uint64 `json:"bytes"`
	Behind   int    `json:"behind"`
	Position string `json:"position"`
}

// exportClients answers GET /admin/clients.csv and /admin/clients.json with the clients that match a filter.
func (a *Admin) exportClients(format string) gin.HandlerFunc {
	return func(c *gin.Context) { a.export(c, format, c.Query("q"), nil) }
}

// export sends the clients that match a filter, and of these only some if only is not nil.
func (a *Admin) export(c *gin.Context, format, text string, only map[string]bool) {
	f := parseFilter(strings.TrimSpace(text))
	m := a.newMatcher(f, a.askMatches())
	if list := f.problems(); len(list) > 0 {
		a.refuse(c, sessionOf(c), reply.Invalid("invalid_filter", "q", "is not a filter: %s", list[0]))
		return
	}
	entries := m.clients()
	if only != nil {
		entries = slices.DeleteFunc(entries, func(e clientEntry) bool { return !only[e.id] })
	}
	if len(entries) > mostExported {
		a.refuse(c, sessionOf(c), reply.Invalid("too_many_clients", "q", "matches %s; an export may have %s", plural(len(entries), "client"), grouped(mostExported)))
		return
	}
	kind := map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json; charset=utf-8"}[format]
	c.Header("Content-Type", kind)
	c.Header("Content-Disposition", `attachment; filename="rollcall-clients.`+format+`"`)
	c.Header("X-Content-Type-Options", "nosniff")
	c.Status(http.StatusOK)
	if c.Request.Method == http.MethodHead {
		return
	}
	write, end := a.exportCSV(c)
	if format == "json" {
		write, end = a.exportJSON(c)
	}
	st, silent := a.newStates(), 0
	for part := range slices.Chunk(entries, exportStep) {
		begun := time.Now()
		if st.told = nil; silent < 3 { // a server that does not answer may cost a few seconds, not one for each part
			ids := make([]string, len(part))
			for i := range part {
				ids[i] = part[i].id
			}
			st.ask(ids...)
		}
		if time.Since(begun) >= node.AskWait {
			silent++
		}
		for i := range part {
			if err := write(m, &part[i], st); err != nil {
				a.opts.Log.Debug("an export could not be sent completely", "error", err)
				return
			}
		}
	}
	if err := end(); err != nil {
		a.opts.Log.Debug("an export could not be sent completely", "error", err)
	}
}

// A clientWriter writes one client of an export.
type clientWriter func(m *matcher, e *clientEntry, st *states) error

// exportCSV returns the writer of an export as CSV. Figures that are not known are empty.
func (a *Admin) exportCSV(c *gin.Context) (clientWriter, func() error) {
	w := csv.NewWriter(c.Writer)
	_ = w.Write(exportColumns) // its error stays until the end
	write := func(m *matcher, e *clientEntry, st *states) error {
		var sum clientSum
		var addresses, agents, protocols, servers []string
		conns := m.connections(e)
		for _, conn := range conns {
			sum.add(st.of(conn))
			addresses, agents = append(addresses, conn.RemoteAddr), append(agents, agentName(conn.UserAgent))
			protocols, servers = append(protocols, conn.Protocol), append(servers, conn.Node)
		}
		state, name := sum.state(), ""
		if name, _ = described(e.info); len(e.conns) == 0 {
			state = "leaving"
		}
		client, _, _ := a.node.Registry.Client(e.id)
		row := []string{e.id, name, string(e.info), state, strconv.Itoa(len(conns)), joined(client.Channels), joined(addresses), joined(agents),
			joined(protocols), joined(servers), eventlog.Stamp(e.since), "", "", ""}
		if !sum.unknown {
			row[11], row[12], row[13] = strconv.FormatUint(sum.events, 10), strconv.FormatUint(sum.bytes, 10), strconv.Itoa(sum.behind)
		}
		for i := range row {
			row[i] = notFormula(validUTF8(row[i]))
		}
		return w.Write(row)
	}
	return write, func() error { w.Flush(); return w.Error() }
}

// joined returns a list without repetitions as one cell.
func joined(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ", ")
}

// notFormula keeps a spreadsheet from computing a cell that a client has named like a formula.
func notFormula(cell string) string {
	if cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0 {
		return "'" + cell
	}
	return cell
}

// exportJSON returns the writer of an export as a JSON array.
func (a *Admin) exportJSON(c *gin.Context) (clientWriter, func() error) {
	enc := json.NewEncoder(c.Writer)
	enc.SetEscapeHTML(false)
	before := "["
	write := func(m *matcher, e *clientEntry, st *states) error {
		client, _, _ := a.node.Registry.Client(e.id)
		row := exportedClient{ClientID: e.id, Info: e.info, OnlineSince: eventlog.Stamp(e.since), Channels: client.Channels, Connections: []exportedConnection{}}
		for _, conn := range m.connections(e) {
			one := exportedConnection{
				ConnectionID: conn.ID, Address: conn.RemoteAddr, UserAgent: conn.UserAgent, Protocol: conn.Protocol, Server: conn.Node,
				ConnectedAt: eventlog.Stamp(conn.ConnectedAt),
			}
			if s, known := st.of(conn); known {
				one.State = &exportedState{s.State, s.Events, s.Bytes, s.Behind, s.Position}
			}
			row.Connections = append(row.Connections, one)
		}
		if _, err := c.Writer.WriteString(before); err != nil {
			return err
		}
		before = ","
		return enc.Encode(row)
	}
	return write, func() error {
		if before == "[" {
			_, _ = c.Writer.WriteString(before) // the next write fails, too
		}
		_, err := c.Writer.WriteString("]\n")
		return err
	}
}
