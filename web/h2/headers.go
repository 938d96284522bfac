package h2

import (
	"context"
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// block is a header block that arrives.
type block struct {
	id       uint32
	end      bool // nothing follows on the stream
	arrived  int  // bytes
	size     int  // of all fields
	fields   []hpack.HeaderField
	itself   bool // the stream depends on itself
	trailers bool
}

// headers begins a header block.
func (c *conn) headers(f *http2.HeadersFrame) {
	s := c.streams[f.StreamID]
	if f.StreamID%2 == 0 {
		c.fail(http2.ErrCodeProtocol, "a client's streams have odd numbers")
		return
	}
	c.block = &block{id: f.StreamID, end: f.StreamEnded(), trailers: s != nil, itself: f.HasPriority() && f.Priority.StreamDep == f.StreamID}
	if !f.HeadersEnded() {
		c.after(c.srv.timeouts.header)
	}
	c.continued(f.HeaderBlockFragment(), f.HeadersEnded())
}

// continued takes a part of a header block. It is decoded in any case, for the blocks after it need the table.
func (c *conn) continued(fragment []byte, ended bool) {
	b := c.block
	b.arrived += len(fragment)
	if b.arrived > maxBlock || len(fragment) == 0 && !c.spend(costOfReset) {
		c.fail(http2.ErrCodeEnhanceYourCalm, "a header block is too long")
		return
	}
	c.dec.SetEmitFunc(func(f hpack.HeaderField) {
		if b.size += int(f.Size()); b.size <= maxHeader {
			b.fields = append(b.fields, f)
		} else {
			b.fields = nil
		}
	})
	_, err := c.dec.Write(fragment)
	if ended {
		err = errors.Join(err, c.dec.Close())
	}
	c.dec.SetEmitFunc(nil)
	switch {
	case b.size > maxBlock:
		c.fail(http2.ErrCodeEnhanceYourCalm, "a header is too large")
	case err != nil:
		c.fail(http2.ErrCodeCompression, "a header block can't be read")
	case ended:
		c.block = nil
		c.begin(b)
		c.changed()
	}
}

// begin begins the stream of a header block, or ends the body of one.
func (c *conn) begin(b *block) {
	if s := c.streams[b.id]; b.trailers && s != nil {
		switch {
		case s.heard:
			c.reset(b.id, http2.ErrCodeStreamClosed)
		case !b.end || hasPseudo(b.fields):
			c.reset(b.id, http2.ErrCodeProtocol)
		default:
			s.hear()
		}
		return
	}
	switch {
	case b.id > c.newest:
	case !hasPseudo(b.fields):
		c.reset(b.id, http2.ErrCodeStreamClosed) // trailers of a request that was answered meanwhile
		return
	case b.id == c.newest:
		c.fail(http2.ErrCodeStreamClosed, "HEADERS of a closed stream")
		return
	default:
		c.fail(http2.ErrCodeProtocol, "the stream is not newer than others")
		return
	}
	if c.leaving {
		return
	}
	c.newest = b.id
	switch {
	case len(c.streams) >= maxStreams || c.running >= maxStreams:
		c.reset(b.id, http2.ErrCodeRefusedStream)
		return
	case b.itself:
		c.reset(b.id, http2.ErrCodeProtocol)
		return
	case b.size > maxHeader:
		c.refuse(b, http.StatusRequestHeaderFieldsTooLarge)
		return
	}
	r, err := c.request(b)
	if err != nil {
		c.reset(b.id, http2.ErrCodeProtocol)
		return
	}
	if r.Method == http.MethodConnect {
		c.refuse(b, http.StatusMethodNotAllowed)
		return
	}
	s := &stream{c: c, id: b.id, room: c.initial, heard: b.end, length: r.ContentLength}
	if !b.end {
		s.body = newBody(s, httpguts.HeaderValuesContainsToken(r.Header["Expect"], "100-continue"))
		r.Body = s.body
	}
	ctx, cancel := context.WithCancel(c.srv.context)
	s.cancel = cancel
	c.streams[b.id] = s
	c.running++
	go c.srv.serve(newResponse(s, r.Method == http.MethodHead), r.WithContext(ctx))
}

// refuse answers a request that no handler sees.
func (c *conn) refuse(b *block, status int) {
	c.writeHeaders(b.id, headerBlock(status, nil), true)
	if !b.end {
		c.reset(b.id, http2.ErrCodeNo)
	}
}

func hasPseudo(fields []hpack.HeaderField) bool {
	for _, f := range fields {
		if f.IsPseudo() {
			return true
		}
	}
	return false
}

var errMalformed = errors.New("malformed request")

// request returns the request of a header block (RFC 9113, section 8.3.1), without a context and body.
func (c *conn) request(b *block) (*http.Request, error) {
	var pseudo struct{ method, scheme, path, authority string }
	header := make(http.Header, len(b.fields))
	regular := false
	for _, f := range b.fields {
		if !f.IsPseudo() {
			regular = true
			if err := addField(header, f); err != nil {
				return nil, err
			}
			continue
		}
		var place *string
		switch f.Name {
		case ":method":
			place = &pseudo.method
		case ":scheme":
			place = &pseudo.scheme
		case ":path":
			place = &pseudo.path
		case ":authority":
			place = &pseudo.authority
		}
		if regular || place == nil || *place != "" || f.Value == "" || !httpguts.ValidHeaderFieldValue(f.Value) {
			return nil, errMalformed
		}
		*place = f.Value
	}
	r := &http.Request{Method: pseudo.method, Proto: "HTTP/2.0", ProtoMajor: 2, Header: header, Body: http.NoBody,
		Host: pseudo.authority, RequestURI: pseudo.path, RemoteAddr: c.remote}
	if over := c.link.TLS(); over != nil {
		state := over.ConnectionState()
		r.TLS = &state
	}
	if r.Method == http.MethodConnect {
		return r, nil
	}
	if r.Method == "" || !httpguts.ValidHeaderFieldName(r.Method) || pseudo.scheme == "" || pseudo.path == "" {
		return nil, errMalformed
	}
	if host := header.Get("Host"); host != "" {
		if r.Host != "" && !strings.EqualFold(host, r.Host) {
			return nil, errMalformed
		}
		r.Host = host
		delete(header, "Host")
	}
	var err error
	if pseudo.path == "*" && r.Method == http.MethodOptions {
		r.URL = &url.URL{Path: "*"}
	} else if pseudo.path[0] != '/' {
		return nil, errMalformed
	} else if r.URL, err = url.ParseRequestURI(pseudo.path); err != nil {
		return nil, err
	}
	return r, contentLength(r, b.end)
}

// addField adds a field to a header.
func addField(header http.Header, f hpack.HeaderField) error {
	if !httpguts.ValidHeaderFieldName(f.Name) || strings.ToLower(f.Name) != f.Name || !httpguts.ValidHeaderFieldValue(f.Value) {
		return errMalformed
	}
	name := textproto.CanonicalMIMEHeaderKey(f.Name)
	switch {
	case isOfConnection(name), name == "Te" && f.Value != "trailers":
		return errMalformed
	case name == "Cookie" && header[name] != nil: // in pieces (RFC 9113, section 8.2.3)
		header[name][0] += "; " + f.Value
	default:
		header[name] = append(header[name], f.Value)
	}
	return nil
}

// contentLength sets the length of a request's body, -1 if it is unknown.
func contentLength(r *http.Request, end bool) error {
	values := r.Header["Content-Length"]
	if len(values) == 0 {
		if !end {
			r.ContentLength = -1
		}
		return nil
	}
	n, err := strconv.ParseUint(values[0], 10, 63)
	if err != nil || len(values) > 1 || end && n > 0 {
		return errMalformed
	}
	r.ContentLength = int64(n)
	return nil
}
