package auth_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/web/auth"
)

// newKey makes a key with the scopes and channels that are written out.
func newKey(t testing.TB, name, allow, channels string) (string, auth.Key) {
	t.Helper()
	scopes, err := auth.ParseScopes(allow)
	if err != nil {
		t.Fatal(err)
	}
	text, key, err := auth.NewKey(name, scopes, patterns(t, channels))
	if err != nil {
		t.Fatal(err)
	}
	return text, key
}

func TestScopes(t *testing.T) {
	s, err := auth.ParseScopes("history,publish,history")
	if err != nil || s != auth.Publish|auth.History || s.String() != "publish,history" {
		t.Errorf("%v, %v", s, err)
	}
	if !s.Has(auth.History) || s.Has(auth.Admin) || s.Has(auth.Publish|auth.Admin) {
		t.Error("the set does not hold what it should")
	}
	for _, text := range []string{"", "Publish", "publish,", "publish, history", "all", "*"} {
		if s, err := auth.ParseScopes(text); err == nil {
			t.Errorf("%q became %v", text, s)
		}
	}
}

func TestKeysAreNotToBeGuessed(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		text, key := newKey(t, "billing", "publish", "orders.>")
		if len(text) != 43 || !strings.HasPrefix(text, "rk_") || seen[text] {
			t.Fatalf("the key is %q", text)
		}
		if strings.Contains(key.String(), text[3:]) {
			t.Fatal("the line holds the key")
		}
		seen[text] = true
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	all := patterns(t, ">")
	for name, make := range map[string]func() (string, auth.Key, error){
		"no name":                func() (string, auth.Key, error) { return auth.NewKey("", auth.Publish, all) },
		"name with a line":       func() (string, auth.Key, error) { return auth.NewKey("a\nname=b", auth.Publish, all) },
		"name with a space":      func() (string, auth.Key, error) { return auth.NewKey("a b", auth.Publish, all) },
		"long name":              func() (string, auth.Key, error) { return auth.NewKey(strings.Repeat("a", 65), auth.Publish, all) },
		"no scope":               func() (string, auth.Key, error) { return auth.NewKey("a", 0, all) },
		"unknown scope":          func() (string, auth.Key, error) { return auth.NewKey("a", 1<<5, all) },
		"no channels":            func() (string, auth.Key, error) { return auth.NewKey("a", auth.Publish, nil) },
		"admin of some channels": func() (string, auth.Key, error) { return auth.NewKey("a", auth.Admin, patterns(t, "a.>")) },
	} {
		if text, _, err := make(); err == nil || text != "" {
			t.Errorf("%s: there is a key", name)
		}
	}
}

func TestKeyLine(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	k, err := auth.ParseKey("\tname=b  hash=sha256:" + hash + " channels=a%20b.>,%25%3B,x=y allow=publish,history expires=2027-01-31T01:00:00+01:00 ")
	if err != nil {
		t.Fatal(err)
	}
	want := auth.Key{
		Name: "b", Allow: auth.Publish | auth.History, Channels: patterns(t, "a b.>,%;,x=y"),
		Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), Hash: [32]byte([]byte(strings.Repeat("\n", 32))),
	}
	if diff := cmp.Diff(want, k, cmp.Comparer(func(a, b auth.Pattern) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	line := "name=b allow=publish,history channels=a%20b.>,%25%3B,x=y hash=sha256:" + hash + " expires=2027-01-31T00:00:00Z"
	if k.String() != line {
		t.Errorf("it prints as %s", k)
	}
}

func TestKeyLinesThatAreRefused(t *testing.T) {
	secret, key := newKey(t, "a", "publish", "x")
	good := key.String()
	if _, err := auth.ParseKey(good); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"", secret, good + " " + secret, good + " name=b", good + " admin=true", good + " =", good + " expires=tomorrow",
		good + " expires=2027-01-31", good + " expires=2027-01-31T00:00:00.5Z",
		strings.Replace(good, "name=a ", "", 1), strings.Replace(good, "channels=x", "channels=", 1),
		strings.Replace(good, "channels=x", "channels=x,", 1), strings.Replace(good, "channels=x", "channels=a%2Cb", 1),
		strings.Replace(good, "channels=x", "channels=a%zz", 1), strings.Replace(good, "channels=x", "channels=%24sys", 1),
		strings.Replace(good, "sha256:", "", 1), strings.Replace(good, "sha256:", "sha256:"+secret, 1),
		strings.Replace(good, "sha256:", "md5:", 1), good[:len(good)-2], good + "00",
		"name=a allow=publish channels=x hash=" + secret,
		"name=a allow=publish channels=x hash=sha256:" + strings.Repeat("00", 32),
	} {
		k, err := auth.ParseKey(line)
		if err == nil {
			t.Errorf("%q became %v", line, k)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells the key: %v", err)
		}
	}
}

