package main

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// openSender sends at a fixed rate whatever the broker does; latency counts from the time a message was due.
type openSender struct {
	*sender
	sched [1 << 16]int64
	ack   hist
	lag   hist
	gap   *readableGap
	nack  atomic.Uint64
	nsent atomic.Uint64
}

func (s *openSender) write(start time.Time, period time.Duration, stop, rec *atomic.Bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	next := start.UnixNano() + int64(period)*int64(s.id-1)/int64(s.o.conns)
	for !stop.Load() {
		now := time.Now().UnixNano()
		if next > now {
			ts := syscall.NsecToTimespec(next - now)
			syscall.Nanosleep(&ts, nil)
			continue
		}
		s.wbuf = s.wbuf[:0]
		n := 0
		for next <= now && len(s.wbuf) < 256<<10 && s.nsent.Load()+uint64(n)-s.nack.Load() < 60000 {
			op := int(s.seq & 0x3fffffff)
			s.sched[op&0xffff] = next
			if rec.Load() {
				s.lag.add(now - next)
			}
			q := &s.qs[int((s.seq+uint64(s.id))%uint64(len(s.qs)))]
			s.q10 = strconv.AppendInt(s.q10[:0], int64(q.id), 10)
			s.q20 = strconv.AppendInt(s.q20[:0], now/1e6, 10)
			var pb [160]byte
			props := appendProps(pb[:0], s.o, s.id, s.seq, s.o.enc == encJSON)
			at := len(s.wbuf)
			s.wbuf = s.tm.head(s.wbuf, op, s.q10, s.q20, props)
			stampBody(s.body, s.seq, next)
			s.wbuf = finishFrame(s.wbuf, at, s.o.enc, s.body)
			s.seq++
			n++
			next += int64(period)
		}
		if n == 0 { // 60,000 requests unanswered: the broker is far behind
			time.Sleep(time.Millisecond)
			continue
		}
		s.nsent.Add(uint64(n))
		s.conn.SetWriteDeadline(time.Now().Add(15 * time.Second))
		if _, err := s.conn.Write(s.wbuf); err != nil {
			s.err = err
			return
		}
	}
}

func (s *openSender) read(quit, rec *atomic.Bool) {
	for {
		s.conn.SetReadDeadline(time.Now().Add(15 * time.Second))
		if quit.Load() && s.nack.Load() >= s.nsent.Load() {
			return
		}
		if err := s.fr.fill(); err != nil {
			if !quit.Load() || s.nack.Load() < s.nsent.Load() {
				s.err = err
			}
			return
		}
		t := time.Now().UnixNano()
		record := rec.Load()
		var n uint64
		for {
			f, have, err := s.fr.pop()
			if err != nil {
				s.err = err
				return
			}
			if !have {
				break
			}
			code, op, flag := f.info()
			if flag&1 == 0 || op < 0 {
				continue
			}
			n++
			if code != rOK {
				s.codes[code]++
				if code != rFlushDiskTO && code != rSlaveNotAvail && code != rFlushSlaveTO {
					_, rm := f.ext()
					s.lastErr = fmt.Sprintf("code %d %s", code, rm)
					continue
				}
			}
			s.acked.Add(1)
			if s.gap != nil {
				s.gap.ack(s.sched[op&0xffff], t)
			}
			if record {
				s.ack.add(t - s.sched[op&0xffff])
			}
		}
		s.nack.Add(n)
	}
}

