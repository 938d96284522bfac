// Package sso logs in users of an OpenID Connect provider: the authorization code flow with state, nonce and PKCE.
//
//	address, flow, err := provider.Begin(ctx) // keep flow for the browser, and lead it to address
//	user, err := provider.Finish(ctx, flow, r.URL.Query())
//
// A [Provider] serves nothing and keeps nothing about users. It finds the provider's endpoints at the first login, so a
// server starts without it. Answers of the provider are bounded in time and size; errors contain no token and no
// secret.
package sso
