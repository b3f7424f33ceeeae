package main

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

type pq struct {
	q         queue
	off, end  int64 // end <0: follow the tail
	committed int64
	op        int
	done      bool
}

// puller is one connection that keeps one pull outstanding for each of its queues. As the official push
// consumer does, it sends the next pull before it handles the messages of the last.
type puller struct {
	o       *opts
	group   string
	conn    net.Conn
	fr      *frames
	tm, cm  *template
	qs      []*pq
	v       *verifier
	h       hist
	lat     bool
	gap     *readableGap
	got     atomic.Uint64
	pulls   uint64
	empties uint64
	gen     int
	wbuf    []byte
	lastBeg int64
	err     error
	lastAt  atomic.Int64
}

var kNext = []byte(`"nextBeginOffset"`)

func newPuller(o *opts, group string, id int, qs []queue) (*puller, error) {
	c, err := dial(qs[0].addr)
	if err != nil {
		return nil, err
	}
	p := &puller{o: o, group: group, conn: c, fr: newFrames(c), v: newVerifier(o.run, len(qs))}
	for _, q := range qs {
		p.qs = append(p.qs, &pq{q: q, end: -1})
	}
	p.tm = newTemplate(o.enc, cPull, []field{{"consumerGroup", group}, {"topic", o.topic}, {"maxMsgNums", strconv.Itoa(o.max)},
		{"sysFlag", "2"}, {"commitOffset", "0"}, {"suspendTimeoutMillis", "15000"}, {"subVersion", strconv.FormatInt(subVersion, 10)},
		{"expressionType", "TAG"}, {"bname", qs[0].broker}}, "queueId", "queueOffset")
	p.cm = newTemplate(o.enc, cUpdateOffset, []field{{"consumerGroup", group}, {"topic", o.topic}, {"bname", qs[0].broker}}, "queueId", "commitOffset")
	return p, p.heartbeat(id)
}

func (p *puller) heartbeat(id int) error {
	cl := &client{c: p.conn, fr: p.fr, enc: p.o.enc, op: 1 << 30}
	r, err := cl.call(cHeartbeat, nil, heartbeatBody(fmt.Sprintf("127.0.0.1@%d-c%d", p.o.run, id), "", p.group, p.o.topic))
	if err == nil && r.code != 0 {
		err = fmt.Errorf("heartbeat: code %d %s", r.code, r.remark)
	}
	return err
}

func (p *puller) maxOffset(q queue) (int64, error) {
	cl := &client{c: p.conn, fr: p.fr, enc: p.o.enc, op: 1<<30 + 100 + q.id*2}
	r, err := cl.call(cMaxOffset, []field{{"topic", p.o.topic}, {"queueId", strconv.Itoa(q.id)}, {"bname", q.broker}}, nil)
	if err != nil {
		return 0, err
	}
	if r.code != 0 {
		return 0, fmt.Errorf("max offset: code %d %s", r.code, r.remark)
	}
	return strconv.ParseInt(r.ext["offset"], 10, 64)
}

func (p *puller) ask(i int) {
	q := p.qs[i]
	p.gen++
	q.op = (p.gen<<12 | i) & 0x3fffffff
	var a, b [24]byte
	at := len(p.wbuf)
	p.wbuf = p.tm.head(p.wbuf, q.op, strconv.AppendInt(a[:0], int64(q.q.id), 10), strconv.AppendInt(b[:0], q.off, 10))
	p.wbuf = finishFrame(p.wbuf, at, p.o.enc, nil)
	p.pulls++
}

func (p *puller) flush() error {
	if len(p.wbuf) == 0 {
		return nil
	}
	p.conn.SetWriteDeadline(time.Now().Add(15 * time.Second))
	_, err := p.conn.Write(p.wbuf)
	p.wbuf = p.wbuf[:0]
	return err
}

// commit sends the offsets as one-way requests, as the official client does every 5 s.
func (p *puller) commit() {
	for _, q := range p.qs {
		if q.off == q.committed {
			continue
		}
		var a, b [24]byte
		at := len(p.wbuf)
		p.wbuf = p.cm.head(p.wbuf, 1<<29, strconv.AppendInt(a[:0], int64(q.q.id), 10), strconv.AppendInt(b[:0], q.off, 10))
		p.wbuf = finishFrame(p.wbuf, at, p.o.enc, nil)
		q.committed = q.off
	}
}

