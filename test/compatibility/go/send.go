package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// Ways to send, each read back by offset.

func sendSync(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	next := map[int]int64{}
	for i := 0; i < 100; i++ {
		result, err := p.SendSync(context.Background(), message(r.topic, "A", fmt.Sprintf("sync %d", i)))
		if err != nil {
			return err
		}
		queue := result.MessageQueue.QueueId
		if result.Status != primitive.SendOK || result.QueueOffset != next[queue] {
			return fmt.Errorf("send %d: status %d, offset %d of queue %d, expected %d", i, result.Status, result.QueueOffset, queue, next[queue])
		}
		next[queue]++
	}
	queues, err := queuesOf(r)
	if err != nil {
		return err
	}
	if len(queues) != 4 {
		return fmt.Errorf("%d queues of a topic made by its first send, expected 4", len(queues))
	}
	read, err := readAll(r, 100)
	if err != nil {
		return err
	}
	return distinct(read, 100)
}

func sendAsync(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "first", 0, 1); err != nil {
		return err
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failure error
	wg.Add(500)
	for i := 0; i < 500; i++ {
		err := p.SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, err error) {
			if err != nil {
				mu.Lock()
				failure = err
				mu.Unlock()
			}
			wg.Done()
		}, message(r.topic, "A", fmt.Sprintf("async %d", i)))
		if err != nil {
			return err
		}
	}
	wg.Wait()
	if failure != nil {
		return failure
	}
	read, err := readAll(r, 501)
	if err != nil {
		return err
	}
	return distinct(read, 501)
}

func sendOneway(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "first", 0, 1); err != nil {
		return err
	}
	for i := 0; i < 100; i++ {
		if err := p.SendOneWay(context.Background(), message(r.topic, "A", fmt.Sprintf("oneway %d", i))); err != nil {
			return err
		}
	}
	read, err := readAll(r, 101)
	if err != nil {
		return err
	}
	return distinct(read, 101)
}

func sendBatch(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	if err = send(p, r.topic, "first", 0, 1); err != nil {
		return err
	}
	for b := 0; b < 5; b++ {
		var list []*primitive.Message
		for i := 0; i < 50; i++ {
			list = append(list, message(r.topic, "tag"+strconv.Itoa(i%2), fmt.Sprintf("batch %d/%d", b, i)).WithKeys([]string{"key" + strconv.Itoa(i)}))
		}
		result, err := p.SendSync(context.Background(), list...)
		if err != nil {
			return err
		}
		if result.Status != primitive.SendOK {
			return fmt.Errorf("batch %d: status %d", b, result.Status)
		}
	}
	read, err := readAll(r, 251)
	if err != nil {
		return err
	}
	for _, m := range read {
		parts := strings.Split(string(m.Body), "/")
		if len(parts) == 2 {
			i, _ := strconv.Atoi(parts[1])
			if m.GetTags() != "tag"+strconv.Itoa(i%2) || m.GetKeys() != "key"+parts[1] {
				return fmt.Errorf("%s came back with tag %q, key %q", m.Body, m.GetTags(), m.GetKeys())
			}
		}
	}
	return distinct(read, 251)
}

func sendBig(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	noise := make([]byte, 2_000_000)
	rand.New(rand.NewSource(1)).Read(noise)
	sent := map[string][]byte{"text": bytes.Repeat([]byte("x"), 1_000_000), "noise": noise}
	for tag, body := range sent {
		if _, err := p.SendSync(context.Background(), message(r.topic, tag, string(body))); err != nil {
			return fmt.Errorf("%s: %w", tag, err)
		}
	}
	read, err := readAll(r, 2)
	if err != nil {
		return err
	}
	if len(read) != 2 {
		return fmt.Errorf("read %d messages, expected 2", len(read))
	}
	for _, m := range read {
		r.detail[m.GetTags()+"StoredBytes"] = m.StoreSize
		if !bytes.Equal(m.Body, sent[m.GetTags()]) {
			return fmt.Errorf("%s came back changed", m.GetTags())
		}
		if m.GetTags() == "text" && m.StoreSize > 100_000 {
			return fmt.Errorf("the text took %d bytes: not stored as the client compressed it", m.StoreSize)
		}
	}
	return nil
}

func sendProperties(r *run) error {
	p, err := newProducer(r)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	m := message(r.topic, "TagA", "properties ä消息").WithKeys([]string{"k1", "k2"})
	m.WithProperty("colour", "grün 绿 \"quoted\" back\\slash")
	m.Flag = 7
	result, err := p.SendSync(context.Background(), m)
	if err != nil {
		return err
	}
	read, err := readAll(r, 1)
	if err != nil {
		return err
	}
	if len(read) != 1 {
		return fmt.Errorf("read %d messages, expected 1", len(read))
	}
	got := read[0]
	want := fmt.Sprint([]any{"properties ä消息", "TagA", "k1 k2", "grün 绿 \"quoted\" back\\slash", 7, result.MsgID, result.OffsetMsgID})
	have := fmt.Sprint([]any{string(got.Body), got.GetTags(), got.GetKeys(), got.GetProperty("colour"), got.Flag,
		got.GetProperty(primitive.PropertyUniqueClientMessageIdKeyIndex), got.OffsetMsgId})
	if want != have {
		return fmt.Errorf("expected %s, got %s", want, have)
	}
	return nil
}

func ordered(r *run) error {
	p, err := newProducer(r, producer.WithQueueSelector(producer.NewHashQueueSelector()))
	if err != nil {
		return err
	}
	defer p.Shutdown()
	for i := 0; i < 50; i++ {
		for key := 0; key < 8; key++ {
			m := message(r.topic, "A", fmt.Sprintf("%d:%d", key, i)).WithShardingKey(strconv.Itoa(key))
			if _, err := p.SendSync(context.Background(), m); err != nil {
				return err
			}
		}
	}
	read, err := readAll(r, 400)
	if err != nil {
		return err
	}
	next := map[string]int{}
	for _, m := range read {
		parts := strings.Split(string(m.Body), ":")
		i, _ := strconv.Atoi(parts[1])
		if i != next[parts[0]] {
			return fmt.Errorf("key %s: message %d where %d was due", parts[0], i, next[parts[0]])
		}
		next[parts[0]]++
	}
	return distinct(read, 400)
}
