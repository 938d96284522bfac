package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// streamForms are the values of --stream, and the types of the bodies.
var streamForms = map[string]string{"text": "text/plain", "ndjson": "application/x-ndjson", "sse": "text/event-stream"}

// stream publishes standard input while it arrives.
func (c *publishCmd) stream(ctx context.Context, out *printer, in io.Reader) error {
	query := url.Values{"channel": {c.Channel}}
	for name, value := range map[string]string{"type": c.Type, "append": c.Append} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if c.End {
		query.Set("end", "true")
	}
	request, err := c.request(ctx, http.MethodPost, "/publish/stream", query, in, streamForms[c.Stream])
	if err != nil {
		return err
	}
	answer, err := c.do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var published struct {
		Events int    `json:"events"`
		ID     string `json:"id"`
	}
	if err := decodeAnswer(answer.Body, &published); err != nil {
		return err
	}
	if out.json {
		return out.object(published)
	}
	_, err = fmt.Fprintf(out.out, "%d events, the last one %s\n", published.Events, printable(published.ID))
	return err
}
