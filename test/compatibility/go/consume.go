package main

import (
	"context"
	"fmt"
	"strconv"
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

// Consumers, and topics made by the client's admin.

func push(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "A", 0, 1); err != nil {
		return err
	}
	g := newReceived()
	c, err := newPush(r, r.group, "*", g)
	if err != nil {
		return err
	}
	defer c.Shutdown()
	if _, err = await("the first message", long, func() bool { n, _ := g.sizes(); return n == 1 }); err != nil {
		return err
	}
	begin := time.Now()
	if err = send(p, r.topic, "B", 0, 1); err != nil {
		return err
	}
	if _, err = await("a message to a waiting pull", long, func() bool { n, _ := g.sizes(); return n == 2 }); err != nil {
		return err
	}
	r.detail["longPollMs"] = time.Since(begin).Milliseconds()
	if err = send(p, r.topic, "C", 0, 300); err != nil {
		return err
	}
	return exactly(g, 302, "the consumer")
}

func broadcast(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "before", 0, 1); err != nil {
		return err
	}
	// This client keeps broadcast offsets in a file of the group's name, hence a group for each.
	var all []*received
	for i := 0; i < 2; i++ {
		g := newReceived()
		c, err := newPush(r, r.group+"_"+strconv.Itoa(i), "*", g, consumer.WithConsumerModel(consumer.BroadCasting))
		if err != nil {
			return err
		}
		defer c.Shutdown()
		all = append(all, g)
	}
	for _, g := range all {
		if _, err = await("the message from before", long, func() bool { n, _ := g.sizes(); return n == 1 }); err != nil {
			return err
		}
	}
	if err = send(p, r.topic, "after", 0, 100); err != nil {
		return err
	}
	for _, g := range all {
		if err = exactly(g, 101, "a broadcast consumer"); err != nil {
			return err
		}
	}
	return nil
}

func tagFilter(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	for i := 0; i < 100; i++ {
		for _, tag := range []string{"A", "B", "C"} {
			if err = send(p, r.topic, tag, i, i+1); err != nil {
				return err
			}
		}
	}
	g := newReceived()
	c, err := newPush(r, r.group, "A || C", g)
	if err != nil {
		return err
	}
	defer c.Shutdown()
	if err = exactly(g, 200, "tags A and C"); err != nil {
		return err
	}
	if g.tags["B"] != 0 {
		return fmt.Errorf("%d messages with tag B", g.tags["B"])
	}
	return nil
}

// sqlFilter sends 100 numbers; the broker lets through the even ones of 10…29.
func sqlFilter(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	for i := 0; i < 100; i++ {
		m := primitive.NewMessage(r.topic, []byte(fmt.Sprintf("number %d", i)))
		m.WithProperty("n", strconv.Itoa(i))
		if i%2 == 0 {
			m.WithProperty("even", "true")
		}
		if _, err = p.SendSync(context.Background(), m); err != nil {
			return err
		}
	}
	g := newReceived()
	selector := consumer.MessageSelector{Type: consumer.SQL92, Expression: "n >= 10 AND n < 30 AND even = TRUE"}
	c, err := newPushBy(r, r.group, selector, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		g.take(messages)
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return err
	}
	defer c.Shutdown()
	return exactly(g, 10, "the expression")
}

