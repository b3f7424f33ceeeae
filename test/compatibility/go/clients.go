package main

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// Clients set up the way the scenarios want them; nothing in the client itself is changed.

const long = 60 * time.Second

var next int64

func instance(kind string) string {
	return fmt.Sprintf("%s-%d", kind, atomic.AddInt64(&next, 1))
}

func resolver(r *run) primitive.NsResolver {
	return primitive.NewPassthroughResolver(strings.Split(r.nameServer, ";"))
}

func await(what string, limit time.Duration, holds func() bool) (time.Duration, error) {
	begin := time.Now()
	for !holds() {
		if time.Since(begin) > limit {
			return 0, fmt.Errorf("after %v still not: %s", limit, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begin), nil
}

func newProducer(r *run, more ...producer.Option) (rocketmq.Producer, error) {
	options := append([]producer.Option{
		producer.WithNsResolver(resolver(r)),
		producer.WithGroupName("P_" + r.group),
		producer.WithInstanceName(instance("producer")),
		producer.WithRetry(2),
		producer.WithSendMsgTimeout(10 * time.Second),
	}, more...)
	p, err := rocketmq.NewProducer(options...)
	if err != nil {
		return nil, err
	}
	return p, p.Start()
}

func message(topic, tag, body string) *primitive.Message {
	return primitive.NewMessage(topic, []byte(body)).WithTag(tag)
}

func send(p rocketmq.Producer, topic, tag string, from, to int) error {
	for i := from; i < to; i++ {
		result, err := p.SendSync(context.Background(), message(topic, tag, fmt.Sprintf("%s %d", tag, i)))
		if err != nil {
			return err
		}
		if result.Status != primitive.SendOK {
			return fmt.Errorf("send %d: status %d", i, result.Status)
		}
	}
	return nil
}

func queuesOf(r *run) ([]*primitive.MessageQueue, error) {
	a, err := admin.NewAdmin(admin.WithResolver(resolver(r)))
	if err != nil {
		return nil, err
	}
	defer a.Close()
	return a.FetchPublishMessageQueues(context.Background(), r.topic)
}

// readAll gives every message of the topic, queue by queue in order of its offsets, once `expected` are there.
// By a push consumer, since this client's pulls wait twenty seconds at the end of an empty queue.
func readAll(r *run, expected int) ([]*primitive.MessageExt, error) {
	var mu sync.Mutex
	var all []*primitive.MessageExt
	c, err := newPushWith(r, r.group+"_reader", "*", func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		mu.Lock()
		all = append(all, messages...)
		mu.Unlock()
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return nil, err
	}
	_, err = await(fmt.Sprintf("%d messages in %s", expected, r.topic), long, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(all) >= expected
	})
	time.Sleep(100 * time.Millisecond)
	if stopped := c.Shutdown(); err == nil {
		err = stopped
	}
	mu.Lock()
	defer mu.Unlock()
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		return a.Queue.QueueId < b.Queue.QueueId || a.Queue.QueueId == b.Queue.QueueId && a.QueueOffset < b.QueueOffset
	})
	return all, err
}

func distinct(read []*primitive.MessageExt, expected int) error {
	bodies := map[string]bool{}
	for _, m := range read {
		bodies[string(m.Body)] = true
	}
	if len(read) != expected || len(bodies) != expected {
		return fmt.Errorf("read %d messages, %d distinct, expected %d", len(read), len(bodies), expected)
	}
	return nil
}

// received is what a push consumer got.
type received struct {
	sync.Mutex
	count    int
	distinct map[string]bool
	tags     map[string]int
	byBroker map[int]int
}

func newReceived() *received {
	return &received{distinct: map[string]bool{}, tags: map[string]int{}, byBroker: map[int]int{}}
}

func (g *received) take(messages []*primitive.MessageExt) {
	g.Lock()
	defer g.Unlock()
	for _, m := range messages {
		g.count++
		g.distinct[string(m.Body)] = true
		g.tags[m.GetTags()]++
		g.byBroker[m.Queue.QueueId]++
	}
}

func (g *received) sizes() (count, distinct int) {
	g.Lock()
	defer g.Unlock()
	return g.count, len(g.distinct)
}

func (g *received) has(bodies []string) bool {
	g.Lock()
	defer g.Unlock()
	for _, body := range bodies {
		if !g.distinct[body] {
			return false
		}
	}
	return true
}

func newPush(r *run, group, expression string, g *received, more ...consumer.Option) (rocketmq.PushConsumer, error) {
	return newPushWith(r, group, expression, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		g.take(messages)
		return consumer.ConsumeSuccess, nil
	}, more...)
}

func newPushWith(r *run, group, expression string,
	listen func(context.Context, ...*primitive.MessageExt) (consumer.ConsumeResult, error), more ...consumer.Option,
) (rocketmq.PushConsumer, error) {
	return newPushBy(r, group, consumer.MessageSelector{Type: consumer.TAG, Expression: expression}, listen, more...)
}

func newPushBy(r *run, group string, selector consumer.MessageSelector,
	listen func(context.Context, ...*primitive.MessageExt) (consumer.ConsumeResult, error), more ...consumer.Option,
) (rocketmq.PushConsumer, error) {
	options := append([]consumer.Option{
		consumer.WithGroupName(group),
		consumer.WithNsResolver(resolver(r)),
		consumer.WithInstance(instance("consumer")),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}, more...)
	c, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return nil, err
	}
	if err = c.Subscribe(r.topic, selector, listen); err != nil {
		return nil, err
	}
	return c, c.Start()
}

// exactly waits for `expected` messages, then a little longer for any that should not come.
func exactly(g *received, expected int, what string) error {
	if _, err := await(fmt.Sprintf("%d messages for %s", expected, what), long, func() bool {
		_, d := g.sizes()
		return d >= expected
	}); err != nil {
		count, d := g.sizes()
		return fmt.Errorf("%w (%d deliveries, %d distinct)", err, count, d)
	}
	time.Sleep(300 * time.Millisecond)
	if count, d := g.sizes(); count != expected || d != expected {
		return fmt.Errorf("%d deliveries, %d distinct for %s, expected %d", count, d, what, expected)
	}
	return nil
}
