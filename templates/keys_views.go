package templates

import (
	"strings"
	"time"
)

// KeysView is the page at /admin/keys.
type KeysView struct {
	AdminFrame
	Rows      []KeyRow
	Made      string // the text of the new key, shown once; usually empty
	Off       bool   // the server keeps no keys of the page
	Clustered bool
}

// KeyRow is an API key.
type KeyRow struct {
	Key, ID  string // of the row's element, and for the form that revokes it
	Name     string
	Allow    string // scopes, separated by commas
	Channels string
	Made     time.Time
	By       string
	Expires  time.Time // zero: never
	Expired  bool
}

// keyScopes are the scopes of a key, and what they allow.
var keyScopes = []struct{ name, text string }{
	{"publish", "publish events"}, {"subscribe", "open streams"}, {"history", "read kept events"}, {"presence", "see who is there"},
	{"admin", "see addresses, end streams"},
}

func (r KeyRow) scopes() []string { return strings.Split(r.Allow, ",") }

// question is asked before a key is revoked.
func (r KeyRow) question() string {
	return "Revoke the key " + visible(r.Name) + "? Programs that use it are refused at once, and its streams end."
}

// Fragments returns the live parts of the page.
func (v KeysView) Fragments() []Fragment {
	var rows []Fragment
	for _, r := range v.Rows {
		rows = append(rows, Fragment{ID: r.Key, Body: keyRow(r, v.CanAct)})
	}
	return []Fragment{{ID: "keys-rows", Body: keyRows(v), Items: orEmpty(rows, Fragment{ID: "keys-empty", Body: keysEmpty(v)})}}
}
