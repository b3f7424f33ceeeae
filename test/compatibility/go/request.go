package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// requestReply asks a consumer of the same client, whose replies come back over the broker.
func requestReply(r *run) error {
	replier, err := newProducer(r)
	if err != nil {
		return err
	}
	defer replier.Shutdown()
	if err = send(replier, r.topic, "first", 0, 1); err != nil {
		return err
	}
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	var refused, taken int64
	var why atomic.Value
	c, err := newPushWith(r, r.group, "*", func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, m := range messages {
			if m.GetProperty(primitive.PropertyCorrelationID) == "" {
				continue
			}
			reply, err := consumer.CreateReplyMessage(m, nil)
			if err == nil {
				// The client's own way to make a reply leaves the body out.
				reply.Body = []byte("reply to " + string(m.Body))
				_, err = replier.SendSync(ctx, reply)
			}
			if err != nil {
				atomic.AddInt64(&refused, 1)
				why.Store(err.Error())
			} else {
				atomic.AddInt64(&taken, 1)
			}
		}
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return err
	}
	defer c.Shutdown()
	// This client tells the broker of itself when it asks over a topic that nobody knows yet, and else every 30 s.
	if _, err = p.Request(context.Background(), 50*time.Millisecond, message(r.topic+"_nobody", "A", "hello")); err == nil {
		return fmt.Errorf("a request that nobody hears was answered")
	}
	for i := 0; i < 20; i++ {
		body := fmt.Sprintf("request %d", i)
		m, err := p.Request(context.Background(), 20*time.Second, message(r.topic, "A", body))
		if err != nil {
			return fmt.Errorf("%s: %w (%d replies taken, %d refused: %v)", body, err, taken, refused, why.Load())
		}
		if string(m.Body) != "reply to "+body {
			return fmt.Errorf("%s was answered %q", body, m.Body)
		}
	}
	r.detail["replies"] = taken
	if refused > 0 {
		return fmt.Errorf("%d replies were refused", refused)
	}
	return nil
}
