package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"rollcall/hub/disklog"
	jetoutbox "rollcall/hub/jetlog/outbox"
	"rollcall/hub/outbox"
	"rollcall/web/auth"
	"rollcall/web/hooks"
)

// webhooksKey is the only key of the YAML file that is not a flag: its structure does not fit into one.
const webhooksKey = "webhooks"

// webhookEntry is an endpoint as the YAML file has it.
type webhookEntry struct {
	URL          string         `yaml:"url"`
	Secret       oneOrMore      `yaml:"secret"`
	Types        []string       `yaml:"types"`
	Channels     []auth.Pattern `yaml:"channels"`
	AllowPrivate bool           `yaml:"allow-private"`
}

// oneOrMore is a text or a list of texts.
type oneOrMore []string

// UnmarshalYAML reads either form.
func (o *oneOrMore) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if unmarshal(&one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return unmarshal((*[]string)(o))
}

// readWebhooks reads the endpoints. Errors never hold a secret.
func readWebhooks(node ast.Node) ([]hooks.Endpoint, error) {
	entries, err := readList[webhookEntry](node, webhooksKey, "url, secret, types, channels and allow-private")
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	list := make([]hooks.Endpoint, len(entries))
	for i, e := range entries {
		list[i] = hooks.Endpoint{URL: e.URL, Secrets: e.Secret, Types: e.Types, Channels: e.Channels, AllowPrivate: e.AllowPrivate}
	}
	return list, hooks.CheckEndpoints(list)
}

// openOutbox opens the outbox of webhooks, nil for one in memory. cluster is nil without one.
func (c *serveCmd) openOutbox(ctx context.Context, cluster *engine, log *slog.Logger) (outbox.Store, error) {
	switch {
	case len(c.webhooks) == 0:
		return nil, nil
	case c.Data != "":
		return disklog.OpenOutbox(filepath.Join(c.Data, disklog.OutboxName), c.Sync == "relaxed", log)
	case cluster != nil:
		ctx, cancel := context.WithTimeout(ctx, openTimeout)
		defer cancel()
		return jetoutbox.Open(ctx, cluster.link.Conn(), jetoutbox.Options{Name: c.NATSStream + "_HOOKS", Replicas: c.NATSReplicas})
	}
	return nil, nil
}

// shownWebhooks returns the endpoints' URLs without their secrets.
func shownWebhooks(list []hooks.Endpoint) string {
	shown := make([]string, len(list))
	for i := range list {
		shown[i] = list[i].Shown()
	}
	return strings.Join(shown, " ")
}

// webhooksAt returns the place of the endpoints in the file.
func (f *configFile) webhooksAt() string { return fmt.Sprintf("%s:%d", f.path, f.webhooksLine) }
