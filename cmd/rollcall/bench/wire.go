package bench

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// errEnded is the server's end of a stream.
var errEnded = errors.New("the server closed it")

// endpoint is the address of a URL template.
type endpoint struct {
	tls  bool
	host string   // as in the Host header
	addr string   // host:port
	path template // path and query
}

// parseEndpoint cuts up a URL template, which Options.validate has accepted.
func parseEndpoint(raw string) endpoint {
	scheme, rest, _ := strings.Cut(raw, "://")
	e := endpoint{tls: scheme == "https", host: rest}
	path := "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		e.host, path = rest[:i], rest[i:]
		if path[0] == '?' {
			path = "/" + path
		}
	}
	e.addr = e.host
	if !strings.Contains(e.host[strings.LastIndexByte(e.host, ']')+1:], ":") {
		port := ":80"
		if e.tls {
			port = ":443"
		}
		e.addr += port
	}
	e.path = parseTemplate(path)
	return e
}

// requests writes the head of the GET that opens a stream. It is immutable.
type requests struct {
	endpoints []endpoint // streams are spread over them
	headers   []string
	names     []string // of all channels

	anyCertificate bool
}

// endpoint returns the endpoint of s.
func (r *requests) endpoint(s *stream) endpoint { return r.endpoints[s.id%len(r.endpoints)] }

// append appends the request of s, which resumes from its position if it has one.
func (r *requests) append(dst []byte, s *stream) []byte {
	to := r.endpoint(s)
	dst = append(dst, "GET "...)
	dst = to.path.fill(dst, func(dst []byte, p placeholder) []byte {
		switch p {
		case inChannel:
			for i := range s.last {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = append(dst, r.names[s.channel(i)]...)
			}
		case inStream:
			dst = strconv.AppendInt(dst, int64(s.id), 10)
		default:
			dst = append(dst, p...)
		}
		return dst
	})
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, to.host...)
	dst = append(dst, "\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n"...)
	for _, h := range r.headers {
		dst = append(append(dst, h...), "\r\n"...)
	}
	if len(s.position) > 0 {
		dst = append(append(append(dst, "Last-Event-ID: "...), s.position...), "\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// channel is the number of the stream's i-th channel.
func (s *stream) channel(i int) uint32 {
	if i == 0 {
		return s.first
	}
	return (s.first + uint32(i)) % s.t.channels
}

// parseHead reads a response head. end is the start of the body, -1 if the head is incomplete.
func parseHead(b []byte) (end int, chunked bool, err error) {
	i := bytes.Index(b, []byte("\r\n\r\n"))
	if i < 0 {
		if len(b) > 64<<10 {
			return 0, false, errors.New("a response head of more than 64 KiB")
		}
		return -1, false, nil
	}
	lines := strings.Split(string(b[:i]), "\r\n")
	if !strings.HasPrefix(lines[0], "HTTP/1.1 200") && !strings.HasPrefix(lines[0], "HTTP/1.0 200") {
		body := b[i+4:]
		return 0, false, fmt.Errorf("answered %q %.200q", lines[0], body)
	}
	var streaming bool
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.ToLower(strings.TrimSpace(value))
		switch strings.ToLower(name) {
		case "transfer-encoding":
			chunked = strings.HasSuffix(value, "chunked")
		case "content-type":
			streaming = strings.HasPrefix(value, "text/event-stream")
		case "content-encoding":
			if value != "" && value != "identity" {
				return 0, false, fmt.Errorf("answered with content encoding %q", value)
			}
		}
	}
	if !streaming {
		return 0, false, errors.New("answered 200, but not text/event-stream")
	}
	return i + 4, chunked, nil
}

// eventsEnd is the length of the whole events at the start of b.
func eventsEnd(b []byte) int {
	if i := bytes.LastIndex(b, []byte("\n\n")); i >= 0 {
		return i + 2
	}
	if i := bytes.LastIndex(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 4
	}
	if i := bytes.LastIndex(b, []byte("\r\r")); i >= 0 {
		return i + 2
	}
	return 0
}

// lastID is the value of the last id line in b, which holds whole events.
func lastID(b []byte) ([]byte, bool) {
	for end := len(b); ; {
		i := bytes.LastIndex(b[:end], []byte("id:"))
		if i < 0 {
			return nil, false
		}
		if i == 0 || b[i-1] == '\n' || b[i-1] == '\r' {
			value := b[i+3:]
			if j := bytes.IndexAny(value, "\r\n"); j >= 0 {
				value = value[:j]
			}
			return bytes.TrimPrefix(value, []byte(" ")), true
		}
		end = i
	}
}
