package presence

import (
	"slices"
	"strconv"
	"time"

	"rollcall/hub/eventlog"
)

// Kind is the kind of an edge.
type Kind string

// The kinds of edges.
const (
	Join   Kind = "join"
	Leave  Kind = "leave"
	Update Kind = "update"
)

// Edge is one change of presence: a join, leave or update.
type Edge struct {
	Version  uint64 // counts edges from 1
	Kind     Kind
	Channel  string // Everyone for coming online and going offline
	ClientID string
	Info     []byte // JSON or nil
	Online   int    // members of the channel after the change
	Time     time.Time
}

// AppendJSON appends the edge as the presence stream shows it.
func (e *Edge) AppendJSON(dst []byte) []byte {
	dst = Member{ClientID: e.ClientID, Info: e.Info}.appendFields(dst)
	if e.Channel != Everyone {
		dst = append(dst, `,"channelName":`...)
		dst = eventlog.AppendString(dst, e.Channel)
	}
	dst = append(dst, `,"online":`...)
	dst = strconv.AppendInt(dst, int64(e.Online), 10)
	dst = append(dst, `,"timestamp":"`...)
	dst = append(dst, eventlog.Stamp(e.Time)...)
	return append(dst, `"}`...)
}

// Member is a client as a channel shows it.
type Member struct {
	ClientID string
	Info     []byte    // JSON or nil
	Since    time.Time // when the client came online
}

// AppendJSON appends {"clientId":…,"info":…}.
func (m Member) AppendJSON(dst []byte) []byte { return append(m.appendFields(dst), '}') }

func (m Member) appendFields(dst []byte) []byte {
	dst = append(dst, `{"clientId":`...)
	dst = eventlog.AppendString(dst, m.ClientID)
	dst = append(dst, `,"info":`...)
	if m.Info == nil {
		return append(dst, "null"...)
	}
	return append(dst, m.Info...)
}

// Changed gets a value when there are edges to take or a time to wait for.
func (r *Registry) Changed() <-chan struct{} { return r.wake }

// takenAtOnce is how many edges Take returns at most.
const takenAtOnce = 256

// change is an edge that waits to be taken. A crowd makes very many at once, so it is small.
type change struct {
	of     *member
	info   *Info
	at     int64 // Unix nanoseconds
	online int32
	kind   uint8 // index in kinds
}

// Indexes in kinds.
const (
	join = iota
	leave
	update
)

var kinds = [...]Kind{Join, Leave, Update}

// queue holds changes in blocks, so that a long one is never copied. Guarded by Registry.mu.
type queue struct {
	blocks [][]change
	taken  uint64 // version of the newest one taken
}

func (q *queue) add(c change) {
	n := len(q.blocks)
	if n == 0 || len(q.blocks[n-1]) == takenAtOnce {
		q.blocks = append(q.blocks, nil)
		n++
	}
	q.blocks[n-1] = append(q.blocks[n-1], c)
}

// take returns the oldest block and the version of its first change.
func (q *queue) take() (block []change, version uint64) {
	version = q.taken + 1
	if len(q.blocks) == 0 {
		q.blocks = nil
		return nil, version
	}
	block, q.blocks[0] = q.blocks[0], nil
	q.blocks = q.blocks[1:]
	q.taken += uint64(len(block))
	return block, version
}

// Take returns the oldest edges not yet taken, in order, at most 256; none if there are no more.
func (r *Registry) Take() []Edge {
	r.mu.Lock()
	block, version := r.queue.take()
	r.mu.Unlock()
	edges := make([]Edge, len(block))
	for i, c := range block { // an edge's member never changes
		edges[i] = Edge{
			Version: version + uint64(i), Kind: kinds[c.kind], Channel: c.of.ch.name, ClientID: c.of.who.id, Info: c.info.json(),
			Online: int(c.online), Time: time.Unix(0, c.at),
		}
	}
	return edges
}

// Snapshot returns the members of each channel and the version at which that
// holds. Order among members is arbitrary.
func (r *Registry) Snapshot(channels ...string) ([][]Member, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members(channels), r.version
}

// SnapshotMatching is Snapshot for the named channels and for those that match accepts, which it is asked of each other
// channel but Everyone; nil accepts none. It returns their names too. If the channels but Everyone have more than most
// bytes together, as JSON, ok is false. match is called under the registry's lock: it must do nothing but compare.
func (r *Registry) SnapshotMatching(most int, channels []string, match func(name string) bool) (
	names []string, lists [][]Member, version uint64, ok bool,
) {
	named := make(map[string]bool, len(channels))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range channels {
		named[name] = true
		if ch := r.channels[name]; ch != nil && name != Everyone {
			most -= ch.weight(most)
		}
	}
	names = slices.Clone(channels)
	if match != nil {
		for name, ch := range r.channels {
			if most < 0 {
				break
			}
			if name != Everyone && !named[name] && match(name) {
				names = append(names, name)
				most -= ch.weight(most)
			}
		}
	}
	if most < 0 {
		return nil, nil, 0, false
	}
	slices.Sort(names[len(channels):])
	return names, r.members(names), r.version, true
}

// weight returns about how many bytes the members of a channel have as JSON. Beyond most it may be any larger number.
func (ch *channel) weight(most int) int {
	const each = 80 // beside the id and the info: names of fields, a timestamp
	sum := len(ch.members) * (each + len(ch.name))
	if sum > most {
		return sum
	}
	for _, m := range ch.members {
		sum += len(m.who.id) + len(m.who.info.json())
	}
	return sum
}

func (r *Registry) members(channels []string) [][]Member {
	lists := make([][]Member, len(channels))
	for i, name := range channels {
		if ch := r.channels[name]; ch != nil {
			lists[i] = make([]Member, len(ch.members))
			for j, m := range ch.members {
				lists[i][j] = Member{m.who.id, m.who.info.json(), m.who.since}
			}
		}
	}
	return lists
}

// Has reports whether a client is a member of a channel; of Everyone, if it is online.
func (r *Registry) Has(channel, clientID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	who, ch := r.clients[clientID], r.channels[channel]
	return who != nil && ch != nil && who.member(ch) != nil
}

// Online returns how many clients are online.
func (r *Registry) Online() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.clients)
}
