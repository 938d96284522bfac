package hub

// clients finds the streams of a shard by their client. It is nil, and costs nothing, until the first event to a client comes.
// Shard-owned.
type clients map[string]map[*Conn]struct{}

// ofClient returns the streams of a client.
func (s *shard) ofClient(id string) map[*Conn]struct{} {
	if s.clients == nil {
		s.clients = make(clients)
		for _, c := range s.conns {
			s.clients.add(c)
		}
	}
	return s.clients[id]
}

func (x clients) add(c *Conn) {
	a, ok := c.owner.(Addressee)
	if x == nil || !ok {
		return
	}
	id, _ := a.Address()
	conns := x[id]
	if conns == nil {
		conns = make(map[*Conn]struct{}, 1)
		x[id] = conns
	}
	conns[c] = struct{}{}
}

func (x clients) remove(c *Conn) {
	a, ok := c.owner.(Addressee)
	if x == nil || !ok {
		return
	}
	id, _ := a.Address()
	if delete(x[id], c); len(x[id]) == 0 {
		delete(x, id)
	}
}
