package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rollcall/web/auth"
	"rollcall/web/login"
)

// roles are the roles of admin-role by name, beside operator and viewer. Only Role, Title and Channels of an account are set.
type roles map[string]login.Account

var roleName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$`)

// parseRoles reads the values of admin-role: NAME=ROLE:PATTERNS.
func parseRoles(texts []string) (roles, error) {
	all := roles{}
	for _, text := range eachOf(texts) {
		name, rest, ok := strings.Cut(text, "=")
		base, patterns, limited := strings.Cut(rest, ":")
		name, base = strings.TrimSpace(name), strings.TrimSpace(base)
		role := login.Account{Role: login.Role(base), Title: name}
		switch {
		case !ok || !limited || role.Role != login.Operator && role.Role != login.Viewer:
			return nil, fmt.Errorf("%q is not a role; write NAME=%s:PATTERNS or NAME=%s:PATTERNS, such as 'support=viewer:room.>'", text, login.Viewer, login.Operator)
		case !roleName.MatchString(name) || name == string(login.Operator) || name == string(login.Viewer):
			return nil, fmt.Errorf("%q is not a role's name; allowed are 1 to 32 letters, digits and \"-_.\", but not %s and %s", name, login.Operator, login.Viewer)
		case all[name].Title != "":
			return nil, fmt.Errorf("the role %s is defined twice", name)
		}
		var err error
		if role.Channels, err = auth.ParsePatterns(strings.TrimSpace(patterns)); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		if len(role.Channels) == 0 {
			return nil, fmt.Errorf("the role %s names no channels; %q stands for all", name, ">")
		}
		all[name] = role
	}
	return all, nil
}

// eachOf returns the values of a flag that is never split at commas: a file and a variable have them on lines of their own, or
// between semicolons.
func eachOf(texts []string) (values []string) {
	for _, text := range texts {
		for _, value := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ';' }) {
			if value = strings.TrimSpace(value); value != "" {
				values = append(values, value)
			}
		}
	}
	return values
}

// find returns the rights of a role.
func (r roles) find(name string) (login.Account, error) {
	if name == string(login.Operator) || name == string(login.Viewer) {
		return login.Account{Role: login.Role(name)}, nil
	}
	if role, ok := r[name]; ok {
		return role, nil
	}
	return login.Account{}, errors.New("is not a role; allowed are " + strings.Join(r.names(), ", "))
}

// names lists all roles.
func (r roles) names() []string {
	list := []string{string(login.Operator), string(login.Viewer)}
	for name := range r {
		list = append(list, name)
	}
	slices.Sort(list[2:])
	return list
}
