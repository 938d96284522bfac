package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"rollcall/hub/jetlog"
	"rollcall/web"
	"rollcall/web/login"
)

// settings provides the flags that are not on the command line: from the environment, else from the file. Kong asks
// for them after it has read the command line and before it applies defaults, which gives the precedence flag >
// environment > file > default.
type settings struct {
	env  map[string]string // the process environment
	args []string          // the command line; nil if it can't be parsed again
	port string            // PORT; only serve looks at it
	file *configFile       // nil without --config
	from map[string]string // flag name → source of its value; no entry: command line or default

	given   map[string]bool // flags on serve's command line; Kong's Flag.Set is true for defaults too
	collect bool            // continue after errors
	found   []error         // the errors
}

// unlessCollected returns err, or nil if problems are collected.
func (s *settings) unlessCollected(err error) error {
	if !s.collect || err == nil {
		return err
	}
	s.found = append(s.found, err)
	return nil
}

// readGiven notes which flags are on the command line, and returns the path of the configuration file, "" for none.
func (s *settings) readGiven(ctx *kong.Context) (path string) {
	s.given = map[string]bool{}
	path = s.env[envName("config")]
	for _, step := range ctx.Path {
		if step.Flag == nil {
			continue
		}
		s.given[step.Flag.Name] = true
		if step.Flag.Name == "config" {
			path = ctx.Value(step).String()
		}
	}
	return path
}

var _ kong.Resolver = (*settings)(nil)

// Validate is part of kong.Resolver; unknown keys are refused when the file is read.
func (s *settings) Validate(*kong.Application) error { return nil }

// Resolve returns the value of one flag, or nil. An error says what is wrong with the value and names its source; Kong
// adds the flag's name.
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !settable(flag) {
		return nil, nil
	}
	value, origin, err := s.lookup(flag.Name)
	if err != nil || origin == "" {
		return nil, s.flagError(flag, err)
	}
	// Tried on a scratch value first, because only here is the text's source known.
	scan := kong.ScanFromTokens(kong.Token{Value: value, Type: kong.FlagValueToken})
	scratch := reflect.New(flag.Target.Type()).Elem()
	if err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, scratch); err != nil {
		return nil, s.flagError(flag, fmt.Errorf("%w (from %s)", err, origin))
	}
	if s.from == nil {
		s.from = map[string]string{}
	}
	s.from[flag.Name] = origin
	return value, nil
}

// flagError returns the error for a flag's value. Kong adds the flag's name; if problems are collected, flagError adds it.
func (s *settings) flagError(flag *kong.Flag, err error) error {
	if s.collect && err != nil {
		err = fmt.Errorf("--%s: %w", flag.Name, err)
	}
	return s.unlessCollected(err)
}

// lookup returns the text for a flag and its source. An empty variable counts as not set.
func (s *settings) lookup(name string) (value, origin string, err error) {
	if value := s.env[envName(name)]; value != "" {
		return value, envName(name), nil
	}
	if name == "listen" && s.port != "" {
		if n, err := strconv.ParseUint(s.port, 10, 16); err != nil {
			return "", "", fmt.Errorf("%q is not a port; allowed is 0 to 65535 (from PORT)", s.port)
		} else {
			return fmt.Sprintf("127.0.0.1:%d", n), "PORT", nil
		}
	}
	if s.file != nil {
		if v, ok := s.file.values[name]; ok {
			return v.text, fmt.Sprintf("%s:%d", s.file.path, v.line), nil
		}
	}
	return "", "", nil
}

// effective lists the values of the flags as the admin UI shows them.
func (s *settings) effective(flags []*kong.Flag) []web.Setting {
	var list []web.Setting
	for _, flag := range flags {
		if !settable(flag) {
			continue
		}
		value := valueOf(flag)
		source := s.from[flag.Name]
		switch {
		case source != "":
		case s.given[flag.Name]:
			source = "command line"
		default:
			source = "default"
		}
		list = append(list, web.Setting{Name: flag.Name, Value: masked(flag.Name, value), Source: source})
	}
	if s.file != nil && len(s.file.webhooks) > 0 {
		list = append(list, web.Setting{Name: webhooksKey, Value: shownWebhooks(s.file.webhooks), Source: s.file.webhooksAt()})
	}
	if s.file != nil && len(s.file.rules) > 0 {
		list = append(list, web.Setting{Name: rulesKey, Value: shownRules(s.file.rules), Source: fmt.Sprintf("%s:%d", s.file.path, s.file.rulesLine)})
	}
	return list
}

// valueOf is a flag's value as text.
func valueOf(flag *kong.Flag) string {
	value := fmt.Sprint(flag.Target.Interface())
	if flag.IsSlice() {
		value = strings.Trim(value, "[]")
	}
	return value
}

