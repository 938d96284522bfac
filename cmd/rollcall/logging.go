package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/term"
)

// newLogger writes to w: text if w is a terminal or format is "text", else one JSON object per line. Text that looks
// like a token is redacted. An unknown level means info; AfterApply refuses it earlier.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level)) // the zero level is info
	options := &slog.HandlerOptions{Level: least, ReplaceAttr: redact}
	if format == "text" || format == "auto" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// isTerminal reports whether w is a terminal, so that a person reads it.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

const redacted = "[redacted]"

// secretKeys are the attributes whose value is never printed, at any depth.
var secretKeys = []string{"token", "access_token", "authorization", "key", "cookie", "set-cookie", "password", "secret"}

// secretText matches credentials within other text, such as a URL or a header in an error.
var secretText = regexp.MustCompile(`(?i)(\b(?:access_token|token|key|password|secret)=|\bbearer\s+)[^\s&"',;]+`)

// redact is the ReplaceAttr of every handler.
func redact(groups []string, attr slog.Attr) slog.Attr {
	if isSecret(attr.Key) || slices.ContainsFunc(groups, isSecret) {
		return slog.String(attr.Key, redacted)
	}
	var text string
	switch value := attr.Value.Any().(type) {
	case string:
		text = value
	case error, fmt.Stringer:
		text = fmt.Sprint(value) // survives a nil pointer
	default:
		return attr
	}
	if clean := secretText.ReplaceAllString(text, "${1}"+redacted); clean != text {
		return slog.String(attr.Key, clean)
	}
	return attr
}

func isSecret(key string) bool {
	return slices.Contains(secretKeys, strings.ToLower(key))
}
