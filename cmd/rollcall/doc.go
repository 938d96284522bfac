// Command rollcall is the server and its tools in one binary.
//
// Each command is a struct with a Run method in a file of its own; main.go lists them. This package is the only
// place that reads flags, the environment and the configuration file, and the only one that wires the other
// packages together. They see plain option structs.
//
// A setting has one name everywhere: the flag --some-name, the variable ROLLCALL_SOME_NAME and the key some-name
// in the YAML file. The first of flag, environment, file and default that names it wins.
//
// The exit codes are part of the interface:
//
//	0         clean end
//	1         the server failed, or could not start; a request was refused, or a check failed
//	2         a flag, argument, variable or configuration file is wrong; nothing was started
//	3         the shutdown timeout passed while streams or requests were still open
//	4         the server can't be reached
//	130, 143  a second SIGINT or SIGTERM ended the process at once
package main
