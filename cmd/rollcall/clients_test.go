package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestClients(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--presence-grace=0")
	ada := p.start("subscribe", "news", "chat", "--client-id=ada", `--info={"name":"Ada"}`, "--json")
	ada.wantEvent("lastEvent")
	bob := p.start("subscribe", "chat", "--client-id=bob/1", "--json")
	bob.wantEvent("lastEvent")

	all := p.cli("clients").wantEnd(t, 0, "CLIENT").out
	if !strings.Contains(all, `{"name":"Ada"}`) || !strings.Contains(all, "bob/1") || strings.Count(all, "\n") != 3 {
		t.Errorf("clients:\n%s", all)
	}
	if news := p.cli("clients", "--channel=news").wantEnd(t, 0, "ada").out; strings.Contains(news, "bob") {
		t.Errorf("clients --channel=news:\n%s", news)
	}
	if found := p.cli("clients", "-q", "BOB", "--json").wantEnd(t, 0, `"clientId":"bob/1"`).out; strings.Count(found, "\n") != 1 {
		t.Errorf("clients -q BOB:\n%s", found)
	}
	p.publish("chat", "message", "hello")
	if channels := p.cli("channels").wantEnd(t, 0, "CHANNEL").out; strings.Count(channels, "\n") != 3 {
		t.Errorf("channels:\n%s", channels)
	}
	p.cli("channels", "-q", "ha", "--json").wantEnd(t, 0, `{"channelName":"chat","clients":2,"connections":2,"lastEventAt":"20`)

	p.cli("client", "bob/1").wantEnd(t, 0, "127.0.0.1")
	p.cli("client", "nobody").wantEnd(t, 1, "(not_online)")
	var view struct {
		Connections []struct{ ConnectionID string }
	}
	if err := json.Unmarshal([]byte(p.cli("client", "bob/1", "--json").wantEnd(t, 0, "").out), &view); err != nil || len(view.Connections) != 1 {
		t.Fatalf("%+v, %v", view, err)
	}
	p.cli("kick", "--connection", view.Connections[0].ConnectionID).wantEnd(t, 0, "")
	bob.wantEvent("goodbye")
	bob.wantEnd(1)
	p.cli("kick", "bob/1").wantEnd(t, 1, "(not_online)")
	p.cli("kick", "bob/1", "--block=10m").wantEnd(t, 0, "")
	p.cli("subscribe", "chat", "--client-id=bob/1").wantEnd(t, 1, "stay away")
}

func TestClientsWatch(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--presence-grace=0")
	ada := p.start("subscribe", "news", "--client-id=ada", "--json")
	ada.wantEvent("lastEvent")
	everybody, lines := p.start("clients", "--watch", "--json"), p.start("clients", "--watch", "--channel=chat", "-q", "bob")
	everybody.want(`{"event":"snapshot","online":1}`)
	everybody.want(`{"event":"online","clientId":"ada","info":null`)
	lines.want("snapshot  -  1 online")
	bob := p.start("subscribe", "chat", "--client-id=bob", `--info={"n":1}`, "--json")
	bob.wantEvent("lastEvent")
	everybody.want(`{"event":"join","clientId":"bob","info":{"n":1},"online":2,`)
	lines.want(`join      bob  1 online  {"n":1}`)
	p.cli("kick", "bob").wantEnd(t, 0, "")
	everybody.want(`{"event":"leave","clientId":"bob"`)
	lines.want("leave     bob  0 online")
}

func TestChannelsWatch(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--presence-grace=0")
	r := p.start("channels", "--watch", "--interval=10ms", "--json")
	ada := p.start("subscribe", "chat", "--client-id=ada", "--json")
	ada.wantEvent("lastEvent")
	r.want(`{"channelName":"chat","clients":1,"connections":1,"lastEventAt":null}`)
	p.publish("chat", "message", "hello")
	r.want(`{"channelName":"chat","clients":1,"connections":1,"lastEventAt":"20`)
	p.cli("kick", "ada").wantEnd(t, 0, "")
	r.want(`{"channelName":"chat","clients":0,"connections":0,"lastEventAt":null}`)
}

func TestHistory(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--history-events=3")
	var ids []string
	for range 4 {
		ids = append(ids, strings.TrimSpace(p.cli("publish", "c", "n", "[1, 2]").wantEnd(t, 0, "").out))
	}
	all := p.cli("history", "c", "--json").wantEnd(t, 0, ids[3]).out
	if strings.Count(all, "\n") != 3 || strings.Contains(all, ids[0]+`"`) {
		t.Errorf("history c:\n%s", all)
	}
	if o := p.cli("history", "c", "--after", ids[2]).wantEnd(t, 0, "  c  n  [1,"); strings.Count(o.out, "\n") != 1 || o.errors != "" {
		t.Errorf("history --after %s:\n%s%s", ids[2], o.out, o.errors)
	}
	p.cli("history", "c", "--after", ids[0]).wantEnd(t, 0, "")
	p.cli("history", "c", "--after", "new-99").wantEnd(t, 0, "are missing")
	if two := p.cli("history", "c", "--limit=2").wantEnd(t, 0, "").out; strings.Count(two, "\n") != 2 {
		t.Errorf("history --limit=2:\n%s", two)
	}
	if o := p.cli("history", "nothing").wantEnd(t, 0, ""); o.out != "" {
		t.Errorf("history nothing:\n%s", o.out)
	}
	p.cli("history", "c", "--after=\x01").wantEnd(t, 1, "after")
}
