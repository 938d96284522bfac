package main

import (
	"log/slog"
	"time"

	"rollcall/web"
	"rollcall/web/login"
)

// serverOptions is how the demo's server is set up: like "rollcall serve", with
// all that a page can show turned on.
func serverOptions(log *slog.Logger, listen string) (web.Options, error) {
	hash, err := login.HashPassword([]byte(adminPassword))
	return web.Options{
		Log:           log,
		Version:       "demo",
		Node:          "demo-1",
		H2C:           true,
		PresenceGrace: 10 * time.Second,
		Admins: []login.Account{
			{Name: "demo", Role: login.Operator, Hash: hash},
			{Name: "guest", Role: login.Viewer, Hash: hash},
		},
		AdminHint: "Operator demo or viewer guest, password " + adminPassword + ".",
		Settings:  []web.Setting{{Name: "listen", Value: listen, Source: "demo"}, {Name: "admin-password", Value: "••••••••", Source: "demo"}},
	}, err
}

// adminPassword is public: the demo serves only this machine.
const adminPassword = "demo-demo"
