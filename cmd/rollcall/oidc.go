package main

import (
	"errors"
	"fmt"
	"strings"

	"rollcall/web"
	"rollcall/web/sso"
)

// OIDCFlags are the settings for logins to the admin UI at an OpenID Connect provider.
type OIDCFlags struct {
	AdminURL             string   `group:"admin" name:"admin-url" placeholder:"URL" help:"The admin UI's address as browsers reach it, such as https://rollcall.example.org/admin. A login provider leads back there; its redirect URL is this and /oidc-callback."`
	OIDCIssuer           string   `group:"admin" name:"oidc-issuer" placeholder:"URL" help:"Let users of this OpenID Connect provider log in to the admin UI. See docs/admin.md."`
	OIDCClientID         string   `group:"admin" name:"oidc-client-id" placeholder:"ID" help:"This server's client id at the provider."`
	OIDCClientSecret     string   `group:"admin" name:"oidc-client-secret" placeholder:"SECRET" help:"Its client secret; without one the client is public. Better set in a file or the environment."`
	OIDCClientSecretFile string   `group:"admin" name:"oidc-client-secret-file" placeholder:"FILE" help:"Read this secret from a file."`
	OIDCScope            []string `group:"admin" name:"oidc-scope" default:"profile,email" placeholder:"NAMES" help:"What to ask the provider for, beside openid. Some providers need groups here."`
	OIDCGroupsClaim      string   `group:"admin" name:"oidc-groups-claim" default:"groups" placeholder:"NAME" help:"The claim with a user's groups, in the ID token or the userinfo; realm_access.roles is one within another."`
	OIDCRole             []string `group:"admin" name:"oidc-role" sep:"none" placeholder:"GROUP=ROLE" help:"The role of a group's members: operator, viewer or one of --admin-role. May be repeated; the first group that a user has counts. Users without such a group are refused."`
}

// check reports errors in the settings. It sends nothing.
func (o *OIDCFlags) check(p *problems, all roles) {
	if o.OIDCIssuer == "" {
		for name, set := range map[string]bool{
			"admin-url": o.AdminURL != "", "oidc-client-id": o.OIDCClientID != "", "oidc-client-secret": o.OIDCClientSecret != "",
			"oidc-client-secret-file": o.OIDCClientSecretFile != "", "oidc-role": len(o.OIDCRole) > 0,
		} {
			if set {
				p.add(name, "it concerns logins at a provider; set oidc-issuer too")
			}
		}
		return
	}
	if o.AdminURL == "" {
		p.add("admin-url", "it is required with oidc-issuer, such as https://rollcall.example.org/admin")
	} else if err := sso.CheckURL(o.AdminURL); err != nil {
		p.add("admin-url", "%q %v", o.AdminURL, err)
	} else if !strings.HasSuffix(strings.TrimSuffix(o.AdminURL, "/"), "/admin") {
		p.add("admin-url", "%q does not end in /admin", o.AdminURL)
	}
	if err := sso.CheckURL(o.OIDCIssuer); err != nil {
		p.add("oidc-issuer", "%q %v", o.OIDCIssuer, err)
	}
	if o.OIDCClientID == "" {
		p.add("oidc-client-id", "it is required with oidc-issuer")
	}
	if len(o.OIDCRole) == 0 {
		p.add("oidc-role", "it is required with oidc-issuer: without it, nobody could log in there; write for example ops=operator")
	}
	if _, err := o.secret(); err != nil {
		p.add("oidc-client-secret-file", "%v", err)
	}
	if _, err := o.roles(all); err != nil {
		p.add("oidc-role", "%v", err)
	}
}

// secret returns the client secret, "" for a public client.
func (o *OIDCFlags) secret() (string, error) {
	if o.OIDCClientSecretFile == "" {
		return o.OIDCClientSecret, nil
	}
	if o.OIDCClientSecret != "" {
		return "", errors.New("--oidc-client-secret is set too; use only one of them")
	}
	text, err := readPasswordFile(o.OIDCClientSecretFile)
	if err == nil && text == "" {
		err = fmt.Errorf("%s is empty", o.OIDCClientSecretFile)
	}
	return text, err
}

// roles returns the roles of the provider's groups.
func (o *OIDCFlags) roles(all roles) (list []web.GroupRole, err error) {
	for _, text := range eachOf(o.OIDCRole) {
		at := strings.LastIndexByte(text, '=') // groups such as cn=ops,ou=groups have it too
		if at < 1 {
			return nil, fmt.Errorf("%q is not GROUP=ROLE", text)
		}
		role, err := all.find(strings.TrimSpace(text[at+1:]))
		if err != nil {
			return nil, fmt.Errorf("%q: %q %w", text, text[at+1:], err)
		}
		list = append(list, web.GroupRole{Group: strings.TrimSpace(text[:at]), Account: role})
	}
	return list, nil
}

// provider returns the provider of the settings, nil for none.
func (o *OIDCFlags) provider() (*sso.Provider, error) {
	if o.OIDCIssuer == "" {
		return nil, nil
	}
	secret, err := o.secret()
	if err != nil {
		return nil, fmt.Errorf("--oidc-client-secret-file: %w", err)
	}
	provider, err := sso.New(sso.Options{
		Issuer: o.OIDCIssuer, ClientID: o.OIDCClientID, ClientSecret: secret, Scopes: o.OIDCScope, GroupsClaim: o.OIDCGroupsClaim,
		RedirectURL: strings.TrimSuffix(o.AdminURL, "/") + web.OIDCCallback,
	})
	if err != nil {
		return nil, fmt.Errorf("--oidc-issuer: %w", err)
	}
	return provider, nil
}

// options returns the login at a provider, nil for none. The settings have been checked.
func (o *OIDCFlags) options(all roles) (*web.OIDC, error) {
	provider, err := o.provider()
	if provider == nil {
		return nil, err
	}
	list, err := o.roles(all)
	if err != nil {
		return nil, fmt.Errorf("--oidc-role: %w", err)
	}
	return &web.OIDC{Provider: provider, Roles: list}, nil
}
