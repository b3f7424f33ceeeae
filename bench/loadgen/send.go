package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const busyRetries = 50

type slot struct {
	seq   uint64
	op    int
	t0    int64
	tries int
}

// sender is one connection with a window of requests in flight; one goroutine both writes and reads, so that
// requests go out in groups as answers come in, without locks or wake-ups between threads.
type sender struct {
	o        *opts
	id       uint32
	qs       []queue
	conn     net.Conn
	fr       *frames
	tm       *template
	body     []byte
	batchBuf []byte
	slots    []slot
	free     []int32
	retry    []int32
	inflight int
	gen      int
	seq      uint64
	began    int64
	left     int64 // messages still to send; <0: until stopped
	wbuf     []byte
	h        hist
	sent     uint64
	acked    atomic.Uint64
	codes    map[int]uint64
	lastErr  string
	err      error
	q10, q20 []byte
}

func producerGroup(o *opts) string { return "PG_" + o.topic }

// sendFields: header 310 with its one-letter names. Variable: e queue, g born time, i properties.
func sendTemplate(o *opts, broker string) *template {
	code := cSendV2
	m := "false"
	if o.batch > 1 {
		code, m = cSendBatch, "true"
	}
	return newTemplate(o.enc, code, []field{{"a", producerGroup(o)}, {"b", o.topic}, {"c", "TBW102"}, {"d", "4"}, {"f", "0"},
		{"h", "0"}, {"j", "0"}, {"k", "false"}, {"l", "0"}, {"m", m}, {"n", broker}}, "e", "g", "i")
}

const hexd = "0123456789ABCDEF"

func appendUniq(b []byte, run, stream uint32, seq uint64) []byte {
	for i := 28; i >= 0; i -= 4 {
		b = append(b, hexd[run>>uint(i)&15])
	}
	for i := 28; i >= 0; i -= 4 {
		b = append(b, hexd[stream>>uint(i)&15])
	}
	for i := 60; i >= 0; i -= 4 {
		b = append(b, hexd[seq>>uint(i)&15])
	}
	return b
}

// appendProps: what the official client sets on every message. esc: the separators as JSON escapes.
func appendProps(b []byte, o *opts, stream uint32, seq uint64, esc bool) []byte {
	s1, s2 := "\x01", "\x02"
	if esc {
		s1, s2 = `\u0001`, `\u0002`
	}
	if !o.noUniq {
		b = append(append(b, "UNIQ_KEY"...), s1...)
		b = append(appendUniq(b, o.run, stream, seq), s2...)
	}
	if o.tag != "" {
		b = append(append(append(append(b, "TAGS"...), s1...), o.tag...), s2...)
	}
	return append(append(append(b, "WAIT"...), s1...), "true"...)
}

func newSender(o *opts, id uint32, all []queue) (*sender, error) {
	// a connection goes to one broker and serves its queues
	var brokers []string
	by := map[string][]queue{}
	for _, q := range all {
		if by[q.broker] == nil {
			brokers = append(brokers, q.broker)
		}
		by[q.broker] = append(by[q.broker], q)
	}
	qs := by[brokers[int(id)%len(brokers)]]
	s := &sender{o: o, id: id, qs: qs, codes: map[int]uint64{}, left: -1}
	c, err := dial(qs[0].addr)
	if err != nil {
		return nil, err
	}
	s.conn, s.fr = c, newFrames(c)
	s.tm = sendTemplate(o, qs[0].broker)
	s.body = newBody(o.size, o.run, id)
	s.slots = make([]slot, o.window)
	for i := o.window - 1; i >= 0; i-- {
		s.free = append(s.free, int32(i))
	}
	cl := &client{c: c, fr: s.fr, enc: o.enc, op: 1 << 30}
	if _, err := cl.call(cHeartbeat, nil, heartbeatBody(fmt.Sprintf("127.0.0.1@%d-%d", o.run, id), producerGroup(o), "", "")); err != nil {
		return nil, err
	}
	return s, nil
}

// due: with --rate, whether this connection's share allows one more request by now.
func (s *sender) due(now int64) bool {
	if s.o.rate <= 0 || s.o.mode != "send" {
		return true
	}
	if s.began == 0 {
		s.began = now
	}
	return float64(s.seq) <= float64(now-s.began)/1e9*s.o.rate/float64(s.o.conns)
}

