package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// Delayed messages, and consumers that fail. The broker has short delay levels: 1 s, 2 s, then 1 s and 2 s for the retries.

// This client asks for the routes of its topics every thirty seconds: so long it may not know its retry topic.
const veryLong = 120 * time.Second

func delay(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "0", 0, 1); err != nil {
		return err
	}
	var mu sync.Mutex
	waited := map[string]int64{}
	c, err := newPushWith(r, r.group, "*", func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range messages {
			waited[string(m.Body)] = m.StoreTimestamp - m.BornTimestamp
		}
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return err
	}
	defer c.Shutdown()
	for level := 1; level <= 2; level++ {
		for i := 0; i < 20; i++ {
			m := message(r.topic, "A", fmt.Sprintf("%d %d", level, i))
			m.WithDelayTimeLevel(level)
			if _, err = p.SendSync(context.Background(), m); err != nil {
				return err
			}
		}
	}
	if _, err = await("all delayed messages", veryLong, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(waited) == 41
	}); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	for body, ms := range waited {
		if level := int64(body[0] - '0'); ms < level*1000 || ms > level*1000+1000 {
			return fmt.Errorf("%q came after %d ms", body, ms)
		}
	}
	return nil
}

// retry lets half of the messages fail for ever, the others once.
func retry(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	for i := 0; i < 5; i++ {
		if err = send(p, r.topic, "bad", i, i+1); err != nil {
			return err
		}
		if err = send(p, r.topic, "good", i, i+1); err != nil {
			return err
		}
	}
	var mu sync.Mutex
	attempts := map[string]int{}
	total := 0
	c, err := newPushWith(r, r.group, "*", func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		mu.Lock()
		defer mu.Unlock()
		result := consumer.ConsumeSuccess
		for _, m := range messages {
			attempts[fmt.Sprintf("%s %d", m.Body, m.ReconsumeTimes)]++
			total++
			if strings.HasPrefix(string(m.Body), "bad") || m.ReconsumeTimes == 0 {
				result = consumer.ConsumeRetryLater
			}
		}
		return result, nil
	}, consumer.WithMaxReconsumeTimes(2))
	if err != nil {
		return err
	}
	defer c.Shutdown()
	if _, err = await("every attempt", veryLong, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return total >= 25
	}); err != nil {
		mu.Lock()
		defer mu.Unlock()
		return fmt.Errorf("%w: %v", err, attempts)
	}
	mu.Lock()
	for i := 0; i < 5; i++ {
		for times := 0; times < 3; times++ {
			if attempts[fmt.Sprintf("bad %d %d", i, times)] != 1 || times < 2 && attempts[fmt.Sprintf("good %d %d", i, times)] != 1 {
				mu.Unlock()
				return fmt.Errorf("attempts: %v", attempts)
			}
		}
	}
	mu.Unlock()
	dead, err := deadLetters(r, 5)
	if err != nil {
		return err
	}
	for _, m := range dead {
		if !strings.HasPrefix(string(m.Body), "bad") || m.ReconsumeTimes != 3 || m.GetProperty("RETRY_TOPIC") != r.topic {
			return fmt.Errorf("a dead letter that is none: %v", m)
		}
	}
	return nil
}

// deadLetters reads the group's dead letters once there are as many as expected. Before the first one the topic has no route,
// and this client does not wait for one.
func deadLetters(r *run, expected int) ([]*primitive.MessageExt, error) {
	dead := *r
	dead.topic = "%DLQ%" + r.group
	dead.group = r.group + "_dead"
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		read, err := readAll(&dead, expected)
		if err == nil || !strings.Contains(err.Error(), "route info not found") || time.Since(begin) > long {
			return read, err
		}
	}
}
