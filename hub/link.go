package hub

// Link is a connection that carries many streams and requests at once, as those of HTTP/2 do. A shard reads and writes it
// without blocking and without a goroutine of its own; what the bytes mean is its user's. Post may be called from
// anywhere, all other methods by the shard's goroutine only, and so are the user's.
type Link struct {
	shard  *shard
	user   LinkUser
	socket *socket
	out    []byte // taken and not written; nil if there is nothing
	state  linkState
}

// LinkUser is who reads and writes a link. Its methods must not block.
type LinkUser interface {
	// Received is called with what has arrived. The bytes are the link's again on return.
	Received(p []byte)

	// Writable is called once the link has written everything that it had taken after it was full.
	Writable()

	// Lost is called once, when the connection is closed, also by Close.
	Lost()
}

// Linked is the Transport of a stream on a link. The stream belongs to the link's shard.
type Linked interface {
	Transport
	Link() *Link
}

// How much a link holds, in bytes.
const (
	linkRoom  = 64 << 10  // to be written, before it is full and reads no more
	linkLimit = 256 << 10 // to be written at all; a peer that has it write more is lost
	linkInput = 16 << 10  // read at once
	linkTurn  = 16        // times that a link reads before others have their turn
)

type linkState uint8

const (
	linkDirty   linkState = 1 << iota // in shard.dirty
	linkFull                          // Writable is to be called
	linkPaused                        // reads no more until there is room
	linkEnding                        // closes once everything is written
	linkWaiting                       // everything is written; what arrives until the peer closes is dropped
	linkClosed
)

// Post has f run by the link's shard, after everything posted before. It never blocks.
func (l *Link) Post(f func()) { l.shard.post(f) }

// Hub returns the hub whose streams the link can carry.
func (l *Link) Hub() *Hub { return l.shard.hub }

// Closed reports whether the link takes nothing more.
func (l *Link) Closed() bool { return l.state&(linkEnding|linkClosed) != 0 }

// Room returns how many bytes may be written before the link is full. If it is 0, Writable will be called.
func (l *Link) Room() int {
	room := linkRoom - l.held()
	if room <= 0 {
		l.state |= linkFull
	}
	return max(room, 0)
}

// Write takes p, whole, and writes it at the end of the shard's turn. It is meant for no more than Room, but for short messages.
func (l *Link) Write(p []byte) {
	if l.Closed() {
		return
	}
	if l.out == nil {
		l.out = l.shard.linkBuffer()
	}
	l.out = append(l.out, p...)
	if l.state&linkDirty == 0 {
		l.state |= linkDirty
		l.shard.dirty = append(l.shard.dirty, l)
	}
}

// linkBuffer returns an empty buffer for what links are to write.
func (s *shard) linkBuffer() []byte {
	if n := len(s.linkBuffers); n > 0 {
		b := s.linkBuffers[n-1]
		s.linkBuffers = s.linkBuffers[:n-1]
		return b
	}
	return make([]byte, 0, 4<<10)
}

// giveLinkBuffer takes a buffer back.
func (s *shard) giveLinkBuffer(b []byte) {
	if len(s.linkBuffers) < 16 {
		s.linkBuffers = append(s.linkBuffers, b[:0])
	}
}

// flushLinks writes what the links have taken in this turn.
func (s *shard) flushLinks() {
	for i := 0; i < len(s.dirty); i++ { // Writable may add to it
		l := s.dirty[i]
		s.dirty[i] = nil
		l.state &^= linkDirty
		l.flush()
	}
	s.dirty = s.dirty[:0]
}
