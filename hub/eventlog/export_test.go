package eventlog

// Check is for the tests of package eventlog_test.
var Check = check
