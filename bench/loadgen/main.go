// loadgen: a load generator for brokers that speak RocketMQ's remoting protocol.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"time"
)

type opts struct {
	mode                     string
	ns, topic, group, name   string
	enc                      int
	conns, window, size      int
	batch, queues, max       int
	readers, groups          int
	count, expect            int64
	rate                     float64
	duration, warmup, limit  time.Duration
	pids                     pidList
	json, tail, create, drop bool
	noUniq                   bool
	tag                      string
	run                      uint32
	pidfile                  string
	since                    int64
}

type kv struct {
	k string
	v float64
}

type result struct {
	name, mode string
	params     map[string]any
	m          []kv
	bad        []string
	note       string
}

func (r *result) set(k string, v float64) {
	for i := range r.m {
		if r.m[i].k == k {
			r.m[i].v = v
			return
		}
	}
	r.m = append(r.m, kv{k, v})
}

func (r *result) get(k string) float64 {
	for _, x := range r.m {
		if x.k == k {
			return x.v
		}
	}
	return 0
}

func num(v float64) string {
	switch {
	case v == float64(int64(v)):
		return strconv.FormatInt(int64(v), 10)
	case v >= 1000 || v <= -1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	default:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
}

func (r *result) print(js bool) {
	if js {
		m := map[string]float64{}
		for _, x := range r.m {
			m[x.k], _ = strconv.ParseFloat(num(x.v), 64)
		}
		o := map[string]any{"name": r.name, "mode": r.mode, "params": r.params, "metrics": m, "ok": len(r.bad) == 0}
		if len(r.bad) > 0 {
			o["problems"] = r.bad
		}
		if r.note != "" {
			o["note"] = r.note
		}
		b, _ := json.Marshal(o)
		fmt.Println(string(b))
		return
	}
	fmt.Printf("%s (%s)\n", r.name, r.mode)
	for _, x := range r.m {
		fmt.Printf("  %-30s %14s\n", x.k, num(x.v))
	}
	if r.note != "" {
		fmt.Printf("  note: %s\n", r.note)
	}
	for _, b := range r.bad {
		fmt.Printf("  PROBLEM: %s\n", b)
	}
}

func fatal(f string, a ...any) {
	fmt.Fprintf(os.Stderr, "loadgen: "+f+"\n", a...)
	os.Exit(1)
}

const help = `usage: loadgen MODE [flags]
modes
  send      closed loop: --conns C x --window W in flight, --size S, --batch B, --duration or --count
  pull      read a topic from offset 0 to its end and verify every message (--tail: follow it for --duration)
  e2e       open loop at --rate (coordinated omission avoided), --readers consumer connections at the tail
  fanout    --groups G consumer groups at the tail; --rate 0: producers in closed loop
  backlog   write --count messages to --queues (default 1), then read them all back
  idle      CPU and memory of --server-pid over --duration
  startup   -- COMMAND...: time from its start to the first successful send; then idle memory
  firstsend time until a send succeeds (with --since EPOCH_NS: since then)
  topic     create --topic; droptopic deletes it
  compare A.json B.json
  show FILE...  one line per result
flags`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, help)
		os.Exit(2)
	}
	o := &opts{mode: os.Args[1], run: uint32(rand.New(rand.NewSource(time.Now().UnixNano())).Uint32() | 1)}
	if o.mode == "compare" {
		compare(os.Args[2:])
		return
	}
	if o.mode == "show" {
		show(os.Args[2:])
		return
	}
	fs := flag.NewFlagSet("loadgen "+o.mode, flag.ExitOnError)
	fs.Usage = func() { fmt.Fprintln(os.Stderr, help); fs.PrintDefaults() }
	defQ, defG, defRate := 8, 1, 1000.0
	switch o.mode {
	case "backlog":
		defQ, defRate = 1, 0
	case "send", "startup", "firstsend":
		defRate = 0
	case "fanout":
		defG, defRate = 5, 0
	}
	enc := fs.String("enc", "json", "header serialization: json or binary")
	fs.StringVar(&o.ns, "ns", "127.0.0.1:9876", "NameServer")
	fs.StringVar(&o.topic, "topic", "", "topic (default: a new one per run)")
	fs.StringVar(&o.group, "group", "", "consumer group")
	fs.StringVar(&o.name, "name", "", "name in the output")
	fs.IntVar(&o.conns, "conns", 1, "connections (producers; consumers in pull and backlog)")
	fs.IntVar(&o.window, "window", 1, "requests in flight per producer connection")
	fs.IntVar(&o.size, "size", 1024, "message body bytes, at least 32")
	fs.IntVar(&o.batch, "batch", 1, "messages per send request")
	fs.IntVar(&o.queues, "queues", defQ, "queues per broker of a topic to create")
	fs.IntVar(&o.max, "max", 32, "messages per pull (the official client asks for 32)")
	fs.IntVar(&o.readers, "readers", 1, "consumer connections per group (e2e, fanout)")
	fs.IntVar(&o.groups, "groups", defG, "consumer groups (e2e, fanout)")
	fs.Int64Var(&o.count, "count", 0, "messages to send instead of a duration")
	fs.Int64Var(&o.expect, "expect", -1, "distinct messages pull must find")
	fs.Float64Var(&o.rate, "rate", defRate, "messages per second (e2e, fanout), at most (send); 0: closed loop")
	fs.DurationVar(&o.duration, "duration", 10*time.Second, "measured time")
	fs.DurationVar(&o.warmup, "warmup", 2*time.Second, "time before it")
	fs.DurationVar(&o.limit, "limit", 5*time.Minute, "longest time for a read-back")
	fs.Var(&o.pids, "server-pid", "server process to account for; repeatable, or a comma-separated list")
	fs.BoolVar(&o.json, "json", false, "one JSON line instead of a table")
	fs.BoolVar(&o.tail, "tail", false, "pull: follow the end of the topic")
	fs.BoolVar(&o.create, "create", true, "create the topic first (else it must exist or be auto-created)")
	fs.BoolVar(&o.drop, "drop", false, "delete the topic afterwards")
	fs.BoolVar(&o.noUniq, "no-uniq", false, "leave out the UNIQ_KEY property that official clients set")
	fs.StringVar(&o.tag, "tag", "", "message tag")
	fs.StringVar(&o.pidfile, "pidfile", "", "startup: file of 'name pid' lines that the command writes")
	fs.Int64Var(&o.since, "since", 0, "firstsend: epoch nanoseconds")
	fs.Parse(os.Args[2:])
	switch *enc {
	case "json":
		o.enc = encJSON
	case "binary", "rocketmq":
		o.enc = encBinary
	default:
		fatal("unknown --enc %s", *enc)
	}
	if o.batch < 1 || o.window < 1 || o.window > 65535 || o.conns < 1 {
		fatal("bad --batch, --window or --conns")
	}
	if o.topic == "" {
		o.topic = fmt.Sprintf("bench_%s_%08x", o.mode, o.run)
	}
	if o.group == "" {
		o.group = fmt.Sprintf("CG_%s_%08x", o.mode, o.run)
	}
	if o.name == "" {
		o.name = o.mode
	}
	res := &result{name: o.name, mode: o.mode}
	fs.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "json", "name", "server-pid", "ns", "drop", "topic", "pidfile", "since":
			return
		}
		if res.params == nil {
			res.params = map[string]any{}
		}
		res.params[f.Name] = f.Value.String()
	})
	var err error
	switch o.mode {
	case "send":
		_, err = runSend(o, res)
	case "pull":
		o.run = 0
		err = runPull(o, res, "", o.expect)
	case "e2e", "fanout":
		err = runE2E(o, res)
	case "backlog":
		if o.count == 0 {
			o.count = 1000000
		}
		var n uint64
		if n, err = runSend(o, res); err == nil {
			for i := range res.m {
				res.m[i].k = "write_" + res.m[i].k
			}
			readable(o, int64(n))
			o.conns = 1
			err = runPull(o, res, "read_", int64(n))
		}
	case "idle":
		sm := startSampler(o.pids)
		time.Sleep(o.duration)
		sm.end(res, 0, "")
	case "firstsend":
		t := time.Now()
		if o.since > 0 {
			t = time.Unix(0, o.since)
		}
		err = firstSend(o)
		res.set("first_send_ms", float64(time.Since(t).Microseconds())/1e3)
	case "startup":
		err = startup(o, res, fs.Args())
	case "topic":
		err = ensureTopic(o)
	case "droptopic":
		dropTopic(o)
	default:
		fatal("unknown mode %s", o.mode)
	}
	if err != nil {
		res.bad = append(res.bad, err.Error())
	}
	if o.drop {
		dropTopic(o)
	}
	res.print(o.json)
	if len(res.bad) > 0 {
		os.Exit(1)
	}
}

