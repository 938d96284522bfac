// Package deploy proves the examples of this folder: that they parse, that every setting in them exists, that the
// servers they describe start, and that the proxies in front of one do what README.md says.
//
// It is a module of its own, so that the server's go.mod names neither Helm nor Compose.
package deploy
