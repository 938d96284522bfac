// Command bench-peers summarises the results of bench-peers.sh.
//
// It reads the files <case>.<server>.<round>.json of a directory, written by "rollcall bench --json".
// It prints medians, ratios and whether each target is met as a Markdown table, and writes the same as
// summary.json into the directory.
package main
