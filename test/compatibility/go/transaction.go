package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// Transactions. The broker asks early and often what became of them: after a second, each second.

// listener is what an application decides: by the body, and only for what it was told that the broker has.
type listener struct {
	sync.Mutex
	outcomes map[string]primitive.LocalTransactionState
	checks   int
	isSilent bool
}

func newListener() *listener {
	return &listener{outcomes: map[string]primitive.LocalTransactionState{}}
}

func outcomeOf(number int) primitive.LocalTransactionState {
	if number%2 == 0 {
		return primitive.CommitMessageState
	}
	return primitive.RollbackMessageState
}

func (l *listener) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	l.Lock()
	defer l.Unlock()
	number, _ := strconv.Atoi(string(m.Body))
	l.outcomes[m.TransactionId] = outcomeOf(number)
	if l.isSilent || number%4 >= 2 {
		return primitive.UnknowState
	}
	return outcomeOf(number)
}

func (l *listener) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	l.Lock()
	defer l.Unlock()
	l.checks++
	if outcome, known := l.outcomes[m.GetProperty(primitive.PropertyUniqueClientMessageIdKeyIndex)]; known {
		return outcome
	}
	// A half message whose sender never heard of it: its transaction did not take place.
	return primitive.RollbackMessageState
}

func newTransactions(r *run, l *listener) (rocketmq.TransactionProducer, error) {
	p, err := rocketmq.NewTransactionProducer(l,
		producer.WithNsResolver(resolver(r)),
		producer.WithGroupName("P_"+r.group),
		producer.WithInstanceName(instance("transactions")),
		// What is sent again is another half message of the same name.
		producer.WithRetry(0),
		producer.WithSendMsgTimeout(3*time.Second),
	)
	if err != nil {
		return nil, err
	}
	return p, p.Start()
}

// sendTransactions sends numbered messages until the broker has each, and notes those that are to be seen.
func sendTransactions(r *run, p rocketmq.TransactionProducer, committed map[string]bool, from, to int) error {
	for i := from; i < to; i++ {
		begin := time.Now()
		for {
			_, err := p.SendMessageInTransaction(context.Background(), message(r.topic, "A", strconv.Itoa(i)))
			if err == nil {
				break
			}
			if time.Since(begin) > long {
				return fmt.Errorf("the broker is not there again: %w", err)
			}
			time.Sleep(50 * time.Millisecond)
		}
		if outcomeOf(i) == primitive.CommitMessageState {
			committed[strconv.Itoa(i)] = true
		}
	}
	return nil
}

// exactlyCommitted says that all that was committed is there, once, and nothing else.
func exactlyCommitted(r *run, g *received, committed map[string]bool) error {
	if err := exactly(g, len(committed), "the consumer of what was committed"); err != nil {
		return err
	}
	time.Sleep(3 * time.Second)
	if err := exactly(g, len(committed), "the consumer a while later"); err != nil {
		return err
	}
	g.Lock()
	defer g.Unlock()
	for body := range g.distinct {
		if !committed[body] {
			return fmt.Errorf("%q is seen, but was not committed", body)
		}
	}
	return nil
}

// runTransactions gives a scenario its producer, and its consumer once the topic is there.
func runTransactions(r *run, l *listener, do func(rocketmq.TransactionProducer, map[string]bool) error) error {
	p, err := newTransactions(r, l)
	if err != nil {
		return err
	}
	committed := map[string]bool{}
	if err = do(p, committed); err != nil {
		return err
	}
	g := newReceived()
	c, err := newPush(r, r.group, "*", g)
	if err != nil {
		return err
	}
	defer c.Shutdown()
	if err = exactlyCommitted(r, g, committed); err != nil {
		return err
	}
	l.Lock()
	r.detail["checks"] = l.checks
	l.Unlock()
	return p.Shutdown()
}

func transaction(r *run) error {
	return runTransactions(r, newListener(), func(p rocketmq.TransactionProducer, committed map[string]bool) error {
		return sendTransactions(r, p, committed, 0, 200)
	})
}

// transactionCheck lets the sender go without a word; another member of its group knows.
func transactionCheck(r *run) error {
	l := newListener()
	l.isSilent = true
	return runTransactions(r, l, func(other rocketmq.TransactionProducer, committed map[string]bool) error {
		// A producer makes itself known a second after its start, where its topics are by then.
		if err := sendTransactions(r, other, committed, 0, 1); err != nil {
			return err
		}
		sender, err := newTransactions(r, l)
		if err != nil {
			return err
		}
		if err = sendTransactions(r, sender, committed, 1, 20); err != nil {
			return err
		}
		return sender.Shutdown()
	})
}

func transactionKilled(r *run) error {
	const messages = 1000
	return runTransactions(r, newListener(), func(p rocketmq.TransactionProducer, committed map[string]bool) error {
		if err := sendTransactions(r, p, committed, 0, messages/4); err != nil {
			return err
		}
		killed := make(chan error)
		go func() { killed <- askFor("kill") }()
		if err := sendTransactions(r, p, committed, messages/4, messages*3/4); err != nil {
			return err
		}
		if err := <-killed; err != nil {
			return err
		}
		if err := askFor("kill"); err != nil {
			return err
		}
		return sendTransactions(r, p, committed, messages*3/4, messages)
	})
}