// held counts the queues that a consumer takes from: one message is sent to each queue of the topic, until the wanted
// number of queues has answered to it.
func held(p rocketmq.Producer, r *run, g *received, want int, serial *int64) (time.Duration, error) {
	begin := time.Now()
	for time.Since(begin) < long {
		g.Lock()
		g.byBroker = map[int]int{}
		g.Unlock()
		for i := 0; i < 4; i++ {
			n := atomic.AddInt64(serial, 1)
			if _, err := p.SendSync(context.Background(), message(r.topic, "probe", fmt.Sprintf("probe %d", n))); err != nil {
				return 0, err
			}
		}
		for i := 0; i < 20; i++ {
			g.Lock()
			n := len(g.byBroker)
			g.Unlock()
			if n == want {
				return time.Since(begin), nil
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return 0, fmt.Errorf("after %v the consumer does not take from %d queues", long, want)
}

func rebalance(r *run) error {
	p, err := newProducer(r, producer.WithQueueSelector(producer.NewRoundRobinQueueSelector()))
	if err != nil {
		return err
	}
	defer p.Shutdown()
	var serial int64
	if err = send(p, r.topic, "first", 0, 1); err != nil {
		return err
	}
	one, two := newReceived(), newReceived()
	first, err := newPush(r, r.group, "*", one)
	if err != nil {
		return err
	}
	if _, err = held(p, r, one, 4, &serial); err != nil {
		return fmt.Errorf("alone: %w", err)
	}
	joined := time.Now()
	second, err := newPush(r, r.group, "*", two)
	if err != nil {
		return err
	}
	defer second.Shutdown()
	if _, err = held(p, r, two, 2, &serial); err != nil {
		return fmt.Errorf("joined: %w", err)
	}
	r.detail["joinMs"] = time.Since(joined).Milliseconds()
	left := time.Now()
	if err = first.Shutdown(); err != nil {
		return err
	}
	r.detail["shutdownMs"] = time.Since(left).Milliseconds()
	if _, err = held(p, r, two, 4, &serial); err != nil {
		return fmt.Errorf("left alone: %w", err)
	}
	r.detail["takeOverMs"] = time.Since(left).Milliseconds()
	if _, err = await("every probe to arrive", long, func() bool {
		one.Lock()
		two.Lock()
		defer one.Unlock()
		defer two.Unlock()
		union := map[string]bool{}
		for body := range one.distinct {
			union[body] = true
		}
		for body := range two.distinct {
			union[body] = true
		}
		return len(union) == int(atomic.LoadInt64(&serial))+1
	}); err != nil {
		return err
	}
	a, _ := one.sizes()
	b, _ := two.sizes()
	r.detail["duplicates"] = a + b - int(serial) - 1
	return nil
}

func resume(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "before", 0, 120); err != nil {
		return err
	}
	before := newReceived()
	first, err := newPush(r, r.group, "*", before)
	if err != nil {
		return err
	}
	if err = exactly(before, 120, "the first consumer"); err != nil {
		return err
	}
	if err = first.Shutdown(); err != nil {
		return err
	}
	if err = send(p, r.topic, "after", 0, 80); err != nil {
		return err
	}
	after := newReceived()
	second, err := newPush(r, r.group, "*", after)
	if err != nil {
		return err
	}
	defer second.Shutdown()
	return exactly(after, 80, "the consumer that came back")
}

// consumeFrom: on a young topic a broker of this protocol answers offset 0 to a group that never committed, whatever it asks for.
func consumeFrom(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "before", 0, 40); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	between := time.Now().Add(-time.Second)
	if err = send(p, r.topic, "after", 0, 40); err != nil {
		return err
	}
	for name, from := range map[string]consumer.ConsumeFromWhere{
		"first": consumer.ConsumeFromFirstOffset, "last": consumer.ConsumeFromLastOffset, "timestamp": consumer.ConsumeFromTimestamp,
	} {
		g := newReceived()
		c, err := newPush(r, r.group+"_"+name, "*", g, consumer.WithConsumeFromWhere(from),
			consumer.WithConsumeTimestamp(between.Format("20060102150405")))
		if err != nil {
			return err
		}
		if err = exactly(g, 80, name); err != nil {
			return err
		}
		if err = c.Shutdown(); err != nil {
			return err
		}
	}
	return nil
}

func backlog(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	const total = 20_000
	filler := strings.Repeat("x", 200)
	for i := 0; i < total; i += 200 {
		var list []*primitive.Message
		for j := i; j < i+200; j++ {
			list = append(list, message(r.topic, "A", fmt.Sprintf("%d %s", j, filler)))
		}
		if _, err := p.SendSync(context.Background(), list...); err != nil {
			return err
		}
	}
	g := newReceived()
	begin := time.Now()
	c, err := newPush(r, r.group, "*", g, consumer.WithConsumeMessageBatchMaxSize(32))
	if err != nil {
		return err
	}
	defer c.Shutdown()
	if err = exactly(g, total, "the backlog"); err != nil {
		return err
	}
	r.detail["consumeMs"] = time.Since(begin).Milliseconds()
	return nil
}

func orderly(r *run) error {
	p, err := newProducer(r, producer.WithQueueSelector(producer.NewHashQueueSelector()))
	if err != nil {
		return err
	}
	defer p.Shutdown()
	for i := 0; i < 50; i++ {
		for key := 0; key < 4; key++ {
			m := message(r.topic, "A", fmt.Sprintf("%d:%d", key, i)).WithShardingKey(strconv.Itoa(key))
			if _, err := p.SendSync(context.Background(), m); err != nil {
				return err
			}
		}
	}
	var mu sync.Mutex
	next := map[string]int{}
	count, wrong := 0, 0
	c, err := newPushWith(r, r.group, "*", func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range messages {
			parts := strings.Split(string(m.Body), ":")
			if i, _ := strconv.Atoi(parts[1]); i != next[parts[0]] {
				wrong++
			}
			next[parts[0]]++
			count++
		}
		return consumer.ConsumeSuccess, nil
	}, consumer.WithConsumerOrder(true))
	if err != nil {
		return err
	}
	defer c.Shutdown()
	if _, err = await("200 messages in order", long, func() bool { mu.Lock(); defer mu.Unlock(); return count >= 200 }); err != nil {
		return err
	}
	if wrong != 0 || count != 200 {
		return fmt.Errorf("%d deliveries, %d out of order", count, wrong)
	}
	return nil
}

