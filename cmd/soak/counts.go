package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// counts is what the crowd did, and what went wrong.
type counts struct {
	opened, resumed, events, gaps, published atomic.Int64

	mu    sync.Mutex
	first []string // faults
	all   int
}

// mostFaults is the number of faults that are told in words.
const mostFaults = 5

func (c *counts) fault(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all++; c.all <= mostFaults {
		c.first = append(c.first, fmt.Sprintf(format, args...))
	}
}

func (c *counts) faults() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all > mostFaults {
		return append(c.first, fmt.Sprintf("and %d faults more", c.all-mostFaults))
	}
	return c.first
}

func (c *counts) String() string {
	return fmt.Sprintf("%d streams opened, %d of them resumed, %d events published, %d received, %d gaps",
		c.opened.Load(), c.resumed.Load(), c.published.Load(), c.events.Load(), c.gaps.Load())
}

// post sends a body, which must be accepted.
func (c *counts) post(ctx context.Context, client *http.Client, url, kind, body string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		c.fault("%v", err)
		return false
	}
	request.Header.Set("Content-Type", kind)
	return c.do(ctx, client, request)
}

// get reads an answer to its end, or to that of the context.
func (c *counts) get(ctx context.Context, client *http.Client, url string) {
	if request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody); err == nil {
		c.do(ctx, client, request)
	}
}

func (c *counts) do(ctx context.Context, client *http.Client, request *http.Request) bool {
	answer, err := client.Do(request)
	if err == nil {
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
	}
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		c.fault("%s %s: %v", request.Method, request.URL.Path, err)
	case answer.StatusCode/100 != 2:
		c.fault("%s %s: %s", request.Method, request.URL.Path, answer.Status)
	default:
		return true
	}
	return false
}
