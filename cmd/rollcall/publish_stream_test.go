package main

import "testing"

// Standard input is published while it arrives, and the channel may end with it. Events go to clients, too.
func TestPublishStream(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	env := []string{"ROLLCALL_SERVER=" + p.url}
	run := func(input string, args ...string) outcome {
		t.Helper()
		return runCommand(t, env, input, append([]string{"publish"}, args...)...)
	}
	run("one\ntwo\n", "--stream=text", "--append=log", "--end", "build", "output").wantEnd(t, 0, " events, the last one ")
	run("three", "--stream=text", "build", "output").wantEnd(t, 1, "(channel_ended")
	run("1\n{\"a\":2}\n", "--stream=ndjson", "--json", "rows", "row").wantEnd(t, 0, `{"events":2,"id":"`)
	run("data: 1\n\nevent: x\ndata: 2\n\n", "--stream=sse", "rows").wantEnd(t, 0, "2 events")
	run("", "--stream=csv", "rows", "row").wantEnd(t, 2, "it must be text, ndjson or sse")
	run("", "--stream=text", "rows").wantEnd(t, 2, "the arguments are CHANNEL TYPE")
	run("", "--stream=text", "--text", "rows", "row").wantEnd(t, 2, "do not go with --stream")
	run("", "--client=ann", "order", `{"n":1}`).wantEnd(t, 0, "-")
	run("", "--client=ann", "news", "order", `1`).wantEnd(t, 2, "TYPE PAYLOAD, without a channel")
	run("", "--end", "job", "done", `"ok"`).wantEnd(t, 0, "-")
	p.cli("history", "job", "--json").wantEnd(t, 0, `"end":true`)
	p.cli("block", "eve", "1h").wantEnd(t, 0, "")
	p.cli("blocks").wantEnd(t, 0, "eve")
	p.cli("blocks", "--json").wantEnd(t, 0, `{"clientId":"eve","until":"`)
	p.cli("unblock", "eve").wantEnd(t, 0, "")
	p.cli("unblock", "eve").wantEnd(t, 1, "(not_blocked)")
	p.cli("block", "--network", "10.1.2.7/24", "1h").wantEnd(t, 0, "")
	p.cli("blocks").wantEnd(t, 0, "10.1.2.0/24")
	p.cli("block", "--network", "eve", "1h").wantEnd(t, 1, "(invalid_network")
	p.cli("unblock", "--network", "10.1.2.0/24").wantEnd(t, 0, "")
	p.cli("unblock", "--network", "10.1.2.0/24").wantEnd(t, 1, "(not_blocked)")
}
