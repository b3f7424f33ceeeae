package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const traceTopic = "RMQ_SYS_TRACE_TOPIC"

// trace sends and consumes with traces on, and reads what both left in the trace topic.
func trace(r *run) error {
	config := func() *primitive.TraceConfig {
		return &primitive.TraceConfig{TraceTopic: traceTopic, Access: primitive.Local, Resolver: resolver(r)}
	}
	// This client leaves no traces before their topic is there (`traceTopicEnable`, or the first send to it).
	plain, err := newProducer(r)
	if err != nil {
		return err
	}
	defer plain.Shutdown()
	if err = send(plain, traceTopic, "A", 0, 1); err != nil {
		return err
	}
	p, err := newProducer(r, producer.WithTrace(config()))
	if err != nil {
		return err
	}
	defer p.Shutdown()
	sent, err := p.SendSync(context.Background(), message(r.topic, "A", "traced"))
	if err != nil {
		return err
	}
	g := newReceived()
	c, err := newPush(r, r.group, "*", g, consumer.WithTrace(config()))
	if err != nil {
		return err
	}
	defer c.Shutdown()
	if err = exactly(g, 1, "the traced consumer"); err != nil {
		return err
	}
	var mu sync.Mutex
	kinds := map[string]bool{}
	reader, err := rocketmq.NewPushConsumer(
		consumer.WithGroupName(r.group+"_reader"),
		consumer.WithNsResolver(resolver(r)),
		consumer.WithInstance(instance("reader")),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		return err
	}
	listen := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range messages {
			for _, line := range strings.Split(string(m.Body), "\x02") {
				if strings.Contains(line, sent.MsgID) || strings.HasPrefix(line, "SubAfter") {
					kinds[strings.Split(line, "\x01")[0]] = true
				}
			}
		}
		return consumer.ConsumeSuccess, nil
	}
	if err = reader.Subscribe(traceTopic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}, listen); err != nil {
		return err
	}
	if err = reader.Start(); err != nil {
		return err
	}
	defer reader.Shutdown()
	_, err = await("traces of the send and of its consumption", long, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return kinds["Pub"] && kinds["SubBefore"] && kinds["SubAfter"]
	})
	return err
}

// namespace puts a name space in front of every name.
func namespace(r *run) error {
	p, err := newProducer(r, producer.WithNamespace("space"))
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "A", 0, 20); err != nil {
		return err
	}
	g := newReceived()
	c, err := newPush(r, r.group, "*", g, consumer.WithNamespace("space"))
	if err != nil {
		return err
	}
	defer c.Shutdown()
	if err = exactly(g, 20, "a consumer of the name space"); err != nil {
		return err
	}
	real := *r
	real.topic = "space%" + r.topic
	queues, err := queuesOf(&real)
	if err == nil && len(queues) != 4 {
		err = fmt.Errorf("%d queues under the name with its space in front", len(queues))
	}
	return err
}

// broadcastResume comes back as the same client: its own file knows where it was.
func broadcastResume(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	for life := 0; life < 2; life++ {
		if err = send(p, r.topic, fmt.Sprintf("life %d", life), 0, 20); err != nil {
			return err
		}
		g := newReceived()
		c, err := newPush(r, r.group, "*", g, consumer.WithConsumerModel(consumer.BroadCasting), consumer.WithInstance("keeps-"+r.group))
		if err != nil {
			return err
		}
		err = exactly(g, 20, fmt.Sprintf("a broadcast consumer in life %d", life))
		if stopped := c.Shutdown(); err == nil {
			err = stopped
		}
		if err != nil {
			return err
		}
	}
	return nil
}