func (p *puller) run(stop, rec *atomic.Bool) {
	defer p.conn.Close()
	open := 0
	for i, q := range p.qs {
		if q.end >= 0 && q.off >= q.end {
			q.done = true
			continue
		}
		p.ask(i)
		open++
	}
	lastCommit := time.Now()
	type got struct {
		body []byte
		i    int
		want int64
	}
	var todo []got
	for open > 0 && !stop.Load() {
		if err := p.flush(); err != nil {
			p.err = err
			return
		}
		p.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if err := p.fr.fill(); err != nil {
			if !stop.Load() {
				p.err = err
			}
			return
		}
		at := time.Now()
		now := at.UnixNano()
		record := rec.Load()
		todo = todo[:0]
		for {
			f, have, err := p.fr.pop()
			if err != nil {
				p.err = err
				return
			}
			if !have {
				break
			}
			code, op, flag := f.info()
			if flag&1 == 0 || op < 0 {
				continue
			}
			i := op & 0xfff
			if i >= len(p.qs) || p.qs[i].op != op {
				continue
			}
			q := p.qs[i]
			q.op = -1
			next, ok := f.extInt(kNext, "nextBeginOffset")
			switch code {
			case rOK:
				todo = append(todo, got{f.body, i, q.off})
			case rNotFound, rRetryNow, rOffsetMoved:
				p.empties++
			default:
				_, rm := f.ext()
				p.err = fmt.Errorf("pull: code %d %s", code, rm)
				return
			}
			if ok {
				q.off = next
			}
			if q.end >= 0 && q.off >= q.end {
				q.done = true
				open--
				continue
			}
			p.ask(i)
		}
		if at.Sub(lastCommit) > 5*time.Second {
			p.commit()
			lastCommit = at
		}
		if err := p.flush(); err != nil {
			p.err = err
			return
		}
		for _, g := range todo {
			before := p.v.msgs
			on := func(sched int64) {
				if record {
					p.h.add(now - sched)
				}
				if p.gap != nil {
					p.gap.arrive(sched, now)
				}
			}
			if !p.lat {
				on = nil
			}
			p.v.messages(g.body, g.i, p.qs[g.i].q.id, g.want, on)
			p.got.Add(p.v.msgs - before)
		}
		if len(todo) > 0 {
			p.lastAt.Store(now)
		}
	}
	p.commit()
	p.flush()
}

type pullRun struct {
	ps   []*puller
	stop atomic.Bool
	rec  atomic.Bool
	wg   sync.WaitGroup
}

// preparePull opens the connections of one group; tail: start at the present ends, else from 0 up to them.
func preparePull(o *opts, group string, conns int, tail bool) (*pullRun, error) {
	_, rd, err := route(o.ns, o.enc, o.topic)
	if err != nil {
		return nil, err
	}
	by := map[string][]queue{}
	var names []string
	for _, q := range rd {
		if by[q.broker] == nil {
			names = append(names, q.broker)
		}
		by[q.broker] = append(by[q.broker], q)
	}
	r := &pullRun{}
	for _, n := range names {
		qs := by[n]
		c := conns
		if c > len(qs) {
			c = len(qs)
		}
		for i := 0; i < c; i++ {
			var mine []queue
			for k := i; k < len(qs); k += c {
				mine = append(mine, qs[k])
			}
			p, err := newPuller(o, group, len(r.ps), mine)
			if err != nil {
				return nil, err
			}
			for _, q := range p.qs {
				m, err := p.maxOffset(q.q)
				if err != nil {
					return nil, err
				}
				if tail {
					q.off = m
				} else {
					q.end = m
				}
			}
			r.ps = append(r.ps, p)
		}
	}
	return r, nil
}

func (r *pullRun) start() {
	for _, p := range r.ps {
		r.wg.Add(1)
		go func(p *puller) { defer r.wg.Done(); p.run(&r.stop, &r.rec) }(p)
	}
}

func (r *pullRun) halt() {
	r.stop.Store(true)
	for _, p := range r.ps {
		p.conn.SetReadDeadline(time.Now())
	}
	r.wg.Wait()
}

func (r *pullRun) got() (n uint64) {
	for _, p := range r.ps {
		n += p.got.Load()
	}
	return
}

func (r *pullRun) verifiers() (vs []*verifier) {
	for _, p := range r.ps {
		vs = append(vs, p.v)
	}
	return
}

func (r *pullRun) errs(res *result) {
	for i, p := range r.ps {
		if p.err != nil {
			res.bad = append(res.bad, fmt.Sprintf("consumer %d of %s: %v", i, p.group, p.err))
		}
	}
}

// runPull reads a topic from its beginning (or follows its tail for a duration) and verifies every message.
func runPull(o *opts, res *result, prefix string, expect int64) error {
	r, err := preparePull(o, o.group, o.conns, o.tail)
	if err != nil {
		return err
	}
	var end int64
	for _, p := range r.ps {
		p.lat = o.tail
		for _, q := range p.qs {
			if q.end > 0 {
				end += q.end
			}
		}
	}
	r.rec.Store(true)
	settle(o.pids)
	sm := startSampler(o.pids)
	t0 := time.Now()
	r.start()
	if o.tail {
		time.Sleep(o.duration)
		r.halt()
	} else {
		done := make(chan struct{})
		go func() { r.wg.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(o.limit):
			res.bad = append(res.bad, prefix+"did not finish in time")
			r.halt()
		}
	}
	d := time.Since(t0)
	var n, by, pulls, empties uint64
	h := &hist{}
	for _, p := range r.ps {
		n += p.v.msgs
		by += p.v.bytes
		pulls += p.pulls
		empties += p.empties
		h.merge(&p.h)
	}
	sm.end(res, float64(n), prefix)
	res.set(prefix+"messages", float64(n))
	res.set(prefix+"seconds", d.Seconds())
	res.set(prefix+"msgs_per_s", float64(n)/d.Seconds())
	res.set(prefix+"mb_per_s", float64(by)/d.Seconds()/1e6)
	res.set(prefix+"pulls", float64(pulls))
	if pulls > empties {
		res.set(prefix+"msgs_per_pull", float64(n)/float64(pulls-empties))
	}
	h.into(res, prefix+"lat_")
	verdict(r.verifiers(), expect, res, prefix)
	r.errs(res)
	return nil
}