func (s *sender) build(i int32, now int64) {
	sl := &s.slots[i]
	o := s.o
	q := &s.qs[int((sl.seq/uint64(o.batch)+uint64(s.id))%uint64(len(s.qs)))]
	s.gen++
	sl.op = (s.gen<<16 | int(i)) & 0x3fffffff
	sl.t0 = now
	s.q10 = strconv.AppendInt(s.q10[:0], int64(q.id), 10)
	s.q20 = strconv.AppendInt(s.q20[:0], now/1e6, 10)
	var pb [160]byte
	props := appendProps(pb[:0], o, s.id, sl.seq, o.enc == encJSON)
	at := len(s.wbuf)
	s.wbuf = s.tm.head(s.wbuf, sl.op, s.q10, s.q20, props)
	if o.batch == 1 {
		stampBody(s.body, sl.seq, now)
		s.wbuf = finishFrame(s.wbuf, at, o.enc, s.body)
		return
	}
	b := s.batchBuf[:0]
	for k := 0; k < o.batch; k++ {
		seq := sl.seq + uint64(k)
		stampBody(s.body, seq, now)
		p := appendProps(pb[:0], o, s.id, seq, false)
		b = binary.BigEndian.AppendUint32(b, uint32(4+4+4+4+4+len(s.body)+2+len(p)))
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) // magic, body CRC, flag
		b = binary.BigEndian.AppendUint32(b, uint32(len(s.body)))
		b = append(b, s.body...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(p)))
		b = append(b, p...)
	}
	s.batchBuf = b
	s.wbuf = finishFrame(s.wbuf, at, o.enc, b)
}

func (s *sender) run(stop, rec *atomic.Bool) {
	defer s.conn.Close()
	for {
		stopping := stop.Load()
		if stopping {
			s.retry = s.retry[:0]
		}
		s.wbuf = s.wbuf[:0]
		now := time.Now().UnixNano()
		for len(s.retry) > 0 {
			s.build(s.retry[len(s.retry)-1], now)
			s.retry = s.retry[:len(s.retry)-1]
			s.inflight++
		}
		for len(s.free) > 0 && !stopping && s.left != 0 && s.due(now) {
			i := s.free[len(s.free)-1]
			s.free = s.free[:len(s.free)-1]
			s.slots[i] = slot{seq: s.seq}
			s.seq += uint64(s.o.batch)
			s.sent += uint64(s.o.batch)
			if s.left > 0 {
				s.left -= int64(s.o.batch)
				if s.left < 0 {
					s.left = 0
				}
			}
			s.build(i, now)
			s.inflight++
			if len(s.wbuf) > 512<<10 {
				break
			}
		}
		if len(s.wbuf) > 0 {
			s.conn.SetWriteDeadline(time.Now().Add(15 * time.Second))
			if _, err := s.conn.Write(s.wbuf); err != nil {
				s.err = err
				return
			}
		}
		if s.inflight == 0 {
			if len(s.retry) == 0 && (stopping || s.left == 0) {
				return
			}
			if s.o.rate > 0 && !s.due(now) {
				time.Sleep(200 * time.Microsecond)
			}
			continue
		}
		s.conn.SetReadDeadline(time.Now().Add(15 * time.Second))
		if err := s.fr.fill(); err != nil {
			s.err = err
			return
		}
		t := time.Now().UnixNano()
		record := rec.Load()
		var ok uint64
		busy := false
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
			if flag&1 == 0 {
				continue
			}
			i := int32(op & 0xffff)
			if op < 0 || int(i) >= len(s.slots) || s.slots[i].op != op {
				continue
			}
			sl := &s.slots[i]
			sl.op = -1
			s.inflight--
			if code != rOK {
				s.codes[code]++
			}
			switch code {
			case rOK, rFlushDiskTO, rSlaveNotAvail, rFlushSlaveTO: // stored in each case
				ok += uint64(s.o.batch)
				if record {
					s.h.add(t - sl.t0)
				}
				s.free = append(s.free, i)
			default:
				_, rm := f.ext()
				s.lastErr = fmt.Sprintf("code %d %s", code, rm)
				if sl.tries++; sl.tries > busyRetries {
					s.err = fmt.Errorf("gave up after %d tries: %s", busyRetries, s.lastErr)
					return
				}
				busy = true
				s.retry = append(s.retry, i)
			}
		}
		if ok > 0 {
			s.acked.Add(ok)
		}
		if busy {
			time.Sleep(2 * time.Millisecond)
		}
	}
}

