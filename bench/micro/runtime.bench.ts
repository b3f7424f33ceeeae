/**
 * What the runtime costs, in CPU time (user and system, all threads): a ring record, the codec, timers, a message and a question to another thread.
 * Run: node bench/micro/runtime.bench.ts
 */
import { ActorSystem } from '../../runtime/actor-system.ts';
import { RingReader, RingWriter } from '../../runtime/ring/ring-buffer.ts';
import { createRing } from '../../runtime/ring/ring-layout.ts';
import { SlotCodec } from '../../runtime/ring/slot-codec.ts';
import { TimerWheel } from '../../runtime/timer-wheel.ts';
import type { EchoCommand, EchoReply } from '../../test/runtime/support/echo-thread.ts';

const RECORDS = 5_000_000;
const MESSAGES = 500_000;
const TIMERS = 2_000_000;
const TELLS = 300_000;
const ASKS = 5_000;

function show(name: string, rounds: number, cpu: NodeJS.CpuUsage, beganMs: number): void {
  const nanoseconds = ((cpu.user + cpu.system) * 1000) / rounds;
  const wall = ((performance.now() - beganMs) * 1e6) / rounds;
  console.log(`${name.padEnd(56)} ${nanoseconds.toFixed(0).padStart(7)} ns CPU ${wall.toFixed(0).padStart(8)} ns wall`);
}

function measure(name: string, rounds: number, run: (round: number) => void): void {
  for (let round = 0; round < rounds / 10; round++) run(round);
  const before = process.cpuUsage();
  const beganMs = performance.now();
  for (let round = 0; round < rounds; round++) run(round);
  show(name, rounds, process.cpuUsage(before), beganMs);
}

const ring = createRing(1 << 18);
const writer = new RingWriter(ring);
const reader = new RingReader(ring, 0);
let sum = 0;
const sink = {
  record: (_bytes: Uint8Array, view: DataView, offset: number): void => {
    sum += view.getInt32(offset, true);
  },
};
measure('ring record of 40 bytes, both sides, 64 a turn', RECORDS, (round) => {
  const offset = writer.reserve(40);
  writer.view.setInt32(offset, round, true);
  writer.commit(1);
  if ((round & 63) !== 63) return;
  writer.publish();
  reader.drain(sink, 1000);
});

const noRefs = {
  threadOf: () => undefined,
  make: () => {
    throw new Error('no reference was encoded');
  },
};
const codec = new SlotCodec(noRefs, 60_000);
const bytes = new Uint8Array(new SharedArrayBuffer(65_536));
const view = new DataView(bytes.buffer);
const message = {
  kind: 'register-consumer',
  group: 'my-consumer-group',
  count: 12,
  flag: true,
  at: 1_600_000_000_000,
  client: '127.0.0.1@4242#99',
};
let length = 0;
measure('codec: a message of 6 fields to bytes', MESSAGES, () => {
  length = codec.encode('consumer-group/my-consumer-group', message);
});
bytes.set(codec.scratch.subarray(0, length));
measure('codec: and back', MESSAGES, () => {
  codec.path(bytes, view, 0);
  codec.message();
});

const wheel = new TimerWheel<number>(0);
let nowMs = 0;
measure('timer wheel: schedule and, 99 times of 100, cancel', TIMERS, (round) => {
  const id = wheel.schedule(nowMs + 15_000 + (round % 5000), round);
  if (round % 100 !== 0) wheel.cancel(id);
  else wheel.advance(++nowMs, () => {});
});

const module = new URL('../../test/runtime/support/echo-thread.ts', import.meta.url);
const system = await ActorSystem.start({
  root: {
    id: 'bench',
    strategy: 'one-for-one',
    intensity: 0,
    periodMs: 1000,
    startTogether: true,
    children: [
      { name: 'event', loop: 'event', module },
      { name: 'blocking', loop: 'blocking', module },
    ],
  },
  placement: [],
});
for (const name of ['event', 'blocking']) {
  const target = system.ref<EchoCommand>(`${name}/echo/a`);
  const count = async (): Promise<number> => {
    for (;;) {
      const ask = system.ask<{ kind: 'count'; received: number }, EchoCommand>(target, (replyTo) => ({ kind: 'count', replyTo }), 5000);
      const reply = await ask.catch(() => undefined);
      if (reply !== undefined) return reply.received;
    }
  };
  for (let round = 0; round < 2; round++) {
    const before = process.cpuUsage();
    const beganMs = performance.now();
    for (let sent = 0; sent < TELLS; ) {
      for (let i = 0; i < 200 && sent < TELLS && target.tell({ kind: 'note' }); i++) sent++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await count();
    if (round > 0) show(`tell to an actor on a thread of kind '${name}'`, TELLS, process.cpuUsage(before), beganMs);
  }
  for (let round = 0; round < 2; round++) {
    const before = process.cpuUsage();
    const beganMs = performance.now();
    for (let i = 0; i < ASKS; i++)
      await system.ask<EchoReply, EchoCommand>(target, (replyTo) => ({ kind: 'echo', value: i, replyTo }), 5000);
    if (round > 0) show(`ask, one at a time, both threads asleep: '${name}'`, ASKS, process.cpuUsage(before), beganMs);
  }
}
await system.stop();
if (!Number.isFinite(sum)) throw new Error('The ring gave something that was never written');