// runE2E: producers (open loop at a rate, or closed loop when the rate is 0) and G groups at the tail.
func runE2E(o *opts, res *result) error {
	if err := ensureTopic(o); err != nil {
		return err
	}
	settle(o.pids)
	var groups []*pullRun
	for g := 0; g < o.groups; g++ {
		name := o.group
		if o.groups > 1 {
			name = fmt.Sprintf("%s_%d", o.group, g)
		}
		r, err := preparePull(o, name, o.readers, true)
		if err != nil {
			return err
		}
		for _, p := range r.ps {
			p.lat = true
		}
		groups = append(groups, r)
	}
	var gap *readableGap
	if o.groups == 1 && o.rate > 0 {
		gap = newReadableGap()
		for _, p := range groups[0].ps {
			p.gap = gap
		}
	}
	for _, g := range groups {
		g.start()
	}
	got := func() (n uint64) {
		for _, g := range groups {
			n += g.got()
		}
		return
	}
	setRec := func(b bool) {
		for _, g := range groups {
			g.rec.Store(b)
		}
	}
	time.Sleep(300 * time.Millisecond)

	var sent func() uint64
	var stopSend func() uint64
	var rec *atomic.Bool
	if o.rate > 0 {
		wr, _, err := route(o.ns, o.enc, o.topic)
		if err != nil {
			return err
		}
		var ss []*openSender
		var stop, quit, record atomic.Bool
		var ww, wrd sync.WaitGroup
		rec = &record
		period := time.Duration(float64(time.Second) * float64(o.conns) / o.rate)
		for i := 0; i < o.conns; i++ {
			b, err := newSender(o, uint32(i+1), wr)
			if err != nil {
				return err
			}
			ss = append(ss, &openSender{sender: b, gap: gap})
		}
		start := time.Now().Add(20 * time.Millisecond)
		for _, s := range ss {
			ww.Add(1)
			wrd.Add(1)
			go func(s *openSender) { defer ww.Done(); s.write(start, period, &stop, &record) }(s)
			go func(s *openSender) { defer wrd.Done(); s.read(&quit, &record) }(s)
		}
		sent = func() (n uint64) {
			for _, s := range ss {
				n += s.acked.Load()
			}
			return
		}
		stopSend = func() uint64 {
			stop.Store(true)
			ww.Wait()
			quit.Store(true)
			for i := 0; i < 500; i++ { // wait for the last answers
				left := uint64(0)
				for _, s := range ss {
					left += s.nsent.Load() - s.nack.Load()
				}
				if left == 0 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			for _, s := range ss {
				s.conn.SetReadDeadline(time.Now())
			}
			wrd.Wait()
			ack, lag := &hist{}, &hist{}
			var errs uint64
			for _, s := range ss {
				ack.merge(&s.ack)
				lag.merge(&s.lag)
				for c, n := range s.codes {
					errs += n
					res.set(fmt.Sprintf("code_%d", c), float64(n))
				}
				if s.err != nil {
					res.bad = append(res.bad, s.err.Error())
				}
				if s.lastErr != "" {
					res.note = s.lastErr
				}
				s.conn.Close()
			}
			ack.into(res, "ack_")
			res.set("client_lag_p99_us", lag.q(0.99))
			res.set("errors", float64(errs))
			return sent()
		}
	} else {
		r, err := startSend(o, -1)
		if err != nil {
			return err
		}
		rec = &r.rec
		sent = r.acked
		stopSend = func() uint64 {
			r.stop.Store(true)
			return r.finish(res)
		}
	}
	time.Sleep(o.warmup)
	rec.Store(true)
	setRec(true)
	sm := startSampler(o.pids)
	s0, g0, t1 := sent(), got(), time.Now()
	time.Sleep(o.duration)
	rec.Store(false)
	setRec(false)
	s1, g1 := sent(), got()
	d := time.Since(t1)
	sm.end(res, float64(s1-s0), "")
	total := stopSend()
	tq := time.Now()
	for time.Since(tq) < 20*time.Second && got() < total*uint64(o.groups) {
		time.Sleep(5 * time.Millisecond)
	}
	drain := time.Since(tq)
	for _, g := range groups {
		g.halt()
	}
	h := &hist{}
	for _, g := range groups {
		for _, p := range g.ps {
			h.merge(&p.h)
		}
	}
	res.set("messages", float64(s1-s0))
	res.set("seconds", d.Seconds())
	res.set("msgs_per_s", float64(s1-s0)/d.Seconds())
	res.set("delivered_per_s", float64(g1-g0)/d.Seconds())
	res.set("drain_s", drain.Seconds())
	if len(o.pids) > 0 && g1 > g0 {
		res.set("server_cpu_us_per_delivery", sm.cpu*1e6/float64(g1-g0))
	}
	h.into(res, "e2e_")
	if gap != nil {
		gap.h.into(res, "readable_")
	}
	var all []*verifier
	if o.groups == 1 {
		all = groups[0].verifiers()
		verdict(all, int64(total), res, "")
	} else {
		var lost, dup, corrupt, reord float64
		for _, g := range groups {
			t := &result{}
			verdict(g.verifiers(), int64(total), t, "")
			lost += t.get("lost")
			dup += t.get("duplicated")
			corrupt += t.get("corrupted")
			reord += t.get("reordered")
			res.bad = append(res.bad, t.bad...)
		}
		res.set("lost", lost)
		res.set("duplicated", dup)
		res.set("reordered", reord)
		res.set("corrupted", corrupt)
	}
	for _, g := range groups {
		g.errs(res)
	}
	return nil
}