type sendRun struct {
	ss       []*sender
	stop     atomic.Bool
	rec      atomic.Bool
	wg       sync.WaitGroup
	firstErr error
}

func startSend(o *opts, left int64) (*sendRun, error) {
	wr, _, err := route(o.ns, o.enc, o.topic)
	if err != nil {
		return nil, err
	}
	r := &sendRun{}
	for i := 0; i < o.conns; i++ {
		s, err := newSender(o, uint32(i+1), wr)
		if err != nil {
			return nil, err
		}
		if left >= 0 {
			s.left = left / int64(o.conns)
			if i == 0 {
				s.left += left % int64(o.conns)
			}
			s.left -= s.left % int64(o.batch)
		}
		r.ss = append(r.ss, s)
	}
	for _, s := range r.ss {
		r.wg.Add(1)
		go func(s *sender) { defer r.wg.Done(); s.run(&r.stop, &r.rec) }(s)
	}
	return r, nil
}

func (r *sendRun) acked() (n uint64) {
	for _, s := range r.ss {
		n += s.acked.Load()
	}
	return
}

func (r *sendRun) finish(res *result) (total uint64) {
	r.wg.Wait()
	codes := map[int]uint64{}
	var errs uint64
	h := &hist{}
	for _, s := range r.ss {
		h.merge(&s.h)
		for c, n := range s.codes {
			codes[c] += n
			errs += n
		}
		if s.err != nil {
			res.bad = append(res.bad, fmt.Sprintf("connection %d: %v", s.id, s.err))
		}
		if s.lastErr != "" {
			res.note = s.lastErr
		}
	}
	h.into(res, "lat_")
	res.set("errors", float64(errs))
	for c, n := range codes {
		res.set(fmt.Sprintf("code_%d", c), float64(n))
	}
	return r.acked()
}

// runSend: closed loop; with a duration only what falls between warm-up and end is measured.
func runSend(o *opts, res *result) (uint64, error) {
	if err := ensureTopic(o); err != nil {
		return 0, err
	}
	left := int64(-1)
	if o.count > 0 {
		left = o.count
	}
	settle(o.pids)
	var sm *sampler
	var a0 uint64
	if left >= 0 {
		sm = startSampler(o.pids)
	}
	cpu0 := sumCPU(o.pids)
	t0 := time.Now()
	r, err := startSend(o, left)
	if err != nil {
		return 0, err
	}
	var n uint64
	var d time.Duration
	if left >= 0 {
		r.rec.Store(true)
		r.wg.Wait()
		d = time.Since(t0)
		n = r.acked()
		sm.end(res, float64(n), "")
	} else {
		time.Sleep(o.warmup)
		r.rec.Store(true)
		sm = startSampler(o.pids)
		cpu0 = sumCPU(o.pids)
		t1 := time.Now()
		a0 = r.acked()
		time.Sleep(o.duration)
		r.rec.Store(false)
		n, d = r.acked()-a0, time.Since(t1)
		sm.end(res, float64(n), "")
		r.stop.Store(true)
	}
	res.set("messages", float64(n))
	res.set("seconds", d.Seconds())
	res.set("msgs_per_s", float64(n)/d.Seconds())
	res.set("mb_per_s", float64(n)*float64(len(r.ss[0].body))/d.Seconds()/1e6)
	total := r.finish(res)
	if len(o.pids) > 0 {
		res.set("settle_s", settle(o.pids).Seconds())
		if x := total - a0; x > 0 { // all that these messages cost, with what the broker did afterwards
			res.set("server_cpu_us_per_msg_window", res.get("server_cpu_us_per_msg"))
			res.set("server_cpu_us_per_msg", (sumCPU(o.pids)-cpu0)*1e6/float64(x))
		}
	}
	return total, nil
}
