package traffic

// topic is a channel that people follow, the more the greater its weight.
type topic struct {
	channel string
	weight  int
}

var topics = []topic{
	{"room.general", 50},
	{"prices.eur", 30},
	{"orders.created", 25},
	{"alerts", 22},
	{"orders.shipped", 20},
	{"room.support", 20},
	{"room.design", 18},
	{"deploys", 16},
	{"room.random", 15},
	{"prices.usd", 14},
	{"orders.paid", 12},
	{"status", 10},
	{"boards.roadmap.cursors", 8},
	{"room.日本語", 6},
	{"inventory.berlin", 6},
	{"inventory.osaka", 5},
	{"prices.jpy", 5},
	{"reports.daily", 4},
}

// firehose is the channel with the most bytes; slow readers follow it.
const firehose = "telemetry.raw"

// mailbox returns the channel of a person's notifications.
func mailbox(id string) string { return "notifications." + id }

// interests chooses n different channels.
func interests(ch chance, n int) []string {
	left := append([]topic(nil), topics...)
	total := 0
	for _, t := range left {
		total += t.weight
	}
	var chosen []string
	for range min(n, len(left)) {
		at, i := ch.IntN(total), 0
		for ; at >= left[i].weight; i++ {
			at -= left[i].weight
		}
		chosen = append(chosen, left[i].channel)
		total -= left[i].weight
		left = append(left[:i], left[i+1:]...)
	}
	return chosen
}
