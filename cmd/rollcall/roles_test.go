package main

import (
	"strings"
	"testing"

	"rollcall/web/login"
)

func TestRolesAreLimitedToChannels(t *testing.T) {
	t.Parallel()
	c, _, err := parse(t, "admin-role:\n  - support=operator:room.>,chat.*\n  - audience=viewer:>\nadmin-user:\n  - ann:support\n  - bob:audience\n  - eve\n", nil, "--admin-password=correct horse")
	if err != nil {
		t.Fatal(err)
	}
	want := []login.Account{{Name: "ann", Role: login.Operator, Title: "support"}, {Name: "bob", Role: login.Viewer, Title: "audience"}, {Name: "eve", Role: login.Operator}}
	channels := []string{"room.>,chat.*", ">", ""}
	for i, a := range c.admins {
		if a.Name != want[i].Name || a.Role != want[i].Role || a.Title != want[i].Title || a.Channels.String() != channels[i] {
			t.Errorf("the account %s is %v", a.Name, a)
		}
	}
	for text, says := range map[string]string{
		"support": "is not a role", "support=viewer": "is not a role", "support=admin:a": "is not a role", "support=viewer:": "names no channels",
		"viewer=viewer:a": "is not a role's name", "a b=viewer:a": "is not a role's name", "=viewer:a": "is not a role's name", "a=viewer:b\x01": "pattern",
	} {
		if _, _, err := parse(t, "", nil, "--admin-role="+text); err == nil || !strings.Contains(err.Error(), "--admin-role") {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	if _, _, err := parse(t, "", nil, "--admin-role=a=viewer:b", "--admin-role=a=viewer:c"); err == nil || !strings.Contains(err.Error(), "defined twice") {
		t.Errorf("a role of two definitions: %v", err)
	}
	if _, _, err := parse(t, "", nil, "--admin-role=a=viewer:b", "--admin-user=ann:c", "--admin-password=correct horse"); err == nil || !strings.Contains(err.Error(), "operator, viewer, a") {
		t.Errorf("an unknown role: %v", err)
	}
}

// The settings of a login provider are complete, or refused; the secret is shown nowhere.
func TestOIDCSettings(t *testing.T) {
	t.Parallel()
	good := []string{"--oidc-issuer=https://id.example.org", "--admin-url=https://a.org/x/admin/", "--oidc-client-id=rollcall", "--oidc-role=cn=ops,ou=groups=operator", "--admin-role=support=viewer:a", "--oidc-role=staff=support"}
	c, s, err := parse(t, "", env{"ROLLCALL_OIDC_CLIENT_SECRET": "tr0ub4dor&3"}, good...)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.oidc.Roles; len(r) != 2 || r[0].Group != "cn=ops,ou=groups" || r[0].Role != login.Operator || r[1].Title != "support" || r[1].Channels.String() != "a" {
		t.Errorf("roles %v", r)
	}
	for _, setting := range s.effective(newParser(&cli{Serve: *c}, s).Model.Children[0].Flags) {
		if strings.Contains(setting.Value, "tr0ub4dor") {
			t.Errorf("%s shows the secret", setting.Name)
		}
	}
	if masked("oidc-client-secret", "tr0ub4dor&3") != mask {
		t.Error("the secret is shown")
	}
	for name, args := range map[string][]string{
		"--admin-url":                append([]string{"--admin-url=http://a.org/admin"}, good[0], good[2], good[3]),
		"does not end in /admin":     append([]string{"--admin-url=https://a.org/"}, good[0], good[2], good[3]),
		"--oidc-issuer":              append([]string{"--oidc-issuer=http://id.example.org"}, good[1], good[2], good[3]),
		"--oidc-client-id":           {good[0], good[1], good[3]},
		"nobody could log in":        {good[0], good[1], good[2]},
		"is not a role; allowed are": {good[0], good[1], good[2], "--oidc-role=ops=root"},
		"is not GROUP=ROLE":          {good[0], good[1], good[2], "--oidc-role=ops"},
		"no such file":               append([]string{"--oidc-client-secret-file=nowhere"}, good...),
		"set oidc-issuer too":        {good[1]},
	} {
		if _, _, err := parse(t, "", nil, args...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
