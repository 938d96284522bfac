package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"rollcall/web/auth"
)

// tokenCmd is about the tokens of subscribers.
type tokenCmd struct {
	New newTokenCmd `cmd:"" help:"Create a token (JWT) for a subscriber."`
}

// newTokenCmd makes a token.
type newTokenCmd struct {
	Sub       string         `required:"" placeholder:"ID" help:"The subscriber: the clientId of its streams."`
	Subscribe []auth.Pattern `placeholder:"PATTERNS" help:"Channels that it may read, separated by commas. * matches one token of a name, > at the end all following tokens."`
	Publish   []auth.Pattern `placeholder:"PATTERNS" help:"Channels that it may publish to."`
	Info      string         `placeholder:"JSON" help:"Info that presence shows: a JSON object of at most 1 KiB."`
	TTL       Duration       `name:"ttl" default:"1h" placeholder:"DURATION" help:"How long the token is valid."`
	JSON      bool           `name:"json" help:"Print JSON instead of only the token."`

	JWTSecret     string `name:"jwt-secret" placeholder:"SECRET" help:"Sign with this secret of at least 32 bytes (HS256). Better set in the environment."`
	JWTPrivateKey string `name:"jwt-private-key" placeholder:"FILE" help:"Sign with the private key in this PEM file: RSA (RS256), EC on P-256 (ES256) or Ed25519 (EdDSA)."`
	JWTIssuer     string `name:"jwt-issuer" aliases:"issuer" placeholder:"NAME" help:"The token's iss."`
	JWTAudience   string `name:"jwt-audience" aliases:"audience" placeholder:"NAME" help:"The token's aud."`
}

// Help is shown above the flags of "rollcall token new --help".
func (c *newTokenCmd) Help() string {
	return `Prints a token for trying things out, or for scripts. An application makes its users' tokens itself, with any JWT library and the claims sub, exp, info and channels.

A page sends it as "Authorization: Bearer TOKEN", in the query as access_token=TOKEN, or in the cookie that the server is told of.`
}

// Examples is printed below the flags.
func (c *newTokenCmd) Examples() string {
	return `
Examples:
  ROLLCALL_JWT_SECRET=... rollcall token new --sub u1 --subscribe 'room.*' --ttl 1h
  rollcall token new --sub u1 --subscribe '>' --publish chat --info '{"name":"Ann"}' --jwt-private-key key.pem`
}

// AfterApply checks the flags.
func (c *newTokenCmd) AfterApply(s *settings) error {
	p := &problems{from: s.from}
	within(p, "ttl", c.TTL, Duration(time.Second), Duration(100*365*24*time.Hour))
	if (c.JWTSecret == "") == (c.JWTPrivateKey == "") {
		p.errs = append(p.errs, errors.New("give one of --jwt-secret (better: ROLLCALL_JWT_SECRET) and --jwt-private-key"))
	}
	return p.err()
}

// Run makes a token and prints it.
func (c *newTokenCmd) Run(k *kong.Kong) error {
	key, err := c.key()
	if err != nil {
		return err
	}
	now := time.Now()
	claims := auth.Claims{
		Subject: c.Sub, Subscribe: c.Subscribe, Publish: c.Publish, Info: []byte(c.Info),
		Issuer: c.JWTIssuer, Audience: c.JWTAudience, IssuedAt: now, Expires: now.Add(time.Duration(c.TTL)),
	}
	text, err := auth.Sign(claims, key)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(k, struct {
			Token   string `json:"token"`
			Expires string `json:"expires"`
		}{text, claims.Expires.UTC().Format(time.RFC3339)})
	}
	_, err = fmt.Fprintln(k.Stdout, text)
	return err
}

// key returns the key that signs the token.
func (c *newTokenCmd) key() (any, error) {
	if c.JWTSecret != "" {
		return []byte(c.JWTSecret), nil
	}
	file, err := os.ReadFile(c.JWTPrivateKey)
	if err != nil {
		return nil, err
	}
	key, err := auth.ParsePrivateKey(file)
	if err != nil {
		return nil, fmt.Errorf("--jwt-private-key: %s %w", c.JWTPrivateKey, err)
	}
	return key, nil
}
