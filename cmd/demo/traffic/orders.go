package traffic

import "fmt"

// product is something to order.
type product struct {
	sku, name string
	price     float64
}

var products = []product{
	{"LAMP-02", "Desk lamp, brass", 89},
	{"CHR-11", "Chair “Alvar”", 349.5},
	{"MUG-07", "Mug, stoneware", 14.9},
	{"SOFA-03", "Sofa, three seats", 1890},
	{"RUG-21", "Wool rug 200 × 300 cm", 720},
	{"TEA-05", "Sencha 京都, 100 g", 18.5},
	{"BOX-40", "Storage box", 9.95},
}

// order is one that is not shipped yet.
type order struct {
	number int
	buyer  string
	paid   bool
}

// newOrders creates orders, and has them paid and shipped; the buyer's notification is in the same batch.
func newOrders(people []*person) func(chance) []event {
	next := 48_211
	var open []order
	return func(ch chance) []event {
		if len(people) == 0 {
			return nil
		}
		if len(open) == 0 || len(open) < 40 && ch.oneIn(2) {
			o := order{number: next, buyer: pick(ch, people).id}
			next += 1 + ch.IntN(3)
			open = append(open, o)
			return []event{o.event("created", newBasket(ch))}
		}
		i := ch.IntN(len(open))
		o := &open[i]
		if !o.paid {
			o.paid = true
			return []event{o.event("paid", object{"method": pick(ch, []string{"card", "card", "invoice", "paypal", "sepa"})})}
		}
		shipped := o.event("shipped", object{
			"carrier":  pick(ch, []string{"DHL", "UPS", "GLS", "Yamato"}),
			"tracking": fmt.Sprintf("JJD%012d", ch.Int64N(1e12)),
		})
		batch := []event{shipped, {Channel: mailbox(o.buyer), Type: "notification",
			Payload: object{"from": "shop", "text": fmt.Sprintf("Your order %d is on its way 📦", o.number), "unread": 1}}}
		open = append(open[:i], open[i+1:]...)
		return batch
	}
}

func (o order) event(state string, more object) event {
	more["order"], more["buyer"] = o.number, o.buyer
	return event{Channel: "orders." + state, Type: "order." + state, Payload: more,
		Key: fmt.Sprintf("order-%d-%s", o.number, state)}
}

func newBasket(ch chance) object {
	var items []object
	total := 0.0
	for range 1 + ch.IntN(4) {
		p, n := pick(ch, products), 1+ch.IntN(3)
		total += p.price * float64(n)
		items = append(items, object{"sku": p.sku, "name": p.name, "quantity": n, "price": p.price})
	}
	return object{"items": items, "total": cents(total), "currency": "EUR", "gift": ch.oneIn(9)}
}
