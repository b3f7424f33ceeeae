// Program compatibility runs scenarios of the unmodified Go client against a name server. It prints one JSON line per
// scenario on standard output, everything else on standard error, and exits with 1 when one of them failed.
//
// Usage: compatibility NAMESRV SCENARIO[,SCENARIO...] PREFIX, PREFIX being the beginning of every topic's and group's name.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// run is what one scenario has: addresses, names and a place for its figures.
type run struct {
	nameServer string
	topic      string
	group      string
	detail     map[string]any
}

type scenario struct {
	name string
	do   func(*run) error
}

var commands = bufio.NewReader(os.Stdin)

// verdicts is the real standard output: the client's own chatter goes elsewhere.
var verdicts = os.Stdout

func scenarios() []scenario {
	return []scenario{
		{"send-sync", sendSync},
		{"send-async", sendAsync},
		{"send-oneway", sendOneway},
		{"send-batch", sendBatch},
		{"send-big", sendBig},
		{"send-properties", sendProperties},
		{"ordered", ordered},
		{"push", push},
		{"broadcast", broadcast},
		{"broadcast-resume", broadcastResume},
		{"tag-filter", tagFilter},
		{"sql-filter", sqlFilter},
		{"rebalance", rebalance},
		{"resume", resume},
		{"consume-from", consumeFrom},
		{"consume-from-aged", consumeFromAged},
		{"backlog", backlog},
		{"orderly", orderly},
		{"delay", delay},
		{"retry", retry},
		{"transaction", transaction},
		{"transaction-check", transactionCheck},
		{"transaction-killed", transactionKilled},
		{"pull", pull},
		{"request-reply", requestReply},
		{"trace", trace},
		{"namespace", namespace},
		{"create-topic", createTopic},
		{"broker-restart", brokerRestart},
		{"two-brokers", twoBrokers},
		{"spread", spread},
	}
}

// askFor asks whoever started this program to do something to the broker, and returns when it is done.
func askFor(event string) error {
	fmt.Fprintf(verdicts, "{\"event\":%q}\n", event)
	_, err := commands.ReadString('\n')
	return err
}

func attempt(do func(*run) error, r *run) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return do(r)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: compatibility NAMESRV SCENARIO[,SCENARIO...] PREFIX")
		os.Exit(2)
	}
	os.Stdout = os.Stderr
	rlog.SetLogLevel("error")
	table := scenarios()
	var names []string
	if os.Args[2] == "all" {
		for _, s := range table {
			names = append(names, s.name)
		}
	} else {
		names = strings.Split(os.Args[2], ",")
	}
	failed := false
	for _, name := range names {
		id := os.Args[3] + "_" + strings.ReplaceAll(name, "-", "_")
		r := &run{nameServer: os.Args[1], topic: id, group: "G_" + id, detail: map[string]any{}}
		err := fmt.Errorf("no such scenario")
		begin := time.Now()
		for _, s := range table {
			if s.name == name {
				err = attempt(s.do, r)
			}
		}
		line := map[string]any{"scenario": name, "ok": err == nil, "ms": time.Since(begin).Milliseconds(), "detail": r.detail}
		if err != nil {
			line["error"] = err.Error()
			failed = true
		}
		text, _ := json.Marshal(line)
		fmt.Fprintln(verdicts, string(text))
	}
	if failed {
		os.Exit(1)
	}
}
