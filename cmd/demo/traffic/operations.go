package traffic

import "fmt"

var services = []string{"api", "checkout", "search", "web", "billing", "mailer"}

// newDeploys starts a deployment, and ends it the next time.
func newDeploys(people []*person) func(chance) []event {
	var under object
	build := 2_319
	return func(ch chance) []event {
		if under != nil {
			done := under
			under = nil
			kind := "deploy.finished"
			done["seconds"] = 40 + ch.IntN(200)
			if ch.oneIn(5) {
				kind = "deploy.failed"
				done["error"] = "2 of 6 instances are not ready"
			}
			return []event{{Channel: "deploys", Type: kind, Payload: done}}
		}
		if len(people) == 0 {
			return nil
		}
		build++
		under = object{
			"service": pick(ch, services), "build": build, "by": pick(ch, people).id,
			"commit": fmt.Sprintf("%07x", ch.IntN(1<<28)),
		}
		return []event{{Channel: "deploys", Type: "deploy.started", Payload: under}}
	}
}

// alerts are rare. An important one is published to two channels at once.
func alerts(ch chance) []event {
	service := pick(ch, services)
	level := pick(ch, []string{"info", "warning", "warning", "critical"})
	alert := object{
		"level": level, "service": service,
		"text":    pick(ch, []string{"p99 latency above 800 ms", "error rate above 2 %", "disk 91 % full", "queue is growing"}),
		"value":   cents(ch.Float64() * 100),
		"runbook": "https://wiki.example/runbooks/" + service,
	}
	batch := []event{{Channel: "alerts", Type: "alert." + level, Payload: alert}}
	if level == "critical" {
		batch = append(batch, event{Channel: "room.general", Type: "message",
			Payload: object{"user": "alertbot", "text": fmt.Sprintf("🚨 %s: %s", service, alert["text"])}})
	}
	return batch
}

// telemetry is much at a time: some kilobytes of readings.
func telemetry(ch chance) []event {
	readings := make([]object, 60)
	for i := range readings {
		readings[i] = object{
			"sensor": fmt.Sprintf("cold-store/%02d", i), "celsius": cents(-18 + 2*ch.NormFloat64()),
			"humidity": cents(40 + 20*ch.Float64()), "door": ch.oneIn(20), "battery": ch.IntN(101),
		}
	}
	return []event{{Channel: firehose, Type: "readings", Payload: object{"site": "berlin", "readings": readings}}}
}

// reports is one large, deeply nested payload.
func reports(ch chance) []event {
	var nest func(depth int, name string) object
	nest = func(depth int, name string) object {
		o := object{"name": name, "revenue": cents(ch.Float64() * 1e6), "orders": ch.IntN(20_000), "target": nil}
		if depth > 0 {
			var parts []object
			for i := range 4 {
				parts = append(parts, nest(depth-1, fmt.Sprintf("%s.%d", name, i+1)))
			}
			o["parts"] = parts
		}
		return o
	}
	return []event{{Channel: "reports.daily", Type: "report", Payload: nest(4, "world")}}
}
