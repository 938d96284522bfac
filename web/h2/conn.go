package h2

import (
	"bytes"
	"errors"
	"io"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"rollcall/hub"
)

// conn is a connection. All fields and methods are its shard's.
type conn struct {
	srv    *Server
	link   *hub.Link
	remote string // the peer's address

	in      []byte // of the preface or a frame, which has arrived in part
	stage   stage
	dec     *hpack.Decoder
	block   *block // whose end has not arrived
	streams map[uint32]*stream
	newest  uint32 // the highest id of a stream
	running int    // handlers at work
	credit  credit
	leaving bool // GOAWAY was sent: there are no new streams
	failed  bool // nothing that arrives counts any more

	room     int64 // bytes of DATA that the peer takes
	initial  int64 // of a new stream
	waiting  int   // streams that wait for room, here or in the link
	unread   int64 // bytes of bodies that have arrived and for which the peer has no new room
	returned int64 // bytes of unread that were read since

	timer *time.Timer // of the preface, a header block, idleness, or the end
}

// stage is what a connection expects (RFC 9113, section 3.4).
type stage uint8

const (
	awaitsPreface stage = iota
	awaitsSettings
	ready
)

// newConn begins a connection. Its settings are the first that it sends.
func newConn(srv *Server, link *hub.Link, remote string) *conn {
	c := &conn{srv: srv, link: link, remote: remote, room: initialWindow, initial: initialWindow, streams: make(map[uint32]*stream),
		credit: credit{left: mostCredit}}
	c.dec = hpack.NewDecoder(defaultTable, nil)
	c.dec.SetMaxStringLength(maxBlock)
	c.write(func(fr *http2.Framer) error {
		return errors.Join(fr.WriteSettings(
			http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: maxHeader},
			http2.Setting{ID: http2.SettingNoRFC7540Priorities, Val: 1},
		), fr.WriteWindowUpdate(0, connWindow-initialWindow))
	})
	c.after(c.srv.timeouts.header)
	return c
}

// Values that hold until a peer says otherwise (RFC 9113, section 6.5.2).
const (
	initialWindow = 1<<16 - 1
	defaultTable  = 4 << 10
	maxWindow     = 1<<31 - 1
)

// Received implements [hub.LinkUser].
func (c *conn) Received(p []byte) {
	if c.failed {
		return
	}
	if len(c.in) > 0 {
		p = append(c.in, p...)
	}
	k := codecs.Get().(*codec)
	rest := c.readFrames(k, p)
	k.in.Reset(nil)
	codecs.Put(k)
	switch {
	case c.failed || len(rest) == 0:
		c.in = nil
	case len(c.in) > 0 && len(rest) == len(p):
		c.in = rest
	default:
		c.in = bytes.Clone(rest)
	}
}

// readFrames handles the frames that are whole, and returns what is left.
func (c *conn) readFrames(k *codec, p []byte) (rest []byte) {
	if c.stage == awaitsPreface {
		n := min(len(p), len(http2.ClientPreface))
		if string(p[:n]) != http2.ClientPreface[:n] {
			c.fail(http2.ErrCodeProtocol, "not the preface")
			return nil
		}
		if n < len(http2.ClientPreface) {
			return p
		}
		c.stage = awaitsSettings
		p = p[n:]
	}
	for len(p) >= frameHeader && !c.failed {
		k.in.Reset(p)
		head, err := k.fr.ReadFrameHeader()
		if err != nil {
			c.fail(http2.ErrCodeFrameSize, "a frame is too long")
			return nil
		}
		size := frameHeader + int(head.Length)
		if len(p) < size {
			return p
		}
		frame, err := k.fr.ReadFrameForHeader(head)
		p = p[size:]
		c.handle(head, frame, err)
	}
	return p
}

// handle handles a frame that has arrived, or the error that it is.
func (c *conn) handle(head http2.FrameHeader, frame http2.Frame, err error) {
	var ofStream http2.StreamError
	var ofConn http2.ConnectionError
	switch {
	case c.stage != ready && (head.Type != http2.FrameSettings || head.Flags.Has(http2.FlagSettingsAck)):
		c.fail(http2.ErrCodeProtocol, "the first frame is not SETTINGS")
	case c.block != nil && (head.Type != http2.FrameContinuation || head.StreamID != c.block.id):
		c.fail(http2.ErrCodeProtocol, "a header block is not continued")
	case c.block == nil && head.Type == http2.FrameContinuation:
		c.fail(http2.ErrCodeProtocol, "CONTINUATION without HEADERS")
	case errors.As(err, &ofStream) && head.Type == http2.FrameHeaders: // its block is lost, and with it the state of HPACK
		c.fail(ofStream.Code, "HEADERS can't be read")
	case errors.As(err, &ofStream):
		c.reset(ofStream.StreamID, ofStream.Code)
	case errors.As(err, &ofConn):
		c.fail(http2.ErrCode(ofConn), "a frame can't be read")
	case errors.Is(err, io.ErrUnexpectedEOF):
		c.fail(http2.ErrCodeFrameSize, "a frame is too short")
	case err != nil:
		c.fail(http2.ErrCodeProtocol, "a frame can't be read")
	default:
		c.take(frame)
	}
}

