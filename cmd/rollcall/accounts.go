package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"rollcall/web/login"
)

// hashPrefix distinguishes a hash from a password or a role.
const hashPrefix = "$argon2id$"

// minPassword is the shortest password in bytes.
const minPassword = 8

// accounts turns the settings admin-user, admin-password and admin-password-file into accounts. Users are written
// NAME, NAME:ROLE, NAME:HASH or NAME:ROLE:HASH; the default role is operator, and defined are those of admin-role. Users without a hash get the one
// password, which may itself be a hash and is hashed here otherwise. A password without users is that of the operator
// "admin"; without either there is no account.
func accounts(users []string, password, passwordFile string, defined roles) ([]login.Account, error) {
	shared, setting, err := sharedHash(password, passwordFile)
	if err != nil {
		return nil, err
	}
	users = rejoin(users)
	if len(users) == 0 && shared != "" {
		users, setting = []string{"admin"}, ""
	}
	var all []login.Account
	p := &problems{}
	for _, user := range users {
		account, err := parseUser(user, defined)
		switch {
		case err != nil:
			p.add("admin-user", "%v", err)
			continue
		case account.Hash != "":
		case shared == "":
			p.add("admin-user", "%s has no password; write %s:HASH, with the hash from \"rollcall admin hash-password\", or set --admin-password-file", account.Name, user)
			continue
		default:
			account.Hash, setting = shared, ""
		}
		all = append(all, account)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	if setting != "" {
		p.add(setting, "every --admin-user has a hash already; remove this password")
		return nil, p.err()
	}
	if _, err := login.NewAccounts(all); err != nil {
		p.add("admin-user", "%v", err)
		return nil, p.err()
	}
	return all, nil
}

// rejoin puts hashes together again that a list of settings has cut at their commas.
func rejoin(users []string) []string {
	var whole []string
	for _, user := range users {
		if last := len(whole) - 1; last >= 0 && strings.Contains(whole[last], hashPrefix) && strings.Count(whole[last], "$") < 5 {
			whole[last] += "," + user
		} else {
			whole = append(whole, user)
		}
	}
	return whole
}

// parseUser reads one admin-user. Its errors repeat nothing that may be a password.
func parseUser(user string, defined roles) (login.Account, error) {
	name, rest, more := strings.Cut(user, ":")
	account := login.Account{Name: name, Role: login.Operator}
	if strings.HasPrefix(name, hashPrefix) {
		return account, errors.New("the hash has no name; write NAME:HASH")
	}
	if more && !strings.HasPrefix(rest, hashPrefix) {
		var role string
		role, rest, more = strings.Cut(rest, ":")
		rights, err := defined.find(role)
		if err != nil {
			return account, fmt.Errorf("the text after %.64q is neither a role nor a hash; write NAME, NAME:ROLE, NAME:HASH or NAME:ROLE:HASH, where ROLE is one of %s", name, strings.Join(defined.names(), ", "))
		}
		account.Role, account.Title, account.Channels = rights.Role, rights.Title, rights.Channels
	}
	if more {
		if err := login.CheckHash(rest); err != nil {
			return account, fmt.Errorf("%.64q: %w", name, err)
		}
		account.Hash = rest
	}
	return account, nil
}

// sharedHash returns the hash of the one password and the setting that it comes from, or "" twice.
func sharedHash(password, passwordFile string) (hash, setting string, err error) {
	p := &problems{}
	setting = "admin-password"
	switch {
	case password != "" && passwordFile != "":
		p.add("admin-password-file", "--admin-password is set too; use only one of them")
		return "", "", p.err()
	case passwordFile != "":
		setting = "admin-password-file"
		if password, err = readPasswordFile(passwordFile); err != nil {
			p.add(setting, "%v", err)
			return "", "", p.err()
		}
	case password == "":
		return "", "", nil
	}
	switch {
	case strings.HasPrefix(password, hashPrefix):
		hash, err = password, login.CheckHash(password)
	case len(password) < minPassword:
		err = fmt.Errorf("the password has %d bytes; at least %d are required", len(password), minPassword)
	default:
		hash, err = login.HashPassword([]byte(password))
	}
	if err != nil {
		p.add(setting, "%v", err)
	}
	return hash, setting, p.err()
}

// readPasswordFile returns the file's content without one line end.
func readPasswordFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxPasswordInput))
	return string(stripLineEnd(text)), err
}

// newPassword returns a random password of 80 bits that can be typed, such as k3fj-q7ab-x2mn-vwty.
func newPassword() string {
	text := strings.ToLower(rand.Text())
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:16]}, "-")
}
