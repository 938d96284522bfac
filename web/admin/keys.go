package admin

import (
	"errors"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/auth"
	"rollcall/web/reply"
)

const keysPath = Path + "/keys"

// keysPage paints /admin/keys.
func (a *Admin) keysPage(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "server"
	made := ""
	if !v.live && v.session.Role.CanAct() {
		made = v.session.TakeSecret()
	}
	return func() renderedPage {
		view := templates.KeysView{AdminFrame: v.frame, Made: made, Off: a.keys == nil, Clustered: a.node.Cluster != nil}
		if a.keys != nil {
			for _, k := range a.keys.Keys() {
				view.Rows = append(view.Rows, templates.KeyRow{
					Key: "key-" + k.ID(), ID: k.ID(), Name: k.Name, Allow: k.Allow.String(), Channels: k.Channels.String(),
					Made: k.Made, By: k.By, Expires: k.Expires, Expired: !k.Expires.IsZero() && !time.Now().Before(k.Expires),
				})
			}
		}
		return renderedPage{body: templates.Keys(view), parts: view.Fragments()}
	}, nil
}

// addKey answers POST /admin/keys. The next page shows the key, once.
func (a *Admin) addKey(c *gin.Context) {
	name := strings.TrimSpace(c.PostForm("name"))
	if a.keys == nil {
		a.failed(c, "key.add", name, keysPath, "This server keeps no keys: it was started without --admin-keys.")
		return
	}
	var key auth.MadeKey
	scopes, err := auth.ParseScopes(strings.Join(c.PostFormArray("allow"), ","))
	if len(c.PostFormArray("allow")) == 0 {
		err = errors.New("a key needs scopes; choose at least one")
	}
	var channels auth.Patterns
	if err == nil {
		channels, err = auth.ParsePatterns(strings.Join(splitNames(c.PostForm("channels")), ","))
	}
	text := ""
	if err == nil {
		text, key.Key, err = auth.NewKey(name, scopes, channels)
	}
	if d := c.PostForm("for"); err == nil && d != "" {
		var ttl time.Duration
		if ttl, err = time.ParseDuration(d); err != nil || ttl < time.Second || ttl > maxKeyTTL {
			err = errors.New("the time is such as 720h, at most 87600h; without one the key is valid until it is revoked")
		}
		key.Expires = time.Now().Add(ttl).UTC().Truncate(time.Second)
	}
	if err != nil {
		a.failed(c, "key.add", reply.Short(name, 64), keysPath, "No key was made: "+err.Error()+".")
		return
	}
	s := sessionOf(c)
	key.Made, key.By = time.Now().UTC().Truncate(time.Second), s.User
	if err := a.keys.Add(key); err != nil {
		a.opts.Log.Error("an API key could not be stored", "error", err)
		a.failed(c, "key.add", name, keysPath, "No key was made: the file of keys could not be written. The log says why.")
		return
	}
	a.applyKeys()
	s.SetSecret(text)
	a.done(c, "key.add", name, key.Allow.String()+" on "+reply.Short(key.Channels.String(), 200), keysPath, "The key "+name+" was made. It is shown once, below.")
}

// maxKeyTTL is the longest life of a key with an end.
const maxKeyTTL = 10 * 365 * 24 * time.Hour

// revokeKey answers POST /admin/keys/revoke.
func (a *Admin) revokeKey(c *gin.Context) {
	if a.keys == nil {
		a.failed(c, "key.revoke", "", keysPath, "This server keeps no keys.")
		return
	}
	key, err := a.keys.Remove(c.PostForm("key"))
	switch {
	case errors.Is(err, auth.ErrNoSuchKey):
		a.failed(c, "key.revoke", "", keysPath, "There is no such key any more.")
	case err != nil:
		a.opts.Log.Error("an API key could not be revoked", "error", err)
		a.failed(c, "key.revoke", "", keysPath, "The key was not revoked: the file of keys could not be written. The log says why.")
	default:
		a.applyKeys()
		a.done(c, "key.revoke", key.Name, key.Allow.String()+" on "+reply.Short(key.Channels.String(), 200), keysPath, "Revoked the key "+key.Name+". Its streams end.")
	}
}

// applyKeys puts the keys of the file into effect, and ends the streams of those that are gone.
func (a *Admin) applyKeys() {
	list := a.keys.Keys()
	keys := make([]auth.Key, len(list))
	for i := range list {
		keys[i] = list[i].Key
	}
	if err := a.gate.SetMadeKeys(keys); err != nil { // the file was checked
		a.opts.Log.Error("the API keys of the admin UI were not taken", "error", err)
	}
	a.node.Sweep()
}

// ReloadKeys reads the file of keys again.
func (a *Admin) ReloadKeys() error {
	if a.keys == nil {
		return nil
	}
	if err := a.keys.Reload(); err != nil {
		return err
	}
	a.applyKeys()
	return nil
}