// readable waits until the broker has indexed what it acknowledged (the Java broker does so in the background).
func readable(o *opts, n int64) {
	for i := 0; i < 3000; i++ {
		r, err := preparePull(o, o.group, 1, true)
		if err != nil {
			return
		}
		var sum int64
		for _, p := range r.ps {
			for _, q := range p.qs {
				sum += q.off
			}
			p.conn.Close()
		}
		if sum >= n {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// firstSend keeps trying the whole way a new client goes: route, topic, connection, send.
func firstSend(o *opts) error {
	var last error
	for t := time.Now(); time.Since(t) < 2*time.Minute; time.Sleep(2 * time.Millisecond) {
		if o.create {
			if _, last = masters(o.ns, o.enc); last != nil {
				continue
			}
			if last = ensureTopic(o); last != nil {
				continue
			}
		}
		var r *sendRun
		if r, last = startSend(o, 1); last != nil {
			continue
		}
		x := &result{}
		if r.finish(x) == 1 {
			return nil
		}
		last = fmt.Errorf("%v", x.bad)
	}
	return fmt.Errorf("no send succeeded in 2 minutes: %v", last)
}

func startup(o *opts, res *result, cmd []string) error {
	if len(cmd) == 0 {
		return fmt.Errorf("startup needs -- COMMAND")
	}
	c := exec.Command(cmd[0], cmd[1:]...)
	c.Stderr = os.Stderr
	t := time.Now()
	if err := c.Start(); err != nil {
		return err
	}
	if err := firstSend(o); err != nil {
		return err
	}
	res.set("first_send_ms", float64(time.Since(t).Microseconds())/1e3)
	if o.pidfile == "" && len(o.pids) == 0 {
		if v, err := pidCPU(c.Process.Pid); err == nil {
			res.set("first_send_cpu_s", v)
		}
	} else if b, err := os.ReadFile(o.pidfile); err == nil { // CPU time is not bent by other load on the machine
		var sum float64
		for _, l := range strings.Split(string(b), "\n") {
			if f := strings.Fields(l); len(f) > 1 {
				n, _ := strconv.Atoi(f[1])
				v, _ := pidCPU(n)
				sum += v
				res.set("first_send_cpu_s_"+f[0], v)
			}
		}
		res.set("first_send_cpu_s", sum)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	time.Sleep(o.duration)
	pids := o.pids
	if o.pidfile != "" {
		b, err := os.ReadFile(o.pidfile)
		if err != nil {
			return err
		}
		for _, l := range strings.Split(string(b), "\n") {
			if f := strings.Fields(l); len(f) > 1 {
				n, _ := strconv.Atoi(f[1])
				pids = append(pids, n)
				rss, anon := pidMem(n)
				res.set("idle_rss_mb_"+f[0], rss)
				res.set("idle_anon_mb_"+f[0], anon)
			}
		}
	}
	if len(pids) == 0 {
		pids = pidList{c.Process.Pid}
	}
	var a, b float64
	for _, p := range pids {
		rss, anon := pidMem(p)
		a += rss
		b += anon
	}
	res.set("idle_rss_mb", a)
	res.set("idle_anon_mb", b)
	sm := startSampler(pids)
	time.Sleep(o.duration)
	r2 := &result{}
	sm.end(r2, 0, "")
	res.set("idle_cpu_cores", r2.get("server_cpu_cores"))
	if o.pidfile == "" {
		select {
		case <-done:
		default: // a server in the foreground, started here: end it
			t := time.Now()
			c.Process.Signal(os.Interrupt)
			select {
			case <-done:
			case <-time.After(30 * time.Second):
				c.Process.Kill()
			}
			res.set("stop_ms", float64(time.Since(t).Microseconds())/1e3)
		}
	}
	return nil
}

// compare prints the figures that matter side by side, with B/A ratios.
func compare(files []string) {
	if len(files) != 2 {
		fatal("compare A.json B.json")
	}
	type rec struct {
		Name    string             `json:"name"`
		Metrics map[string]float64 `json:"metrics"`
		OK      bool               `json:"ok"`
	}
	load := func(f string) (m map[string]rec, names []string) {
		b, err := os.ReadFile(f)
		if err != nil {
			fatal("%v", err)
		}
		m = map[string]rec{}
		for _, l := range strings.Split(string(b), "\n") {
			var r rec
			if json.Unmarshal([]byte(l), &r) == nil && r.Name != "" && r.Metrics != nil {
				if _, ok := m[r.Name]; !ok {
					names = append(names, r.Name)
				}
				m[r.Name] = r
			}
		}
		return
	}
	a, names := load(files[0])
	b, nb := load(files[1])
	for _, n := range nb {
		if _, ok := a[n]; !ok {
			names = append(names, n)
		}
	}
	higher := func(k string) bool { return strings.HasSuffix(k, "_per_s") }
	want := []string{"msgs_per_s", "delivered_per_s", "lat_p50_us", "lat_p99_us", "lat_p999_us", "e2e_p50_us", "e2e_p99_us", "e2e_p999_us", "ack_p99_us",
		"server_cpu_us_per_msg", "server_cpu_us_per_delivery", "server_peak_rss_mb", "server_peak_anon_mb", "lost", "corrupted", "errors",
		"write_msgs_per_s", "write_server_cpu_us_per_msg", "read_msgs_per_s", "read_server_cpu_us_per_msg", "read_lost",
		"first_send_ms", "first_send_cpu_s", "idle_rss_mb", "idle_anon_mb", "idle_cpu_cores", "server_cpu_cores"}
	fmt.Printf("A = %s\nB = %s\n\n%-24s %-28s %14s %14s %9s\n", files[0], files[1], "workload", "figure", "A", "B", "B/A")
	win, lose := 0, 0
	for _, n := range names {
		ra, oka := a[n]
		rb, okb := b[n]
		first := n
		keys := append([]string(nil), want...)
		sort.SliceStable(keys, func(i, j int) bool { return false })
		for _, k := range keys {
			va, x := ra.Metrics[k]
			vb, y := rb.Metrics[k]
			if !x && !y || k == "server_cpu_cores" && !strings.HasPrefix(n, "idle") {
				continue
			}
			if (k == "lost" || k == "corrupted" || k == "errors" || k == "read_lost") && va == 0 && vb == 0 {
				continue
			}
			sa, sb, ratio, mark := "-", "-", "", ""
			if x {
				sa = num(va)
			}
			if y {
				sb = num(vb)
			}
			if x && y && va != 0 {
				q := vb / va
				ratio = fmt.Sprintf("%.2f", q)
				if better := q > 1 == higher(k); q > 1.05 || q < 0.95 {
					if better {
						mark = " B better"
						win++
					} else {
						mark = " A better"
						lose++
					}
				}
			}
			fmt.Printf("%-24s %-28s %14s %14s %9s%s\n", first, k, sa, sb, ratio, mark)
			first = ""
		}
		if oka && !ra.OK {
			fmt.Printf("%-24s A reported a problem\n", first)
		}
		if okb && !rb.OK {
			fmt.Printf("%-24s B reported a problem\n", first)
		}
	}
	fmt.Printf("\nfigures by more than 5 %%: B better %d, A better %d\n", win, lose)
}
