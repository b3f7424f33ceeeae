import fc from 'fast-check';
import { test } from 'tap';
import { type RecordSink, RingReader, RingWriter } from '../../runtime/ring/ring-buffer.ts';
import { createRing, createRings, DATA_BYTES, recordBytesMax, ringFill, ringWords, startRingAt } from '../../runtime/ring/ring-layout.ts';

/** Keeps what it is given, copied. */
class Kept implements RecordSink {
  readonly records: { type: number; bytes: number[] }[] = [];

  record(bytes: Uint8Array, _view: DataView, offset: number, length: number, type: number): void {
    this.records.push({ type, bytes: [...bytes.subarray(offset, offset + length)] });
  }
}

function write(writer: RingWriter, type: number, bytes: readonly number[]): boolean {
  const offset = writer.reserve(bytes.length);
  if (offset < 0) return false;
  writer.bytes.set(bytes, offset);
  writer.commit(type);
  return true;
}

const record = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 240 });
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('write' as const), bytes: record, type: fc.integer({ min: 1, max: 600 }) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'publish' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drain' as const), max: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'new-writer' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'new-reader' as const }) },
);
/** Counters begin at 0, or a little before 2^31 or 2^32. */
const start = fc.constantFrom(0, 2 ** 31 - 512, 2 ** 32 - 512, 2 ** 32 - 8).map((n) => n | 0);

test('RingWriter and RingReader behave as a plain queue, over every wrap, and over the death of either side', async (t) => {
  fc.assert(
    fc.property(start, fc.array(step, { minLength: 1, maxLength: 150 }), (startAt, steps) => {
      const ring = createRing(1024);
      startRingAt(ring, startAt);
      let writer = new RingWriter(ring);
      let reader = new RingReader(ring, 0);
      const sink = new Kept();
      const published: { type: number; bytes: number[] }[] = [];
      let unpublished: { type: number; bytes: number[] }[] = [];
      let refusedWithRoom = 0;
      for (const now of steps) {
        if (now.do === 'write') {
          if (write(writer, now.type, now.bytes)) unpublished.push({ type: now.type, bytes: now.bytes });
          else if (sink.records.length === published.length && unpublished.length === 0) refusedWithRoom++;
        } else if (now.do === 'publish') {
          writer.publish();
          published.push(...unpublished);
          unpublished = [];
        } else if (now.do === 'drain') {
          const before = sink.records.length;
          const drained = reader.drain(sink, now.max);
          if (sink.records.length - before !== drained) return false;
          if (drained < Math.min(now.max, published.length - before)) return false;
        } else if (now.do === 'new-writer') {
          // Dies with what it had not published, one record half written.
          writer.reserve(16);
          writer = new RingWriter(ring, 1);
          unpublished = [];
        } else reader = new RingReader(ring, 0);
      }
      writer.publish();
      published.push(...unpublished);
      while (reader.drain(sink, 100) > 0);
      t.same(sink.records, published);
      return refusedWithRoom === 0 && !reader.hasRecords && ringFill(ringWords(ring)) === 0;
    }),
    { numRuns: 300 },
  );
});

test('RingWriter refuses when full, takes again when there is room, and refuses what is too large', async (t) => {
  const ring = createRing(1024);
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring, 3);
  t.equal(writer.reserve(recordBytesMax(1024) + 1), -1, 'a record is below a quarter of the ring');
  t.equal(writer.reserve(-1), -1);
  let written = 0;
  while (write(writer, 1, new Array(56).fill(written))) written++;
  t.equal(written, 16, '16 records of 64 bytes are 1024');
  t.equal(reader.drain(new Kept(), 10), 0, 'nothing is seen before it is published');
  t.ok(writer.publish());
  t.notOk(writer.publish(), 'there is nothing more');
  const sink = new Kept();
  t.equal(reader.drain(sink, 1), 1);
  t.ok(write(writer, 1, new Array(56).fill(99)));
  t.notOk(write(writer, 1, [1]));
});

test('RingReader.drain counts a record as read whose sink throws, and shows the rest afterwards', async (t) => {
  const ring = createRing(1024);
  const writer = new RingWriter(ring);
  for (let i = 0; i < 5; i++) write(writer, 1, [i]);
  writer.publish();
  const seen: number[] = [];
  const sink: RecordSink = {
    record: (bytes, _view, offset) => {
      seen.push(bytes[offset] as number);
      if (bytes[offset] === 2) throw new Error('the third');
    },
  };
  const reader = new RingReader(ring, 0);
  t.throws(() => reader.drain(sink, 10), { message: 'the third' });
  t.equal(reader.drain(sink, 10), 2);
  t.same(seen, [0, 1, 2, 3, 4]);
});

test('a new RingReader goes on behind the record that killed its predecessor', async (t) => {
  const ring = createRing(1024);
  const writer = new RingWriter(ring);
  for (let i = 0; i < 5; i++) write(writer, 1, [i]);
  writer.publish();
  const seen: number[] = [];
  let successor: RingReader | undefined;
  // A thread that is terminated inside the sink runs no `finally`: its successor is made while the drain is still on the stack.
  const dying: RecordSink = {
    record: (bytes, _view, offset) => {
      seen.push(bytes[offset] as number);
      if (bytes[offset] !== 1) return;
      successor = new RingReader(ring, 0);
      successor.drain({ record: (all, _v, at) => void seen.push(all[at] as number) }, 10);
      throw new Error('dead');
    },
  };
  t.throws(() => new RingReader(ring, 0).drain(dying, 10));
  t.same(seen, [0, 1, 2, 3, 4], 'none twice, none lost');
});

test('RingReader says which generation writes, and refuses memory that no writer wrote', async (t) => {
  const ring = createRing(1024);
  const writer = new RingWriter(ring, 7);
  const reader = new RingReader(ring, 0);
  t.equal(reader.generation, 7);
  write(writer, 1, [1]);
  writer.publish();
  new Int32Array(ring.buffer)[DATA_BYTES / 4] = 1 << 20;
  t.throws(() => reader.drain(new Kept(), 1), { code: 'MQ_RUNTIME_RING_CORRUPT' });
});

test('createRing takes powers of two within its limits', async (t) => {
  for (const bytes of [0, 512, 1000, 1025, 2 ** 31, Number.NaN, 1.5])
    t.throws(() => createRing(bytes), { code: 'MQ_RUNTIME_LIMIT' }, `${bytes}`);
  t.equal(createRing(2048).byteLength, 2048 + DATA_BYTES);
});

test('createRings makes rings in one piece that do not touch each other', async (t) => {
  const [first, second, third] = createRings(3, 1024);
  t.equal(first!.buffer, third!.buffer);
  const writers = [first!, second!, third!].map((ring) => new RingWriter(ring));
  for (const [index, writer] of writers.entries()) {
    for (let offset = writer.reserve(100); offset >= 0; offset = writer.reserve(100)) {
      writer.bytes.fill(index + 1, offset, offset + 100);
      writer.commit(index + 1);
    }
    writer.publish();
  }
  for (const [index, ring] of [first!, second!, third!].entries()) {
    let records = 0;
    new RingReader(ring, index).drain(
      {
        record: (bytes, _view, offset, length, type) => {
          records++;
          t.equal(type, index + 1);
          t.ok(bytes.subarray(offset, offset + length).every((byte) => byte === index + 1));
        },
      },
      100,
    );
    t.ok(records > 5);
  }
});
