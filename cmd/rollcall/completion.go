package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCmd makes a shell complete commands and flags. The shell calls the binary itself, so its suggestions are
// always current.
type completionCmd struct {
	Bash       completionScript `cmd:"" help:"Print the script for bash."`
	Zsh        completionScript `cmd:"" help:"Print the script for zsh."`
	Fish       completionScript `cmd:"" help:"Print the script for fish."`
	Candidates candidatesCmd    `cmd:"" hidden:"" help:"Print possible completions; used by the scripts."`
}

// Examples is printed below the help.
func (c *completionCmd) Examples() string {
	return `
Examples:
  eval "$(rollcall completion bash)"                     # in ~/.bashrc
  eval "$(rollcall completion zsh)"                      # in ~/.zshrc, behind compinit
  rollcall completion fish > ~/.config/fish/completions/rollcall.fish`
}

// completionScripts are the shells' scripts. Without suggestions, they complete file names.
var completionScripts = map[string]string{
	"bash": `_rollcall() {
	local IFS=$'\n'
	COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" completion candidates -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -o bashdefault -F _rollcall rollcall
`,
	"zsh": `#compdef rollcall
_rollcall() {
	local -a lines values
	lines=("${(@f)$("${words[1]}" completion candidates -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	values=(${lines%%$'\t'*})
	if (( ${#values} )); then
		lines=("${(@)lines/$'\t'/  -- }")
		compadd -l -d lines -a values
	else
		_files
	fi
}
compdef _rollcall rollcall
`,
	"fish": `function __rollcall_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l found ($words[1] completion candidates -- $words[2..-1] 2>/dev/null)
	if test (count $found) -gt 0
		printf '%s\n' $found
	else
		__fish_complete_path (commandline -ct)
	end
end
complete -c rollcall -f -a '(__rollcall_complete)'
`,
}

// completionScript prints the script of the shell that it is named by.
type completionScript struct{}

// Run prints the script.
func (completionScript) Run(k *kong.Kong, ctx *kong.Context) error {
	_, err := io.WriteString(k.Stdout, completionScripts[ctx.Selected().Name])
	return err
}

// candidatesCmd prints the possible next words, one per line: the word, a tab and its meaning.
type candidatesCmd struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The words after rollcall; the last one is still being typed."`
}

// Run prints the candidates.
func (c *candidatesCmd) Run(k *kong.Kong) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	for _, line := range candidates(k.Model.Node, words) {
		if _, err := fmt.Fprintln(k.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// candidates returns the possible values of the last word. None means a file, or a value that only the user knows.
func candidates(node *kong.Node, words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	last := len(words) - 1
	var open *kong.Flag // takes the next word for its value
	for _, word := range words[:last] {
		switch {
		case open != nil:
			open = nil
		case word == "--":
			return nil
		case strings.HasPrefix(word, "-"):
			if flag := flagNamed(node, word); flag != nil && !flag.IsBool() {
				open = flag
			}
		default:
			if child := childNamed(node, word); child != nil {
				node = child
			} else if len(node.Children) > 0 {
				return nil
			}
		}
	}
	var list []string
	offer := func(word, help string) {
		if strings.HasPrefix(word, words[last]) {
			list = append(list, word+"\t"+help)
		}
	}
	switch {
	case open != nil:
		if open.Enum != "" {
			for _, value := range open.EnumSlice() {
				offer(value, "")
			}
		}
	case strings.HasPrefix(words[last], "-"):
		for _, group := range node.AllFlags(true) {
			for _, flag := range group {
				offer("--"+flag.Name, flag.Help)
			}
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				offer(child.Name, child.Help)
			}
		}
	}
	return list
}

// flagNamed returns the flag that a word names, -x, --name or --name=value; nil if the word contains its value.
func flagNamed(node *kong.Node, word string) *kong.Flag {
	for _, group := range node.AllFlags(false) {
		for _, flag := range group {
			if word == "--"+flag.Name || flag.Short != 0 && word == "-"+string(flag.Short) {
				return flag
			}
		}
	}
	return nil
}

// childNamed finds a command below node.
func childNamed(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}
