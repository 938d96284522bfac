package auth_test

import (
	"sync"
	"testing"

	"rollcall/web/auth"
)

func TestRotatedAndRevokedKey(t *testing.T) {
	oldText, oldKey := newKey(t, "billing", "publish", "orders.>")
	newText, newerKey := newKey(t, "billing", "publish", "orders.>")
	a := authenticator(t, auth.Options{Keys: []auth.Key{oldKey}})
	holds := func(text string) (*auth.Grant, bool) {
		g, err := a.Authenticate(request("", "X-API-Key: "+text))
		return g, err == nil
	}
	g, ok := holds(oldText)
	if !ok || !a.Holds(g) {
		t.Fatal("the key is not known")
	}
	if err := a.Replace(auth.Options{Keys: []auth.Key{oldKey, newerKey}}); err != nil {
		t.Fatal(err)
	}
	if _, ok := holds(newText); !ok || !a.Holds(g) {
		t.Error("old and new key are not good together")
	}
	if err := a.Replace(auth.Options{Keys: []auth.Key{newerKey, newerKey}}); err == nil {
		t.Error("bad options were taken")
	}
	if _, ok := holds(oldText); !ok || !a.Holds(g) {
		t.Error("bad options changed something")
	}
	if err := a.Replace(auth.Options{Keys: []auth.Key{newerKey}}); err != nil {
		t.Fatal(err)
	}
	if _, ok := holds(oldText); ok || a.Holds(g) {
		t.Error("the revoked key is still good")
	}
	g, _ = holds(newText)
	newerKey.Channels = patterns(t, "orders.a")
	if err := a.Replace(auth.Options{Keys: []auth.Key{newerKey}}); err != nil || a.Holds(g) {
		t.Errorf("a key with fewer rights: %v", err)
	}
}

func TestHoldsForOtherKinds(t *testing.T) {
	v := verifier(t, auth.VerifierOptions{Secret: secret})
	a := authenticator(t, auth.Options{Verifier: v, Anonymous: patterns(t, "public.>")})
	token, err := a.Authenticate(request("access_token=" + sign(t, secret, claim{"sub": "u"})))
	if err != nil {
		t.Fatal(err)
	}
	nobody, _ := a.Authenticate(request(""))
	open, _ := authenticator(t, auth.Options{Open: true}).Authenticate(request(""))
	for _, c := range []struct {
		o                   auth.Options
		token, nobody, open bool
	}{
		{auth.Options{Verifier: v, Anonymous: patterns(t, "public.>")}, true, true, false},
		{auth.Options{Verifier: v}, true, false, false},
		{auth.Options{Anonymous: patterns(t, "public.>")}, false, true, false},
		{auth.Options{Open: true}, false, true, true},
	} {
		if err := a.Replace(c.o); err != nil {
			t.Fatal(err)
		}
		if a.Holds(token) != c.token || a.Holds(nobody) != c.nobody || a.Holds(open) != c.open {
			t.Errorf("%+v: %v, %v, %v", c, a.Holds(token), a.Holds(nobody), a.Holds(open))
		}
	}
}

func TestReplaceUnderLoad(t *testing.T) {
	text, key := newKey(t, "a", "publish", "x")
	a := authenticator(t, auth.Options{Keys: []auth.Key{key}})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 500 {
				if g, err := a.Authenticate(request("", "X-API-Key: "+text)); err != nil || !g.MayPublish("x") {
					t.Errorf("%v, %v", g, err)
				}
			}
		})
		wg.Go(func() {
			for range 500 {
				if err := a.Replace(auth.Options{Keys: []auth.Key{key}, Anonymous: patterns(t, "a")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
