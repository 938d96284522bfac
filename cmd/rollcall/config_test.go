package main

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/trace/noop"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/login"
)

// parse merges a command line, an environment and a configuration file ("" for none) as the program does.
func parse(t *testing.T, file string, env map[string]string, args ...string) (*serveCmd, *settings, error) {
	t.Helper()
	args = append([]string{"serve"}, args...)
	if file != "" {
		path := filepath.Join(t.TempDir(), "rollcall.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	p := commandLines.Get().(*commandLine)
	defer commandLines.Put(p)
	p.c, p.s = cli{}, settings{env: env}
	_, err := p.Parse(args)
	c, s := p.c.Serve, p.s
	return &c, &s, err
}

// commandLine parses one list of arguments after the other. Making it takes ten times as long as using it.
type commandLine struct {
	*kong.Kong
	c cli
	s settings
}

var commandLines = sync.Pool{New: func() any {
	p := new(commandLine)
	p.Kong = newParser(&p.c, &p.s)
	return p
}}

type env = map[string]string

func TestPrecedence(t *testing.T) {
	t.Parallel()
	const file = "heartbeat: 3s\nlisten: 127.0.0.1:3\nmax-body: 3MiB\nmax-events: 3\nonline-presence: true\ncors-origin: [https://three.org, https://drei.org]\n"
	tests := map[string]struct {
		file string
		env  env
		args []string
		want func(c *serveCmd) any
		is   any
	}{
		"default":             {"", nil, nil, heartbeat, "25s"},
		"file over default":   {file, nil, nil, heartbeat, "3s"},
		"env over default":    {"", env{"ROLLCALL_HEARTBEAT": "2s"}, nil, heartbeat, "2s"},
		"env over file":       {file, env{"ROLLCALL_HEARTBEAT": "2s"}, nil, heartbeat, "2s"},
		"flag over default":   {"", nil, []string{"--heartbeat=1s"}, heartbeat, "1s"},
		"flag over env":       {"", env{"ROLLCALL_HEARTBEAT": "2s"}, []string{"--heartbeat=1s"}, heartbeat, "1s"},
		"flag over file":      {file, nil, []string{"--heartbeat=1s"}, heartbeat, "1s"},
		"flag over all":       {file, env{"ROLLCALL_HEARTBEAT": "2s"}, []string{"--heartbeat=1s"}, heartbeat, "1s"},
		"flag over a bad env": {"", env{"ROLLCALL_HEARTBEAT": "soon"}, []string{"--heartbeat=1s"}, heartbeat, "1s"},
		"empty env is unset":  {file, env{"ROLLCALL_HEARTBEAT": ""}, nil, heartbeat, "3s"},
		"empty key is unset":  {"heartbeat:\n", nil, nil, heartbeat, "25s"},

		"PORT":                    {"", env{"PORT": "80"}, nil, address, "127.0.0.1:80"},
		"PORT over file":          {file, env{"PORT": "80"}, nil, address, "127.0.0.1:80"},
		"ROLLCALL_LISTEN over it": {file, env{"PORT": "80", "ROLLCALL_LISTEN": ":2"}, nil, address, ":2"},
		"--listen over both":      {file, env{"PORT": "80", "ROLLCALL_LISTEN": ":2"}, []string{"--listen=:1"}, address, ":1"},
		"empty PORT is unset":     {file, env{"PORT": ""}, nil, address, "127.0.0.1:3"},
		"a bad PORT is not asked": {"", env{"PORT": "http"}, []string{"--listen=:1"}, address, ":1"},

		"size in file":           {file, nil, nil, func(c *serveCmd) any { return c.MaxBody }, 3 * mib},
		"size in env":            {file, env{"ROLLCALL_MAX_BODY": "2MB"}, nil, func(c *serveCmd) any { return c.MaxBody }, Size(2e6)},
		"number in file":         {file, nil, nil, func(c *serveCmd) any { return c.MaxEvents }, 3},
		"bare size in file":      {"max-body: 1048576", nil, nil, func(c *serveCmd) any { return c.MaxBody }, mib},
		"bool in file":           {file, nil, nil, online, true},
		"bool in env":            {"", env{"ROLLCALL_ONLINE_PRESENCE": "true"}, nil, online, true},
		"bool off over file":     {file, env{"ROLLCALL_ONLINE_PRESENCE": "false"}, nil, online, false},
		"bool flag off over env": {"", env{"ROLLCALL_ONLINE_PRESENCE": "1"}, []string{"--online-presence=false"}, online, false},
		"zero duration":          {"presence-grace: 0", nil, nil, func(c *serveCmd) any { return c.PresenceGrace }, Duration(0)},

		"no origins":          {"", nil, nil, origins, []string(nil)},
		"list in file":        {file, nil, nil, origins, []string{"https://three.org", "https://drei.org"}},
		"one item in file":    {"cors-origin: '*'", nil, nil, origins, []string{"*"}},
		"list in env":         {file, env{"ROLLCALL_CORS_ORIGIN": "https://a.org,https://b.org"}, nil, origins, []string{"https://a.org", "https://b.org"}},
		"any port":            {"", nil, []string{"--cors-origin=http://localhost:*"}, origins, []string{"http://localhost:*"}},
		"repeated flag":       {file, nil, []string{"--cors-origin=https://a.org", "--cors-origin", "*"}, origins, []string{"https://a.org", "*"}},
		"comments and quotes": {"# all\nlisten: \":4\" # here\n", nil, nil, address, ":4"},
		"only comments":       {"# nothing yet\n", nil, nil, heartbeat, "25s"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, _, err := parse(t, test.file, test.env, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.is, test.want(c)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func heartbeat(c *serveCmd) any { return c.Heartbeat.String() }
func address(c *serveCmd) any   { return c.Listen }
func online(c *serveCmd) any    { return c.OnlinePresence }
func origins(c *serveCmd) any   { return c.CORSOrigin }

func TestEveryFlagHasAVariableAndAKey(t *testing.T) {
	t.Parallel()
	hash, err := login.HashPassword([]byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	passwords := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(passwords, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "keys")
	all, err := auth.ParsePatterns(">")
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := auth.NewKey("k", auth.Publish, all)
	if err == nil {
		err = os.WriteFile(keys, []byte(key.String()+"\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cert, private := writePair(t)
	values := map[reflect.Kind]string{reflect.String: "x", reflect.Bool: "true", reflect.Int: "7", reflect.Int64: "9s", reflect.Slice: "https://a.org"}
	special := map[string]string{
		"listen": ":1", "log-format": "json", "log-level": "warn", "max-body": "2MiB", "max-payload": "9KiB",
		"compat": "false", "pages": "false", "history-bytes": "9KiB", "history-budget": "9MiB", "subscription-budget": "9MiB", "admin-password": "correct horse", "admin-password-file": passwords,
		"admin-user": "ann:" + hash, "api-key": key.String(), "api-keys": keys, "jwt-public-key": cert, "trusted-proxy": "10.0.0.0/8",
		"jwt-secret": strings.Repeat("s", 32), "jwks-url": "https://id.example.org/keys", "tls-cert": cert, "tls-key": private, "admin-listen": ":1",
		"ingest": "orders.>,news", "sync": "relaxed", "otlp-endpoint": "http://localhost:4318", "nats-ca": cert, "nats-cert": cert, "nats-key": private, "nats-replicas": "3",
		"authorize-url": "http://app.internal:3000/authorize", "authorize-headers": "X-Tenant,Accept-Language", "authorize-cookies": "session",
		"nats-creds":       newFile(t, "user.creds", "-----BEGIN NATS USER JWT-----\n-----BEGIN USER NKEY SEED-----\n"),
		"address-connects": "7", "address-publishes": "7", "address-bytes": "9KiB",
		"admin-keys": filepath.Join(t.TempDir(), "made"), "admin-role": "support=viewer:room.>", "admin-url": "https://a.org/admin", "oidc-issuer": "https://id.example.org", "oidc-client-secret-file": passwords, "oidc-role": "ops=operator",
		"identity-connects": "7", "identity-publishes": "7", "identity-bytes": "9KiB",
	}
	secret := "--jwt-secret=" + special["jwt-secret"]
	with := map[string]string{"jwt-issuer": secret, "jwt-audience": secret, "token-cookie": secret,
		"authorize-headers": "--authorize-url=https://a.org", "authorize-cookies": "--authorize-url=https://a.org", "tls-cert": "--tls-key=" + private, "tls-key": "--tls-cert=" + cert,
		"nats-cert": "--nats-key=" + private, "nats-key": "--nats-cert=" + cert, "sync": "--data=d", "ingest": "--nats=nats://127.0.0.1"}
	provider := []string{"oidc-issuer=https://id.example.org", "admin-url=https://a.org/admin", "oidc-client-id=x", "oidc-role=ops=operator"}
	for _, name := range []string{"admin-url", "oidc-issuer", "oidc-client-id", "oidc-client-secret", "oidc-client-secret-file", "oidc-role"} {
		for _, other := range provider {
			if !strings.HasPrefix(other, name+"=") {
				with[name] += " --" + other
			}
		}
	}
	made := cmp.Options{ // a password is hashed anew each time
		cmpopts.IgnoreUnexported(serveCmd{}), cmp.Comparer(func(a, b auth.Pattern) bool { return a == b }),
	}
	plain, _, err := parse(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range newParser(&cli{}, &settings{}).Model.Children[0].Flags {
		if flag.Name == "config" {
			continue
		}
		t.Run(flag.Name, func(t *testing.T) {
			value := values[flag.Target.Kind()]
			if v, ok := special[flag.Name]; ok {
				value = v
			}
			var more []string // what the setting makes no sense without
			if arg, ok := with[flag.Name]; ok {
				more = strings.Fields(arg)
			}
			byFlag, _, err := parse(t, "", nil, append(more, "--"+flag.Name+"="+value)...)
			if err != nil {
				t.Fatal(err)
			}
			byEnv, _, err := parse(t, "", env{"ROLLCALL_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_")): value}, more...)
			if err != nil {
				t.Fatal(err)
			}
			byFile, _, err := parse(t, flag.Name+": '"+value+"'", nil, more...)
			if err != nil {
				t.Fatal(err)
			}
			byFile.Config = ""
			if cmp.Equal(byFlag, plain, made) {
				t.Error("the flag changed nothing")
			}
			if diff := cmp.Diff(byFlag, byEnv, made); diff != "" {
				t.Errorf("flag and variable differ\n%s", diff)
			}
			if diff := cmp.Diff(byFlag, byFile, made); diff != "" {
				t.Errorf("flag and key differ\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		env  env
		args []string
		says []string
	}{
		"unknown key, near":    {"heartbeat: 3s\nhistory_evnts: 5\n", nil, nil, []string{"rollcall.yaml:2", `unknown key "history_evnts"`, `did you mean "history-events"?`}},
		"unknown key, far":     {"colour: red\n", nil, nil, []string{"rollcall.yaml:1", `unknown key "colour"`, "known are ", "cors-origin", "stall-timeout"}},
		"two unknown keys":     {"colour: red\nhelp: true\n", nil, nil, []string{`"colour"`, `"help"`}},
		"config in the file":   {"config: other.yaml\n", nil, nil, []string{`unknown key "config"`}},
		"doubled key":          {"heartbeat: 3s\nheartbeat: 4s\n", nil, nil, []string{"rollcall.yaml", "heartbeat", "already defined"}},
		"no YAML":              {"listen: [\n", nil, nil, []string{"rollcall.yaml", "not valid YAML"}},
		"a list at the top":    {"- listen\n", nil, nil, []string{"rollcall.yaml", "name: value"}},
		"two documents":        {"listen: ':1'\n---\nlisten: ':2'\n", nil, nil, []string{"more than one"}},
		"a list for one value": {"\nheartbeat: [1s, 2s]\n", nil, nil, []string{"rollcall.yaml:2: heartbeat takes one value"}},
		"a map for a value":    {"listen: {port: 1}\n", nil, nil, []string{"rollcall.yaml:1: listen takes a plain value"}},
		"a map in a list":      {"cors-origin: [{a: b}]\n", nil, nil, []string{"cors-origin takes a list of plain values"}},
		"an alias":             {"listen: &a ':1'\nnode: *a\n", nil, nil, []string{"listen takes a plain value", "node takes a plain value"}},
		"a number for a time":  {"heartbeat: 25\n", nil, nil, []string{`--heartbeat: "25" is not a duration`, "rollcall.yaml:1"}},
		"text for a number":    {"max-events: many\n", nil, nil, []string{"--max-events", `"many"`, "rollcall.yaml:1"}},
		"text for a bool":      {"online-presence: perhaps\n", nil, nil, []string{"--online-presence", `"perhaps"`, "rollcall.yaml:1"}},
		"no such file":         {"", env{"ROLLCALL_CONFIG": "no/such.yaml"}, nil, []string{"--config", "no/such.yaml"}},

		"bad variable":          {"", env{"ROLLCALL_MAX_BODY": "big"}, nil, []string{`--max-body: "big" is not a size`, "ROLLCALL_MAX_BODY"}},
		"bad PORT":              {"", env{"PORT": "http"}, nil, []string{`--listen: "http" is not a port`, "PORT"}},
		"PORT out of range":     {"", env{"PORT": "65536"}, nil, []string{"65536", "0 to 65535"}},
		"no port":               {"", nil, []string{"--listen=8080"}, []string{`--listen: "8080" is not an address`, ":9090"}},
		"named port":            {"", nil, []string{"--listen=:http"}, []string{`--listen: "http" is not a port`}},
		"no socket path":        {"", nil, []string{"--listen=unix:"}, []string{"--listen", "names no file"}},
		"origin with a path":    {"", nil, []string{"--cors-origin=https://a.org/"}, []string{"--cors-origin", `did you mean "https://a.org"?`}},
		"origin of two ports":   {"", nil, []string{"--cors-origin=http://localhost:80:*"}, []string{`"http://localhost:80:*" is not an origin`}},
		"origin without scheme": {"", env{"ROLLCALL_CORS_ORIGIN": "a.org"}, nil, []string{`--cors-origin: "a.org" is not an origin`, "ROLLCALL_CORS_ORIGIN"}},
		"node with a space":     {"", nil, []string{"--node=a b"}, []string{"--node", "without spaces"}},
		"payload over body":     {"max-payload: 2MiB\n", nil, nil, []string{"--max-payload: 2MiB is out of range; allowed is 1B to 1MiB", "rollcall.yaml:1"}},
		"zero history":          {"", nil, []string{"--history-events=0"}, []string{"--history-events: 0 is out of range; allowed is 1 to "}},
		"negative grace":        {"", nil, []string{"--presence-grace=-1s"}, []string{"--presence-grace: -1s is out of range; allowed is 0s to 1h"}},
		"heartbeat too fast":    {"", nil, []string{"--heartbeat=1ms"}, []string{"--heartbeat: 1ms is out of range; allowed is 1s to 10m"}},
		"log format":            {"", env{"ROLLCALL_LOG_FORMAT": "xml"}, nil, []string{`--log-format: "xml" is unknown; allowed is auto, text, json`, "ROLLCALL_LOG_FORMAT"}},
		"log level":             {"", nil, []string{"--log-level=loud"}, []string{`--log-level: "loud" is unknown`}},
		"everything at once":    {"", nil, []string{"--log-level=loud", "--max-events=0"}, []string{"--log-level", "--max-events"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := parse(t, test.file, test.env, test.args...)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, says := range test.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("the message is\n%v\nwant it to say %q", err, says)
				}
			}
		})
	}
}

func TestEveryRangeHoldsItsDefault(t *testing.T) {
	t.Parallel()
	if _, _, err := parse(t, "", nil); err != nil {
		t.Fatal(err)
	}
}

// A setting that is forgotten in options would silently keep its default.
func TestOptionsCarryEverySetting(t *testing.T) {
	t.Parallel()
	c, _, err := parse(t, "", nil, "--cors-origin=*", "--node=n", "--online-presence", "--h2c", "--shards=2", "--max-streams=5", "--max-connections=9",
		"--admin-password=correct horse", "--admin-sessions=f", "--admin-listen=:0", "--hsts=1h", "--trusted-proxy=10.0.0.0/8",
		"--address-connections=1", "--identity-connections=1", "--no-compat", "--no-pages", "--insecure", "--no-http2", "--net-http2", "--channel=typing.> keep=none",
		"--oidc-issuer=https://id.example.org", "--admin-url=https://a.org/admin", "--oidc-client-id=x", "--oidc-role=ops=operator", "--admin-keys="+filepath.Join(t.TempDir(), "keys"), "--data=d")
	if err != nil {
		t.Fatal(err)
	}
	c.hint, c.traces = "here", noop.NewTracerProvider()
	options := reflect.ValueOf(c.options(newLogger(os.Stderr, "text", "info"), []web.Setting{{Name: "listen"}}, &auth.Options{Open: true}))
	for i := range options.NumField() {
		name := options.Type().Field(i).Name
		switch name {
		case "Engine", "Roster", "Outbox": // opened later
			continue
		case "Webhooks", "Presence": // of the file alone, and of programs
			continue
		}
		if options.Field(i).IsZero() {
			t.Errorf("web.Options.%s is not set", name)
		}
	}
	if got := c.options(nil, nil, nil).PresenceGrace; got != 10*time.Second {
		t.Errorf("PresenceGrace is %v", got)
	}
}

func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	s := &settings{env: env{
		"ROLLCALL_LISTEN": "", "ROLLCALL_CONFIG": "", "ROLLCALL_LISEN": "", "ROLLCALL_HELP": "", "PATH": "",
		"ROLLCALL_SERVICE_HOST": "", "ROLLCALL_SERVICE_PORT": "", "ROLLCALL_SERVICE_PORT_HTTP": "", "ROLLCALL_PORT": "",
		"ROLLCALL_PORT_9090_TCP_ADDR": "", "ROLLCALL_ADMIN_SERVICE_HOST": "",
	}}
	got := s.unknownEnv(newParser(&cli{}, s).Model)
	if diff := cmp.Diff([]string{"ROLLCALL_HELP", "ROLLCALL_LISEN"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		says []string
	}{
		{[]string{"--help"}, []string{"Usage: rollcall <command>", "serve", "version", "Exit codes:", "130"}},
		{[]string{"serve", "--help"}, []string{
			"Usage: rollcall serve", "ROLLCALL_SOME_NAME", "PORT=8080",
			"\nServer\n", "\nPublishing\n", "\nStreams\n", "\nHistory\n", "\nPresence\n", "\nLogging\n",
			"--listen=ADDRESS", "[default: 127.0.0.1:9090]", "--history-budget=SIZE", "[default: 256MiB]",
			"\nExamples:\n", "rollcall serve --listen :8080",
		}},
	} {
		var out strings.Builder
		left := -1
		exit := kong.Exit(func(code int) { left = max(left, code) })
		_, _ = newParser(&cli{}, &settings{}, kong.Writers(&out, &out), exit).Parse(test.args)
		if left != 0 {
			t.Errorf("%v: exit code %d, want 0", test.args, left)
		}
		for _, says := range test.says {
			if !strings.Contains(out.String(), says) {
				t.Errorf("%v does not say %q:\n%s", test.args, says, out.String())
			}
		}
		for _, line := range strings.Split(out.String(), "\n") {
			if len(line) > 110 {
				t.Errorf("%v: a line of %d characters: %s", test.args, len(line), line)
			}
		}
	}
}

// writePair writes a certificate and its key to files.
func writePair(t *testing.T) (cert, key string) {
	t.Helper()
	pair, err := developmentPair()
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