func pull(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "A", 0, 160); err != nil {
		return err
	}
	c, err := rocketmq.NewPullConsumer(
		consumer.WithGroupName(r.group),
		consumer.WithNsResolver(resolver(r)),
		consumer.WithInstance(instance("puller")),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		return err
	}
	if err = c.Subscribe(r.topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}); err != nil {
		return err
	}
	if err = c.Start(); err != nil {
		return err
	}
	defer c.Shutdown()
	got := map[string]bool{}
	_, err = await("160 polled messages", long, func() bool {
		request, err := c.Poll(context.Background(), time.Second)
		if err != nil {
			return false
		}
		for _, m := range request.GetMsgList() {
			got[string(m.Body)] = true
		}
		c.ACK(context.Background(), request, consumer.ConsumeSuccess)
		return len(got) >= 160
	})
	return err
}

func createTopic(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	// The broker's address comes from any route that there is already.
	other := &run{nameServer: r.nameServer, topic: r.topic + "_other", group: r.group, detail: r.detail}
	if err = send(p, other.topic, "A", 0, 1); err != nil {
		return err
	}
	result, err := p.SendSync(context.Background(), message(other.topic, "A", "for its address"))
	if err != nil {
		return err
	}
	address, err := brokerAddress(result.OffsetMsgID)
	if err != nil {
		return err
	}
	a, err := admin.NewAdmin(admin.WithResolver(resolver(r)))
	if err != nil {
		return err
	}
	defer a.Close()
	if err = a.CreateTopic(context.Background(), admin.WithTopicCreate(r.topic), admin.WithBrokerAddrCreate(address),
		admin.WithReadQueueNums(7), admin.WithWriteQueueNums(7)); err != nil {
		return err
	}
	queues, err := queuesOf(r)
	if err != nil {
		return err
	}
	if len(queues) != 7 {
		return fmt.Errorf("%d queues, expected 7", len(queues))
	}
	return send(p, r.topic, "A", 0, 14)
}

// brokerAddress decodes the broker's address from an offset message id: IPv4, port, offset in hexadecimal.
func brokerAddress(id string) (string, error) {
	if len(id) != 32 {
		return "", fmt.Errorf("offset message id %q has not 32 digits", id)
	}
	var parts []string
	for i := 0; i < 8; i += 2 {
		n, err := strconv.ParseUint(id[i:i+2], 16, 8)
		if err != nil {
			return "", err
		}
		parts = append(parts, strconv.FormatUint(n, 10))
	}
	port, err := strconv.ParseUint(id[8:16], 16, 32)
	return fmt.Sprintf("%s:%d", strings.Join(parts, "."), port), err
}

// brokerRestart sends and consumes while the broker is stopped and started again; what was acknowledged must arrive.
func brokerRestart(r *run) error {
	p, err := newProducer(r, producer.WithSendMsgTimeout(2*time.Second))
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "first", 0, 1); err != nil {
		return err
	}
	g := newReceived()
	c, err := newPush(r, r.group, "*", g)
	if err != nil {
		return err
	}
	defer c.Shutdown()
	var mu sync.Mutex
	acknowledged := []string{"first 0"}
	failures := 0
	var lastSuccess time.Time
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			body := fmt.Sprintf("restart %d", i)
			result, err := p.SendSync(context.Background(), message(r.topic, "A", body))
			mu.Lock()
			if err == nil && result.Status == primitive.SendOK {
				acknowledged = append(acknowledged, body)
				lastSuccess = time.Now()
			} else {
				failures++
			}
			mu.Unlock()
		}
	}()
	size := func() int { mu.Lock(); defer mu.Unlock(); return len(acknowledged) }
	if _, err = await("50 sends before the restart", long, func() bool { return size() > 50 }); err != nil {
		return err
	}
	if err = askFor("restart"); err != nil {
		return err
	}
	up, before := time.Now(), size()
	if _, err = await("a send after the restart", long, func() bool { mu.Lock(); defer mu.Unlock(); return lastSuccess.After(up) }); err != nil {
		return err
	}
	r.detail["firstSendMs"] = time.Since(up).Milliseconds()
	if _, err = await("50 sends after the restart", long, func() bool { return size() > before+50 }); err != nil {
		return err
	}
	close(stop)
	<-done
	if _, err = await("everything acknowledged to arrive", long, func() bool { return g.has(acknowledged) }); err != nil {
		return err
	}
	n, d := g.sizes()
	r.detail["acknowledged"], r.detail["failedSends"], r.detail["duplicates"] = len(acknowledged), failures, n-d
	return nil
}
