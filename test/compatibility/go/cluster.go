package main

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// Two brokers behind two name servers, which the program that started this one kills and starts again.

const deadBroker = "broker-b"

// sent is what was acknowledged, and by which queues.
type sent struct {
	bodies []string
	onDead map[string]bool
	used   map[string]int
	failed int
}

func (s *sent) send(p rocketmq.Producer, topic, word string, count int) error {
	for i := 0; i < count; {
		body := fmt.Sprintf("%s %d", word, i)
		result, err := p.SendSync(context.Background(), message(topic, "A", body))
		if err != nil || result.Status != primitive.SendOK {
			// This client's next try may go to the same broker: its own tries are not enough.
			if s.failed++; s.failed > 200 {
				return fmt.Errorf("sends fail for good: %w", err)
			}
			time.Sleep(50 * time.Millisecond)
			continue
		}
		queue := result.MessageQueue
		s.used[fmt.Sprintf("%s/%d", queue.BrokerName, queue.QueueId)]++
		s.bodies = append(s.bodies, body)
		if queue.BrokerName == deadBroker {
			s.onDead[body] = true
		}
		i++
	}
	return nil
}

// spread: two brokers, of whatever make, behind one name server: all queues are sent to and read.
func spread(r *run) error {
	if err := askFor("topics " + r.topic); err != nil {
		return err
	}
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	s := &sent{onDead: map[string]bool{}, used: map[string]int{}}
	if err = s.send(p, r.topic, "spread", 60); err != nil {
		return err
	}
	if len(s.used) != 6 || s.failed > 0 {
		return fmt.Errorf("60 messages to %d queues of 6, %d sends failed: %v", len(s.used), s.failed, s.used)
	}
	g := newReceived()
	c, err := newPush(r, r.group, "*", g)
	if err != nil {
		return err
	}
	defer c.Shutdown()
	return exactly(g, 60, "both brokers")
}

func twoBrokers(r *run) error {
	if err := askFor("topics " + r.topic); err != nil {
		return err
	}
	p, err := newProducer(r, producer.WithSendMsgTimeout(2*time.Second))
	if err != nil {
		return err
	}
	defer p.Shutdown()
	s := &sent{onDead: map[string]bool{}, used: map[string]int{}}
	if err = s.send(p, r.topic, "first", 60); err != nil {
		return err
	}
	if len(s.used) != 6 {
		return fmt.Errorf("60 messages to %d queues of 6: %v", len(s.used), s.used)
	}
	if err = askFor("kill broker-b"); err != nil {
		return err
	}
	if err = s.send(p, r.topic, "without-b", 20); err != nil {
		return err
	}
	g := newReceived()
	c, err := newPush(r, r.group, "*", g)
	if err != nil {
		return err
	}
	defer c.Shutdown()
	var reachable []string
	for _, body := range s.bodies {
		if !s.onDead[body] {
			reachable = append(reachable, body)
		}
	}
	arrived := func(what string, bodies []string) error {
		took, failed := await(what, 2*long, func() bool { return g.has(bodies) })
		r.detail[what+"Ms"] = took.Milliseconds()
		return failed
	}
	if err = arrived("living", reachable); err != nil {
		return err
	}
	if _, d := g.sizes(); d != len(reachable) {
		return fmt.Errorf("%d messages while %d can be read", d, len(reachable))
	}
	if err = askFor("start broker-b"); err != nil {
		return err
	}
	if err = arrived("back", s.bodies); err != nil {
		return err
	}
	if err = askFor("kill names-1"); err != nil {
		return err
	}
	if err = s.send(p, r.topic, "without-names", 20); err != nil {
		return err
	}
	if err = arrived("oneName", s.bodies); err != nil {
		return err
	}
	if err = askFor("start names-1"); err != nil {
		return err
	}
	if err = askFor("kill names-2"); err != nil {
		return err
	}
	if err = s.send(p, r.topic, "restarted-names", 24); err != nil {
		return err
	}
	err = arrived("emptyName", s.bodies)
	n, d := g.sizes()
	r.detail["failedSends"], r.detail["duplicates"] = s.failed, n-d
	return err
}