// reread parses the command line again, with the original environment and the current files. It also returns the
// values of all flags.
func (s *settings) reread() (*serveCmd, map[string]string, error) {
	c := new(cli)
	parser := newParser(c, &settings{env: s.env, args: s.args}, kong.BindTo(context.Background(), (*context.Context)(nil)))
	if _, err := parser.Parse(s.args); err != nil {
		return nil, nil, err
	}
	return &c.Serve, valuesOf(parser), nil
}

// valuesOf are the values of serve's flags.
func valuesOf(parser *kong.Kong) map[string]string {
	values := map[string]string{}
	for _, flag := range parser.Model.Children[0].Flags {
		if settable(flag) {
			values[flag.Name] = valueOf(flag)
		}
	}
	return values
}

// masked returns a setting's value without its secrets.
func masked(name, value string) string {
	switch {
	case value == "":
		return ""
	case name == "admin-user":
		users := strings.Fields(value)
		for i, user := range users {
			users[i] = maskedUser(user)
		}
		return strings.Join(users, " ")
	case name == "admin-password" || name == "jwt-secret" || name == "oidc-client-secret":
		return mask
	case name == "jwks-url" || name == "authorize-url" || name == "otlp-endpoint":
		return withoutSecrets(value)
	case name == "nats":
		urls := strings.Fields(value)
		for i, u := range urls {
			urls[i] = withoutSecrets(u)
		}
		return strings.Join(urls, " ")
	}
	return value
}

// maskedUser is an admin user without the hash, and without anything that stands in its place.
func maskedUser(user string) string {
	parts := strings.SplitN(user, ":", 3)
	for i := range parts[1:] {
		if part := parts[1+i]; i > 0 || part != string(login.Operator) && part != string(login.Viewer) {
			return strings.Join(append(parts[:1+i], mask), ":")
		}
	}
	return user
}

// withoutSecrets is a URL without a password, a token in its place, and the values of its query.
func withoutSecrets(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return mask
	}
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	return jetlog.Redacted(u)
}

// mask stands for a secret of any length.
const mask = "••••••••"

// unknownEnv lists the ROLLCALL_… variables that no command uses, sorted, without those that Kubernetes sets for a
// service named rollcall.
func (s *settings) unknownEnv(app *kong.Application) []string {
	known := map[string]bool{}
	var visit func(*kong.Node)
	visit = func(node *kong.Node) {
		for _, flag := range node.Flags {
			known[envName(flag.Name)] = settable(flag)
		}
		for _, child := range node.Children {
			visit(child)
		}
	}
	visit(app.Node)
	var unknown []string
	for name := range s.env {
		if strings.HasPrefix(name, envPrefix) && !known[name] && !isServiceLink(name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// isServiceLink reports whether name has the form of the variables that Kubernetes and Docker links set.
func isServiceLink(name string) bool {
	return strings.Contains(name, "_SERVICE_") || strings.HasSuffix(name, "_PORT") || strings.Contains(name, "_PORT_")
}

const envPrefix = "ROLLCALL_"

// envName is the variable of a flag: --some-name is ROLLCALL_SOME_NAME.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// settable reports whether a flag is a setting, rather than a question such as --help.
func settable(flag *kong.Flag) bool {
	return flag.Name != "help" && flag.Name != "version"
}

// Duration is a time.Duration whose errors describe the format.
type Duration time.Duration

// UnmarshalText reads 25s, 1m30s or 250ms. A bare number other than 0 is refused, as its unit would be a guess.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration; write for example 250ms, 25s or 1h", text)
	}
	*d = Duration(parsed)
	return nil
}

// String is the duration without empty units: 1h, not 1h0m0s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// problems collects the errors in the settings, so that all of them are reported together.
type problems struct {
	from map[string]string // see settings.from
	errs []error
}

// add notes a problem with the setting key.
func (p *problems) add(key, format string, args ...any) {
	text := fmt.Sprintf("--%s: ", key) + fmt.Sprintf(format, args...)
	if origin := p.from[key]; origin != "" {
		text += fmt.Sprintf(" (from %s)", origin)
	}
	p.errs = append(p.errs, errors.New(text))
}

// err is everything that was noted, one line each, or nil.
func (p *problems) err() error { return errors.Join(p.errs...) }

// within notes a problem unless low ≤ value ≤ high.
func within[T interface{ ~int | ~int64 }](p *problems, key string, value, low, high T) {
	if value < low || value > high {
		p.add(key, "%v is out of range; allowed is %v to %v", value, low, high)
	}
}

// oneOf notes a problem unless value is one of allowed.
func oneOf(p *problems, key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		p.add(key, "%q is unknown; allowed is %s", value, strings.Join(allowed, ", "))
	}
}
