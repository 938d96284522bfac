package main

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/alecthomas/kong"
)

// configCmd looks at a server's configuration without starting one.
type configCmd struct {
	Check checkConfigCmd `cmd:"" help:"Report all errors in the configuration."`
	Show  showConfigCmd  `cmd:"" help:"Print every setting with its value and source."`
}

// configFlags are the settings of a server, parsed like those of serve, with their problems.
type configFlags struct {
	JSON  bool     `name:"json" help:"Print JSON."`
	Serve serveCmd `embed:""`
}

// BeforeResolve makes settings collect problems; serve stops at the first kind.
func (*configFlags) BeforeResolve(s *settings) error {
	s.collect = true
	return nil
}

// configReport is the output as JSON.
type configReport struct {
	OK       bool            `json:"ok"`
	Problems []string        `json:"problems"`
	Unknown  []string        `json:"unknownVariables"`
	Settings []configSetting `json:"settings,omitempty"`
}

// configSetting is a setting with its secrets masked.
type configSetting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// report describes the configuration.
func (c *configFlags) report(ctx *kong.Context, s *settings) configReport {
	if at, err := net.ResolveTCPAddr("tcp", c.Serve.Listen); err == nil && c.Serve.open() && everybodyReaches(at) && !c.Serve.Insecure {
		s.found = append(s.found, fmt.Errorf("--listen: %s", firstLine(errOpen)))
	}
	r := configReport{OK: len(s.found) == 0, Problems: []string{}, Unknown: append([]string{}, s.unknownEnv(ctx.Model)...)}
	for _, err := range s.found {
		r.Problems = append(r.Problems, strings.Split(err.Error(), "\n")...)
	}
	known := valuesOf(ctx.Kong)
	for _, setting := range s.effective(ctx.Selected().Flags) {
		if _, ok := known[setting.Name]; ok || setting.Name == webhooksKey || setting.Name == rulesKey { // not --json
			r.Settings = append(r.Settings, configSetting(setting))
		}
	}
	return r
}

// firstLine is an error without the advice that follows.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// print prints the problems, and returns exit code 2 if there are any.
func (r *configReport) print(k *kong.Kong) error {
	for _, name := range r.Unknown {
		fmt.Fprintf(k.Stderr, "rollcall: the variable %s is unknown and would be ignored\n", printable(name))
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(k.Stderr, "rollcall: %s\n", printable(problem))
	}
	return r.status()
}

// status is exit code 2 if there are problems.
func (r *configReport) status() error {
	if !r.OK {
		return statusWrong
	}
	return nil
}

// statusWrong is the exit code for a wrong configuration.
const statusWrong exitStatus = 2

// checkConfigCmd prints the problems.
type checkConfigCmd struct {
	ConfigFlags configFlags `embed:""`
}

// Help is shown above the flags of "rollcall config check --help".
func (c *checkConfigCmd) Help() string {
	return `Reads the flags, variables and YAML file of "rollcall serve", and reports every error with its file and line, or its variable. Files in settings, such as keys and certificates, are read too. Nothing is started or contacted.`
}

// Examples is printed below the flags.
func (c *checkConfigCmd) Examples() string {
	return `
Examples:
  rollcall config check --config /etc/rollcall.yaml
  systemctl show rollcall -p Environment; rollcall config check --config rollcall.yaml --listen :9090

Exit code 0 where a server would start with it, 2 where not.`
}

// Run prints the problems.
func (c *checkConfigCmd) Run(k *kong.Kong, ctx *kong.Context, s *settings) error {
	r := c.ConfigFlags.report(ctx, s)
	if c.ConfigFlags.JSON {
		r.Settings = nil
		return errors.Join(printJSON(k, r), r.status())
	}
	if r.OK {
		set := 0
		for _, setting := range r.Settings {
			if setting.Source != "default" {
				set++
			}
		}
		fmt.Fprintf(k.Stdout, "The configuration is valid: %d settings, %d of them set.\n", len(r.Settings), set)
	}
	return r.print(k)
}

// showConfigCmd prints the effective configuration.
type showConfigCmd struct {
	ConfigFlags configFlags `embed:""`
	Set         bool        `help:"Only settings that differ from the default."`
}

// Help is shown above the flags of "rollcall config show --help".
func (c *showConfigCmd) Help() string {
	return `Reads the flags, variables and YAML file of "rollcall serve", and prints the effective settings. Secrets are shown as dots.`
}

// Examples is printed below the flags.
func (c *showConfigCmd) Examples() string {
	return `
Examples:
  rollcall config show --config /etc/rollcall.yaml
  rollcall config show --set
  rollcall config show --json | jq -r '.settings[] | select(.source != "default") | .name'

Exit code 2 where something is wrong; the settings are printed nevertheless.`
}

// Run prints the settings.
func (c *showConfigCmd) Run(k *kong.Kong, ctx *kong.Context, s *settings) error {
	r := c.ConfigFlags.report(ctx, s)
	rows := [][]string{{"SETTING", "VALUE", "FROM"}}
	var list []configSetting
	for _, setting := range r.Settings {
		if c.Set && setting.Source == "default" {
			continue
		}
		list = append(list, setting)
		rows = append(rows, []string{setting.Name, setting.Value, setting.Source})
	}
	if r.Settings = list; c.ConfigFlags.JSON {
		return errors.Join(printJSON(k, r), r.status())
	}
	return errors.Join((&printer{out: k.Stdout}).table(rows), r.print(k))
}