func TestKeysFile(t *testing.T) {
	_, a := newKey(t, "a", "publish", "x")
	_, b := newKey(t, "b", "admin", ">")
	text := "# keys; of this server\r\n\n  " + a.String() + " \r\n" + b.String() + ";" + a.String() + ";\n"
	keys, err := auth.ParseKeys(text)
	if err != nil || len(keys) != 3 || keys[1].Name != "b" || keys[2].String() != a.String() {
		t.Errorf("%v, %v", keys, err)
	}
	if _, err := auth.ParseKeys(text + "name=c"); err == nil || !strings.HasPrefix(err.Error(), "line 5: ") {
		t.Errorf("the error is %v", err)
	}
}

// drawKey makes up a key that ParseKey must take.
func drawKey(t *rapid.T) auth.Key {
	channel := rapid.StringMatching(`[a-z %;=#é　"]{0,6}[a-z%;=#>]`).Filter(func(s string) bool {
		_, err := auth.ParsePattern(s)
		return err == nil
	})
	k := auth.Key{
		Name:  rapid.StringMatching(`[A-Za-z0-9._-]{1,64}`).Draw(t, "name"),
		Allow: auth.Scopes(rapid.IntRange(1, 31).Draw(t, "allow")),
		Hash:  [32]byte(rapid.SliceOfN(rapid.ByteRange(1, 255), 32, 32).Draw(t, "hash")),
	}
	for _, text := range rapid.SliceOfN(channel, 1, 5).Draw(t, "channels") {
		p, _ := auth.ParsePattern(text)
		k.Channels = append(k.Channels, p)
	}
	if k.Allow.Has(auth.Admin) {
		all, _ := auth.ParsePattern(">")
		k.Channels = append(k.Channels, all)
	}
	if rapid.Bool().Draw(t, "ends") {
		k.Expires = time.Unix(rapid.Int64Range(0, 253402300799).Draw(t, "expires"), 0).UTC()
	}
	return k
}

func TestKeyLineRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := []auth.Key{drawKey(t), drawKey(t)}
		separator := rapid.SampledFrom([]string{"\n", ";", "\r\n# x; y\n"}).Draw(t, "separator")
		got, err := auth.ParseKeys(keys[0].String() + separator + keys[1].String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(keys, got, cmp.Comparer(func(a, b auth.Pattern) bool { return a == b })); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzKeyLine(f *testing.F) {
	f.Add("name=b allow=publish channels=a%20b.> hash=sha256:" + strings.Repeat("0a", 32) + " expires=2027-01-31T01:00:00+01:00")
	f.Add("name=b\tallow=admin channels=> hash=sha256:" + strings.Repeat("FF", 32))
	f.Fuzz(func(t *testing.T, line string) {
		k, err := auth.ParseKey(line)
		if err != nil {
			return
		}
		again, err := auth.ParseKey(k.String())
		if err != nil || again.String() != k.String() {
			t.Fatalf("%q became %q, which became %q, %v", line, k, again, err)
		}
		if _, err := auth.New(auth.Options{Keys: []auth.Key{k}}); err != nil {
			t.Fatalf("%q is a line but no key: %v", line, err)
		}
	})
}

func TestExpiredKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text, key := newKey(t, "a", "publish", "x")
		key.Expires = time.Now().Add(time.Hour)
		a := authenticator(t, auth.Options{Keys: []auth.Key{key}})
		g, err := a.Authenticate(request("", "Authorization: Bearer "+text))
		if err != nil || !a.Holds(g) {
			t.Fatalf("%v, %v", g, err)
		}
		time.Sleep(time.Hour)
		if _, err := a.Authenticate(request("", "Authorization: Bearer "+text)); !errors.Is(err, auth.ErrExpired) || a.Holds(g) {
			t.Errorf("the error is %v", err)
		}
	})
}
