package main

import "sync"

// readable pairs the acknowledgement of a message with its arrival at the consumer: how long it was acknowledged but
// could not be read yet. A message that arrives before its acknowledgement counts as 0.
type readableGap struct {
	mu      sync.Mutex
	acked   map[int64]int64
	arrived map[int64]struct{}
	h       hist
}

func newReadableGap() *readableGap {
	return &readableGap{acked: map[int64]int64{}, arrived: map[int64]struct{}{}}
}

// ack and arrive take the time that the message was due at, which names it: no two are due in one nanosecond.
func (g *readableGap) ack(due, at int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.arrived[due]; ok {
		delete(g.arrived, due)
		g.h.add(0)
		return
	}
	g.acked[due] = at
}

func (g *readableGap) arrive(due, at int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t, ok := g.acked[due]; ok {
		delete(g.acked, due)
		g.h.add(at - t)
		return
	}
	g.arrived[due] = struct{}{}
}