// take handles a frame.
func (c *conn) take(frame http2.Frame) {
	switch f := frame.(type) {
	case *http2.DataFrame:
		c.data(f)
	case *http2.HeadersFrame:
		c.headers(f)
	case *http2.ContinuationFrame:
		c.continued(f.HeaderBlockFragment(), f.HeadersEnded())
	case *http2.SettingsFrame:
		c.settings(f)
	case *http2.WindowUpdateFrame:
		c.windowUpdate(f)
	case *http2.PingFrame:
		if !f.IsAck() && c.spend(1) {
			c.write(func(fr *http2.Framer) error { return fr.WritePing(true, f.Data) })
		}
	case *http2.RSTStreamFrame:
		c.resetByPeer(f.StreamID)
	case *http2.PriorityFrame:
		if c.spend(1) && f.StreamDep == f.StreamID {
			c.reset(f.StreamID, http2.ErrCodeProtocol)
		}
	case *http2.PushPromiseFrame:
		c.fail(http2.ErrCodeProtocol, "a client can't push")
	default: // GOAWAY, and what is unknown
		c.spend(1)
	}
}

// resetByPeer ends a stream that the peer has reset. Clients that leave their events are no flood.
func (c *conn) resetByPeer(id uint32) {
	s := c.streams[id]
	cost := 1
	if s != nil && s.events == nil {
		cost = costOfReset
	}
	switch {
	case c.isIdle(id):
		c.fail(http2.ErrCodeProtocol, "RST_STREAM of an idle stream")
	case c.spend(cost) && s != nil:
		s.close()
	}
}

// spend takes from the connection's credit, and reports whether there was enough. Otherwise the connection ends.
func (c *conn) spend(n int) bool {
	if c.credit.spend(n) {
		return true
	}
	c.fail(http2.ErrCodeEnhanceYourCalm, "too many frames that bring nobody forward")
	return false
}

// isIdle reports whether a stream has not begun (RFC 9113, section 5.1).
func (c *conn) isIdle(id uint32) bool { return id%2 == 0 || id > c.newest }

// settings takes the peer's settings.
func (c *conn) settings(f *http2.SettingsFrame) {
	if c.stage != ready {
		c.stage = ready
		c.changed()
	}
	if f.IsAck() || !c.spend(1+f.NumSettings()/8) {
		return
	}
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			return err
		}
		if s.ID == http2.SettingInitialWindowSize {
			return c.resize(int64(s.Val))
		}
		return nil // frames are never larger than the least that a peer must take, and header blocks need no table
	})
	if err != nil {
		code := http2.ErrCodeProtocol
		if e, ok := errors.AsType[http2.ConnectionError](err); ok {
			code = http2.ErrCode(e)
		}
		c.fail(code, "a setting is invalid")
		return
	}
	c.write(func(fr *http2.Framer) error { return fr.WriteSettingsAck() })
	c.proceed()
}

// Writable implements [hub.LinkUser].
func (c *conn) Writable() { c.proceed() }

// reset ends a stream for an error of its own.
func (c *conn) reset(id uint32, code http2.ErrCode) {
	if c.spend(1) {
		c.write(func(fr *http2.Framer) error { return fr.WriteRSTStream(id, code) })
	}
	if s := c.streams[id]; s != nil {
		s.close()
	}
}

// fail ends the connection for an error.
func (c *conn) fail(code http2.ErrCode, why string) {
	if c.failed {
		return
	}
	c.goAway(code, why)
	c.failed = true
	c.closeStreams()
	c.end()
}

// goAway announces that there will be no new streams.
func (c *conn) goAway(code http2.ErrCode, why string) {
	c.leaving = true
	c.write(func(fr *http2.Framer) error { return fr.WriteGoAway(c.newest, code, []byte(why)) })
}

// leave ends the connection once it has no streams.
func (c *conn) leave() {
	if !c.leaving {
		c.goAway(http2.ErrCodeNo, "")
	}
	if len(c.streams) == 0 {
		c.end()
	}
}

// end closes the connection once everything is written.
func (c *conn) end() {
	if c.link.Closed() {
		return
	}
	c.link.Close(false)
	c.after(c.srv.timeouts.closing)
}

// after has the connection looked at after a while, in place of what was meant before.
func (c *conn) after(d time.Duration) {
	c.stopTimer()
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		c.link.Post(func() {
			if c.timer == timer {
				c.timer = nil
				c.expired()
			}
		})
	})
	c.timer = timer
}

func (c *conn) stopTimer() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

// expired ends a connection on which nothing has come forward.
func (c *conn) expired() {
	switch {
	case c.link.Closed():
		c.link.Close(true)
	case c.stage != ready, c.block != nil:
		c.fail(http2.ErrCodeProtocol, "the client is too slow")
	case len(c.streams) == 0:
		c.leave()
	}
}

// changed arms the timer that a change of the streams asks for.
func (c *conn) changed() {
	switch {
	case c.link.Closed() || c.block != nil:
	case len(c.streams) > 0:
		c.stopTimer()
	case c.leaving:
		c.end()
	default:
		c.after(c.srv.timeouts.idle)
	}
}

// closeStreams ends all streams.
func (c *conn) closeStreams() {
	for _, s := range c.streams {
		s.close()
	}
}

// Lost implements [hub.LinkUser].
func (c *conn) Lost() {
	c.failed = true
	c.stopTimer()
	c.closeStreams()
	c.in, c.block = nil, nil
	c.srv.forget(c)
}
