package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"rollcall/web/sso"
)

// Options configure the checks.
type Options struct {
	URL      string        // in front of /subscribe, without a slash at its end
	Client   *http.Client  // must not follow redirects
	Header   http.Header   // credentials, sent with every request
	Channel  string        // to subscribe to
	Publish  bool          // also publish one event to it
	Origin   string        // check that its pages may subscribe; "" checks nothing
	Provider *sso.Provider // of logins to the admin UI, checked first; nil checks nothing
	Wait     time.Duration // how long to watch a silent stream
	Patience time.Duration // events that take longer count as held back; 0 means 5 s
	Found    func(Check)   // receives each check as it completes; may be nil
}

// probe is a run of the checks.
type probe struct {
	Options
	report Report
}

// Run makes the checks and returns their results. It ends early if nothing more can be learned, or with ctx.
func Run(ctx context.Context, o Options) *Report {
	o.Patience = cmp.Or(o.Patience, 5*time.Second)
	p := &probe{Options: o, report: Report{URL: o.URL, Proxies: []string{}}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.run(ctx)
	return &p.report
}

// add reports a check. kind names the fixes, "" for none.
func (p *probe) add(name string, status Status, kind, text string, args ...any) {
	c := Check{Name: name, Status: status, Text: fmt.Sprintf(text, args...)}
	if kind != "" && status != OK {
		c.Fixes = fixesFor(kind, p.report.Proxies)
	}
	p.record(c)
}

// record reports a check.
func (p *probe) record(c Check) {
	p.report.Checks = append(p.report.Checks, c)
	if p.Found != nil {
		p.Found(c)
	}
}

// run makes the checks in order: later ones depend on earlier results.
func (p *probe) run(ctx context.Context) {
	if p.Provider != nil {
		for _, found := range p.Provider.Check(ctx) {
			status := map[sso.Severity]Status{sso.Fine: OK, sso.Doubt: Warn, sso.Broken: Fail}[found.Severity]
			p.add(found.Check, status, "", "%s", found.Text)
		}
	}
	if !p.reach(ctx) {
		return
	}
	quiet := p.openFirst(ctx) // nothing but heartbeats is sent on it
	if quiet == nil {
		return
	}
	defer quiet.close()
	who, ok := p.readStart(ctx, quiet)
	if !ok {
		return
	}
	p.version(quiet.answer)
	p.encoding(ctx)
	p.live(ctx)
	p.resume(ctx, who)
	p.cors(ctx)
	p.silence(ctx, quiet)
}

// plain is an error without the URL, which the report names, and whose query is long.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// distinct drops repeated entries.
func distinct(list []string) []string {
	out := []string{}
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}

// round is a duration as people read it.
func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}
