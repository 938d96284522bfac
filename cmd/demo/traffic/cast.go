package traffic

import (
	"net"
	"time"
)

// way is the protocol of a person's requests.
type way uint8

const (
	http11 way = iota
	http10     // like a proxy with its default settings
	http2      // in clear, as a proxy asks that was
)

// person is one of the cast, or a machine. It doesn't change.
type person struct {
	identity // the id is "" for people without one
	number   int
	team     string // "" of a machine
	plan     string
	agent    string
	address  net.IP
	way      way
	channels []string
	wants    string // of presence
	tabs     int    // at most
	slow     bool

	// Means; 0 is never.
	stay, away   time.Duration
	reload, drop time.Duration
}

// newCast returns n people.
func newCast(o Options, n int) []*person {
	names := newNaming()
	for _, who := range wellKnown {
		names.own(who.id)
	}
	people := make([]*person, n)
	for i := range people {
		people[i] = newPerson(i, newChance(o.Seed, saltPerson, uint64(i)), names, o.H2C)
	}
	return people
}

// kinds is how many people there are to one of each rare kind.
const kinds = 30

func newPerson(number int, ch chance, names *naming, h2c bool) *person {
	p := &person{
		number:  number,
		team:    pick(ch, teams),
		plan:    pick(ch, plans),
		agent:   pick(ch, desktops),
		address: addressOf(ch.IntN(addresses)),
		tabs:    1,
		stay:    4 * time.Minute,
		away:    90 * time.Second,
		reload:  2 * time.Minute,
		drop:    4 * time.Minute,
	}
	if number < len(wellKnown) {
		p.identity = wellKnown[number]
	} else {
		p.identity = names.person(ch)
	}
	if ch.oneIn(3) {
		p.agent = pick(ch, phones)
		p.drop = time.Minute
	} else if ch.oneIn(3) {
		p.tabs = 2 + ch.IntN(2)
	}
	if ch.oneIn(5) {
		p.wants = pick(ch, []string{"online", "channels"})
	}
	p.channels = interests(ch, 1+ch.IntN(5))

	switch number % kinds {
	case 0:
		if number == 0 { // as many as a browser has for HTTP/1.1: its next request waits
			p.team, p.plan, p.agent = "Support", "pro", desktops[0]
			p.tabs, p.stay, p.drop = 6, 30*time.Minute, 0
		}
	case 1: // on a train
		p.agent, p.reload, p.drop = pick(ch, phones), 2*time.Second, 8*time.Second
		p.stay, p.tabs = 10*time.Minute, 1
	case 2, 17:
		p.slow, p.reload, p.tabs, p.stay = true, 0, 1, 10*time.Minute
		p.channels = append([]string{firehose}, p.channels[:1]...)
	case 3:
		p.way = http10
	case 4, 5:
		if h2c {
			p.way = http2
		}
	case 8, 12, 13:
		p.identity, p.tabs = identity{}, 1
	case 9, 10:
		p.machine(ch, names.machine(number/kinds*2+number%2))
	case 11:
		p.agent = polyfill
	}
	if p.id != "" && p.team != "" && (ch.oneIn(2) || number == 0) {
		p.channels = append(p.channels, mailbox(p.id))
	}
	return p
}

// machine makes p a machine, which stays online.
func (p *person) machine(ch chance, who identity) {
	p.identity, p.team, p.plan, p.wants = who, "", "", ""
	p.agent, p.tabs = pick(ch, programs), 1
	p.stay, p.reload, p.drop = time.Hour, 0, 10*time.Minute
	if ch.oneIn(2) {
		p.channels = append(p.channels[:1], firehose)
	}
}

// addresses is how many there are, from 127.0.0.2 to 127.0.1.200.
const addresses = 253 + 200

func addressOf(n int) net.IP {
	if n < 253 {
		return net.IPv4(127, 0, 0, byte(2+n))
	}
	return net.IPv4(127, 0, 1, byte(1+n-253))
}
