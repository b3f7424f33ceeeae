package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// consumeFromAged has a topic that has lost its first messages, and so a past: a new group begins where its consumers say.
func consumeFromAged(r *run) error {
	p, err := newProducer(r, producer.WithCompressMsgBodyOverHowmuch(1<<30))
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "gone", 0, 40); err != nil {
		return err
	}
	filler := strings.Repeat("x", 4_000_000)
	for i := 0; i < 12; i++ {
		if _, err = p.SendSync(context.Background(), message(r.topic+"_filler", "A", filler)); err != nil {
			return err
		}
	}
	if err = askFor("age " + r.topic); err != nil {
		return err
	}
	if err = send(p, r.topic, "before", 0, 40); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	between := time.Now().Add(-time.Second)
	if err = send(p, r.topic, "after", 0, 40); err != nil {
		return err
	}
	for _, one := range []struct {
		name     string
		from     consumer.ConsumeFromWhere
		expected map[string]int
	}{
		{"first", consumer.ConsumeFromFirstOffset, map[string]int{"before": 40, "after": 40}},
		{"timestamp", consumer.ConsumeFromTimestamp, map[string]int{"after": 40}},
		{"last", consumer.ConsumeFromLastOffset, map[string]int{"last": 20}},
	} {
		g := newReceived()
		c, err := newPush(r, r.group+"_"+one.name, "*", g, consumer.WithConsumeFromWhere(one.from),
			consumer.WithConsumeTimestamp(between.Format("20060102150405")))
		if err != nil {
			return err
		}
		if one.name == "last" {
			// Its queues are asked for their ends in the first moments after its start.
			time.Sleep(3 * time.Second)
			if err = send(p, r.topic, "last", 0, 20); err != nil {
				return err
			}
		}
		total := 0
		for _, count := range one.expected {
			total += count
		}
		if err = exactly(g, total, one.name); err != nil {
			return err
		}
		if fmt.Sprint(g.tags) != fmt.Sprint(one.expected) {
			return fmt.Errorf("%s brought %v, expected %v", one.name, g.tags, one.expected)
		}
		if err = c.Shutdown(); err != nil {
			return err
		}
	}
	return nil
}
