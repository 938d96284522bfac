// Command bench-peers sums up the results that bench-peers.sh has collected.
//
// It reads the files <case>.<server>.<round>.json of a directory, which "rollcall bench --json" has
// written, prints a table of medians, ratios and whether the bar is met in Markdown, and writes
// the same as summary.json into the directory.
package main
