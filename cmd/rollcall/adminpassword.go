package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
)

// ensureAdmin makes an admin user if none is configured and only this machine reaches the address, and returns the
// password. At other addresses the admin UI stays off without an admin user. If the output is not a terminal, it is a log,
// which is stored and which others may read, so the password is written to a file instead.
func (c *serveCmd) ensureAdmin(log *slog.Logger, terminal bool, addr net.Addr) (password string, err error) {
	if len(c.admins) > 0 || c.oidc != nil || everybodyReaches(addr) {
		return "", nil
	}
	password = newPassword()
	c.hint = "The user is admin; the password was printed on the terminal when the server started."
	if !terminal {
		if c.passwordFile, err = writePassword(password); err != nil {
			c.hint = ""
			log.Warn("the admin UI is off: no admin user is configured (--admin-user), and the generated password could not be written", "error", err)
			return "", nil
		}
		c.hint = "The user is admin; the server's log names the file with the password."
	}
	c.admins, err = accounts(nil, password, "", nil)
	return password, err
}

// writePassword writes the password to a new file that only its owner may read.
func writePassword(password string) (path string, err error) {
	file, err := os.CreateTemp("", "rollcall-admin-password-*")
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintln(file, password)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}
