package traffic

import (
	"fmt"
	"strings"
)

// identity is a person's id and name.
type identity struct{ id, name string }

// wellKnown are in every crowd, in this order: names that a page must show rightly.
var wellKnown = []identity{
	{"amelia.stone", "Amelia Stone"},
	{"kenji-72", "佐藤 健二"},
	{"zoe.akesson", "Zoë Åkesson"},
	{"layla.haddad", "ليلى حداد"},
	{"olga.petrova", "Ольга Петрова"},
	{"minh-anh", "Nguyễn Minh Anh"},
	{"mj.nunez", "María José Núñez"},
	{"noam_b", "נועם בן־דוד"},
}

// machines have no name of a person.
var machines = []identity{
	{"warehouse-display-3", "Warehouse display 3"},
	{"ci-runner-eu-1", "CI runner"},
	{"kiosk 4/hall b", "Kiosk 4, hall B"},
	{"sensor-7f3a9c0e-51d2-4b6e-9a41-c2d8e07b64f5", "Cold store"},
	{"signage.lobby", "Lobby screen"},
	{"erp-bridge", "ERP bridge"},
}

var (
	firstNames = strings.Fields(`Ada Aisha Alba Alejandro Amir Ana Anders Anika Arjun Beatriz Ben Bruno Camille
		Carla Chen Chloe Clara Daniel Diego Dmitri Ebba Elena Eli Emil Emma Ewa Fatima Felix Finn Freya Gabriel Grace
		Hana Hassan Hugo Ida Ines Isaac Isla Ivan Jana Jonas Julia Kai Karim Kofi Lars Lea Leo Lina Lucia Luka Maja
		Marco Marta Mateo Maya Mila Nadia Nia Nina Noah Nora Oliver Omar Oscar Paula Pedro Petra Priya Rafael Rania Rosa
		Ruth Sam Sana Sara Sofia Stefan Tara Theo Tomas Uma Vera Victor Wanjiru Willem Yara Yusuf Zara`)
	lastNames = strings.Fields(`Abebe Andersson Bakker Banerjee Bauer Becker Berg Bianchi Brown Castillo Chen Cohen
		Costa Dahl Demir Diaz Dubois Evans Farouk Ferrari Fischer Fontaine Garcia Gupta Hansen Herrera Hoffmann Ito
		Ivanova Jansen Jensen Kamau Kaya Keller Khan Kim Kowalski Laurent Lee Lopez Marino Martin Mbeki Meyer Mori Moreau
		Muller Nakamura Novak Nowak Okafor Olsen Ortega Osei Park Patel Peeters Pereira Popescu Quinn Ramos Reyes Ricci
		Rossi Santos Sato Schmidt Silva Singh Smith Suzuki Tanaka Torres Vargas Virtanen Walker Weber Wolf Wright Yilmaz`)
	teams = strings.Fields("Support Support Sales Design Engineering Engineering Logistics Finance Marketing")
	plans = strings.Fields("free free free pro pro team enterprise")
)

// naming assigns unique names.
type naming struct{ taken map[string]bool }

func newNaming() *naming { return &naming{map[string]bool{}} }

// person names a person in one of the ways in which people choose a login.
func (n *naming) person(ch chance) identity {
	first, last := pick(ch, firstNames), pick(ch, lastNames)
	name := first + " " + last
	first, last = strings.ToLower(first), strings.ToLower(last)
	var id string
	switch ch.IntN(8) {
	case 0:
		id = fmt.Sprintf("%s-%d", first, 10+ch.IntN(89))
	case 1:
		id = first[:1] + last
	case 2:
		id = first + "_" + last
	default:
		id = first + "." + last
	}
	return identity{n.own(id), name}
}

// machine names the nth machine.
func (n *naming) machine(nth int) identity {
	who := machines[nth%len(machines)]
	return identity{n.own(who.id), who.name}
}

// own returns id, with a number appended if it is in use.
func (n *naming) own(id string) string {
	free := id
	for i := 2; n.taken[free]; i++ {
		free = fmt.Sprintf("%s-%d", id, i)
	}
	n.taken[free] = true
	return free
}
