// Package client is the module for browsers, /rollcall.js: its parts, which npm has one by one, and how they are joined to one file.
package client
