package traffic

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// object is a JSON object.
type object = map[string]any

// newFeeds returns all the sources there are. Each is for one goroutine.
func newFeeds(people []*person) []feed {
	var named []*person
	for _, p := range people {
		if p.team != "" && p.id != "" {
			named = append(named, p)
		}
	}
	return []feed{
		{5, 0, newPrices("EUR", 1)},
		{2, 0, newPrices("USD", 1.16)},
		{0.5, 0, newPrices("JPY", 180.4)},
		{1.5, 5 * time.Minute, newOrders(named)},
		{0.5, 3 * time.Minute, newChat("room.general", named)},
		{0.25, 4 * time.Minute, newChat("room.support", named)},
		{0.2, 7 * time.Minute, newChat("room.design", named)},
		{0.1, 5 * time.Minute, newChat("room.random", named)},
		{0.06, 9 * time.Minute, newChat("room.日本語", named)},
		{10, 2 * time.Minute, newCursors(named)},
		{2, 6 * time.Minute, telemetry},
		{0.2, 3 * time.Minute, newMail(named)},
		{0.25, 4 * time.Minute, newInventory()},
		{0.06, 4 * time.Minute, newDeploys(named)},
		{0.05, 6 * time.Minute, alerts},
		{0.1, 0, newStatus()},
		{0.05, 5 * time.Minute, reports},
	}
}

// newPrices ticks the prices of some symbols, each a random walk.
func newPrices(currency string, scale float64) func(chance) []event {
	channel := "prices." + strings.ToLower(currency)
	symbols := []string{"ACME", "NORD", "HELIX", "TERRA", "QUAY"}
	price := []float64{182.4, 96.15, 41.08, 233.7, 12.92}
	return func(ch chance) []event {
		i := ch.IntN(len(price))
		step := price[i] * 0.002 * ch.NormFloat64()
		price[i] = max(price[i]+step, 0.5)
		return []event{{Channel: channel, Type: "tick", Payload: object{
			"symbol": symbols[i], "price": cents(price[i] * scale), "change": cents(step * scale), "currency": currency,
		}}}
	}
}

// cents rounds an amount.
func cents(x float64) float64 { return math.Round(x*100) / 100 }

// newCursors moves people's pointers about a board that they share.
func newCursors(people []*person) func(chance) []event {
	type point struct{ x, y int }
	at := make(map[string]point)
	return func(ch chance) []event {
		if len(people) == 0 {
			return nil
		}
		id := people[ch.IntN(min(len(people), 7))].id
		p := at[id]
		p = point{(p.x + ch.IntN(160) + 1440 - 80) % 1440, (p.y + ch.IntN(120) + 900 - 60) % 900}
		at[id] = p
		return []event{{Channel: "boards.roadmap.cursors", Type: "move", Payload: object{"by": id, "x": p.x, "y": p.y}}}
	}
}

// newMail sends people personal notifications.
func newMail(people []*person) func(chance) []event {
	return func(ch chance) []event {
		if len(people) == 0 {
			return nil
		}
		to, from := pick(ch, people), pick(ch, people)
		text := fmt.Sprintf(pick(ch, mails), from.name)
		return []event{{Channel: mailbox(to.id), Type: "notification", Payload: object{
			"from": from.id, "text": text, "unread": 1 + ch.IntN(12),
		}}}
	}
}

// newInventory counts the stock of two places.
func newInventory() func(chance) []event {
	left := []int{420, 65, 1180, 12}
	return func(ch chance) []event {
		i := ch.IntN(len(left))
		if left[i] -= 1 + ch.IntN(9); left[i] < 0 {
			left[i] = 500
		}
		kind := "level"
		if left[i] < 10 {
			kind = "low"
		}
		return []event{{Channel: pick(ch, []string{"inventory.berlin", "inventory.osaka"}), Type: kind,
			Payload: object{"sku": products[i].sku, "left": left[i]}}}
	}
}

// newStatus reports the state of all services, mostly unchanged.
func newStatus() func(chance) []event {
	return func(ch chance) []event {
		return []event{{Channel: "status", Type: "heartbeat", Payload: pick(ch, []any{"ok", "ok", "ok", "degraded", nil, true, 200})}}
	}
}
