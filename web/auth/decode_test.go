package auth_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"rollcall/web/auth"
)

// A token is read without its signature, and nothing else is taken for one.
func TestDecode(t *testing.T) {
	t.Parallel()
	part := base64.RawURLEncoding.EncodeToString
	head := part([]byte(`{"alg":"HS256","kid":"k1","typ":"JWT"}`))
	claims := `{"sub":"ann","n":9007199254740993,"x":"<b>"}`
	got := auth.Decode(head + "." + part([]byte("{ \"sub\" : \"ann\",\n\"n\":9007199254740993,\"x\":\"<b>\"}")) + ".c2lnbmF0dXJl")
	if want := (auth.Decoded{Algorithm: "HS256", KeyID: "k1", Claims: claims}); got != want {
		t.Errorf("decoded is %+v, want %+v", got, want)
	}
	body := part([]byte(claims))
	for _, wrong := range []string{
		"", "a.b.c", "rk_abcdefghijklmnop", head + "." + body, head + "." + body + ".x.y", part([]byte(`{}`)) + "." + body + ".x",
		head + "." + part([]byte(`"text"`)) + ".x", head + "." + part([]byte(`{"sub":`)) + ".x", head + "." + part([]byte(strings.Repeat(" ", 1<<20)+"{}")) + ".x",
	} {
		if got := auth.Decode(wrong); got != (auth.Decoded{}) {
			t.Errorf("%.40q is decoded as %+v", wrong, got)
		}
	}
}
