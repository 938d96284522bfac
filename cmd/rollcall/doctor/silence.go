package doctor

import (
	"context"
	"fmt"
	"math"
	"time"
)

// usual are the timeouts that well-known programs and services come with, in seconds.
var usual = map[int]string{
	10:  "Vercel's functions have this limit",
	15:  "Envoy's route timeout has this default",
	30:  "Google Cloud's backend service timeout and AWS's API Gateway have this default",
	55:  "Heroku's router has this limit",
	60:  "nginx's proxy_read_timeout and the idle timeout of AWS's ALB have this default",
	100: "Cloudflare has this limit",
	120: "IIS and some firewalls have this timeout",
	240: "Azure's load balancers have this default",
	350: "AWS's NLB and NAT gateway have this timeout",
}

// silence watches a stream on which nothing comes but heartbeats, until it is cut or the wait is over.
func (p *probe) silence(ctx context.Context, s *stream) {
	over := time.NewTimer(time.Until(s.opened.Add(p.Wait)))
	defer over.Stop()
	goodbye, events := "", 0
	for open := true; open; {
		select {
		case ev, ok := <-s.events:
			if open = ok; ev.Type == "goodbye" {
				goodbye = payload(ev)
			} else if ok && ev.Type != "lastEvent" {
				events++
			}
		case <-over.C:
			open = false
		case <-ctx.Done():
			p.add("silence", Warn, "", "Not watched to its end: %v.", context.Cause(ctx))
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.judge(s, goodbye, events)
}

// judge judges the silent stream. The caller holds the stream's mutex.
func (p *probe) judge(s *stream, goodbye string, events int) {
	beats, bunches := 0, 0
	for _, b := range s.beats {
		beats += b.lines
		if b.lines > 1 {
			bunches++
		}
	}
	age, quiet := s.ended.Sub(s.opened), s.ended.Sub(s.last)
	switch {
	case goodbye != "":
		p.add("silence", Warn, "", "The server ended the stream itself: %s.", goodbye)
	case beats >= 3 && bunches > 0 && beats-len(s.beats) >= len(s.beats):
		p.add("silence", Fail, held, "%d heartbeats came in %d bunches: something gathers bytes and holds them back.", beats, len(s.beats))
	case !s.ended.IsZero() && beats == 0:
		p.add("silence", Fail, idle, "The stream was cut after %s of silence, before a heartbeat came%s. Either the timeout is shorter than the heartbeat, or heartbeats are held back.", seconds(quiet), proxyWithTimeout(quiet))
	case !s.ended.IsZero():
		p.add("silence", Fail, aged, "The stream was cut at the age of %s, %s after a heartbeat%s: so silence is not why, but a limit of how long an answer may take.", seconds(age), seconds(quiet), proxyWithTimeout(age))
	case beats == 0 && events > 0 && !p.Publish:
		p.add("silence", OK, "", "A stream stayed open for %s; events came on its channel, so it was not silent. Try without --channel.", seconds(p.Wait))
	case beats == 0 && p.Wait >= 30*time.Second:
		p.add("silence", Warn, idle, "No heartbeat came within %s. Either --heartbeat is set to more than that (wait longer, with --wait), or heartbeats are held back.", seconds(p.Wait))
	case beats == 0:
		p.add("silence", OK, "", "A silent stream stayed open for %s, which is too short to see a heartbeat; try --wait 65s.", seconds(p.Wait))
	default:
		p.add("silence", OK, "", "A silent stream stayed open for %s; %d heartbeats came through, one by one.", seconds(p.Wait), beats)
	}
}

// proxyWithTimeout names the proxy with such a timeout.
func proxyWithTimeout(d time.Duration) string {
	for t, whose := range usual {
		if math.Abs(d.Seconds()-float64(t)) < 1.5 {
			return " (" + whose + ")"
		}
	}
	return ""
}

// seconds formats a duration in seconds, with a decimal if it is short.
func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
