package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/web/login"
)

// sampleHash is a hash of no known password.
const sampleHash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$JJuUGvXO1m1Uod2VFq0pGpDnFbV3mXCCrnNvZvU8LZA"

func TestAccounts(t *testing.T) {
	t.Parallel()
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const hashed = "hashed here" // stands for a new hash of "correct horse"
	ann := func(role login.Role, hash string) []login.Account {
		return []login.Account{{Name: "ann", Role: role, Hash: hash}}
	}
	admin := func(hash string) []login.Account {
		return []login.Account{{Name: "admin", Role: login.Operator, Hash: hash}}
	}
	tests := map[string]struct {
		users          []string
		password, file string
		want           []login.Account
	}{
		"nothing":                   {},
		"password alone":            {nil, "correct horse", "", admin(hashed)},
		"hash alone":                {nil, sampleHash, "", admin(sampleHash)},
		"file alone":                {nil, "", file("correct horse\n"), admin(hashed)},
		"file of Windows":           {nil, "", file("correct horse\r\n"), admin(hashed)},
		"file without a line end":   {nil, "", file("correct horse"), admin(hashed)},
		"file with a hash":          {nil, "", file(sampleHash + "\n"), admin(sampleHash)},
		"name":                      {[]string{"ann"}, "correct horse", "", ann(login.Operator, hashed)},
		"name and role":             {[]string{"ann:viewer"}, "correct horse", "", ann(login.Viewer, hashed)},
		"name and hash":             {[]string{"ann:" + sampleHash}, "", "", ann(login.Operator, sampleHash)},
		"name, role and hash":       {[]string{"ann:viewer:" + sampleHash}, "", "", ann(login.Viewer, sampleHash)},
		"hash cut at commas":        {strings.Split("ann:viewer:"+sampleHash, ","), "", "", ann(login.Viewer, sampleHash)},
		"hash before the next name": {strings.Split("ann:"+sampleHash+",bob:viewer", ","), sampleHash, "", append(ann(login.Operator, sampleHash), login.Account{Name: "bob", Role: login.Viewer, Hash: sampleHash})},
		"some with a hash":          {[]string{"ann:viewer:" + sampleHash, "bob:operator"}, "correct horse", "", append(ann(login.Viewer, sampleHash), login.Account{Name: "bob", Role: login.Operator, Hash: hashed})},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := accounts(test.users, test.password, test.file, nil)
			if err != nil {
				t.Fatal(err)
			}
			verify, err := login.NewAccounts(got)
			if err != nil {
				t.Fatal(err)
			}
			for i, account := range got {
				if test.want[i].Hash == hashed && account.Hash != sampleHash {
					if _, err := verify.Verify(t.Context(), account.Name, []byte("correct horse")); err != nil {
						t.Errorf("%s: %v", account.Name, err)
					}
					got[i].Hash = hashed
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAccountsRefuses(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		users          []string
		password, file string
		says           []string
	}{
		"password and file":     {nil, "correct horse", empty, []string{"--admin-password-file: ", "use only one of them"}},
		"short password":        {nil, "hunter2", "", []string{"--admin-password: ", "7 bytes; at least 8 are required"}},
		"long password":         {nil, strings.Repeat("x", 1025), "", []string{"--admin-password: ", "1025 bytes; allowed are up to 1024"}},
		"bad hash":              {nil, "$argon2id$v=19$m=8", "", []string{"--admin-password: ", "the hash has"}},
		"no file":               {nil, "", missing, []string{"--admin-password-file: ", missing}},
		"empty file":            {nil, "", empty, []string{"--admin-password-file: ", "0 bytes; at least 8 are required"}},
		"no password":           {[]string{"ann:viewer"}, "", "", []string{"--admin-user: ann has no password; write ann:viewer:HASH", "--admin-password-file"}},
		"nobody needs it":       {[]string{"ann:" + sampleHash}, "correct horse", "", []string{"--admin-password: every --admin-user has a hash"}},
		"other role":            {[]string{"ann:admin"}, "correct horse", "", []string{`--admin-user: the text after "ann" is neither`, "one of operator, viewer"}},
		"role left out":         {[]string{"ann:"}, "correct horse", "", []string{"--admin-user: ", "NAME:ROLE:HASH"}},
		"hash left out":         {[]string{"ann:viewer:"}, "correct horse", "", []string{`--admin-user: "ann": the hash does not begin`}},
		"bad hash of a user":    {[]string{"ann:" + sampleHash + "!"}, "", "", []string{`--admin-user: "ann": the key of the hash`}},
		"hash without a name":   {[]string{sampleHash}, "", "", []string{"--admin-user: the hash has no name; write NAME:HASH"}},
		"empty":                 {[]string{""}, "correct horse", "", []string{"--admin-user: ", "1 to 64"}},
		"bad name":              {[]string{"an n"}, "correct horse", "", []string{"--admin-user: ", "without spaces and colons"}},
		"twice":                 {[]string{"ann", "ann:viewer"}, "correct horse", "", []string{"--admin-user: the account ann is configured twice"}},
		"more than one at once": {[]string{"ann:x", "bob:y"}, "correct horse", "", []string{`the text after "ann"`, `the text after "bob"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := accounts(test.users, test.password, test.file, nil)
			if err == nil {
				t.Fatalf("got %v", got)
			}
			for _, says := range test.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("got %q, want one that says %q", err, says)
				}
			}
		})
	}
}

// A password in the wrong place of a setting does not appear in the log.
func TestAccountsTellsNoPassword(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"ann:tr0ub4dor", "ann:viewer:tr0ub4dor", "ann:" + sampleHash + "tr0ub4dor!", "ann:$argon2id$tr0ub4dor", ":tr0ub4dor"} {
		if _, err := accounts([]string{user}, "correct horse", "", nil); err == nil || strings.Contains(err.Error(), "tr0ub4dor") {
			t.Errorf("%q gives %v", user, err)
		}
	}
}

func TestNewPassword(t *testing.T) {
	t.Parallel()
	one, two := newPassword(), newPassword()
	if !regexp.MustCompile(`^[a-z2-7]{4}(-[a-z2-7]{4}){3}$`).MatchString(one) || one == two {
		t.Errorf("got %q and %q", one, two)
	}
	if _, err := accounts(nil, one, "", nil); err != nil {
		t.Error(err)
	}
}
