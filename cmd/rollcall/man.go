package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// manCmd prints the manual page.
type manCmd struct{}

// Examples is printed below the help.
func (manCmd) Examples() string {
	return `
Examples:
  rollcall man | man -l -
  rollcall man > /usr/local/share/man/man1/rollcall.1`
}

// Run prints the page as roff, made from the text of --help.
func (manCmd) Run(k *kong.Kong) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH ROLLCALL 1 \"\" %s \"User Commands\"\n", roffWord("rollcall "+versionName()))
	b.WriteString(".SH NAME\nrollcall \\- publish/subscribe server for browsers with presence\n")
	b.WriteString(".SH SYNOPSIS\n.B rollcall\n.I command\n[\\fIargument\\fR ...] [\\fB\\-\\-flag\\fR ...]\n")
	b.WriteString(".SH DESCRIPTION\n")
	roffText(&b, k.Model.Help)
	b.WriteString(".SH COMMANDS\n")
	for _, leaf := range k.Model.Leaves(true) {
		roffCommand(&b, leaf)
	}
	b.WriteString(".SH ENVIRONMENT\n")
	roffText(&b, "A flag --some-name that is not on the command line is read from the variable ROLLCALL_SOME_NAME. NO_COLOR turns colours off; PORT is short for ROLLCALL_LISTEN.")
	b.WriteString(".SH EXIT STATUS\n")
	for _, status := range exitCodes {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", status[0], roffEscape(status[1]))
	}
	_, err := io.WriteString(k.Stdout, b.String())
	return err
}

// exitCodes are those of the package comment.
var exitCodes = [][2]string{
	{"0", "clean end"},
	{"1", "the server failed, or could not start; a request was refused, or a check failed"},
	{"2", "a flag, argument, variable or configuration file is wrong; nothing was started"},
	{"3", "the shutdown timeout passed while streams or requests were still open"},
	{"4", "the server can't be reached"},
	{"130, 143", "a second SIGINT or SIGTERM ended the process at once"},
}

// roffCommand writes the description of one command.
func roffCommand(b *strings.Builder, node *kong.Node) {
	fmt.Fprintf(b, ".SS %s\n", roffWord(node.Summary()))
	roffText(b, node.Help)
	roffText(b, node.Detail)
	for _, arg := range node.Positional {
		fmt.Fprintf(b, ".TP\n.I %s\n%s\n", roffEscape(arg.Summary()), roffEscape(arg.Help))
	}
	for _, flag := range node.Flags {
		if flag.Hidden || !settable(flag) {
			continue
		}
		name := flag.Summary()
		if flag.Short != 0 {
			name = "-" + string(flag.Short) + ", " + name
		}
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roffEscape(name), roffEscape(helpText(flag.Value)))
	}
	if command, ok := node.Target.Addr().Interface().(interface{ Examples() string }); ok {
		fmt.Fprintf(b, ".PP\n.nf\n%s\n.fi\n", roffEscape(strings.TrimSpace(command.Examples())))
	}
}

// roffText writes paragraphs.
func roffText(b *strings.Builder, text string) {
	for part := range strings.SplitSeq(text, "\n\n") {
		if part != "" {
			fmt.Fprintf(b, ".PP\n%s\n", roffEscape(part))
		}
	}
}

// roffWord is text as one argument of a request.
func roffWord(text string) string {
	return `"` + strings.ReplaceAll(roffEscape(text), `"`, `\(dq`) + `"`
}

// roffEscape is text that roff prints as it is.
func roffEscape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, `^`, `\(ha`, `~`, `\(ti`, "`", `\(ga`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	var b strings.Builder
	for _, c := range strings.Join(lines, "\n") {
		if c < 0x80 {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, c)
		}
	}
	return b.String()
}
