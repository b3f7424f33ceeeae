import fc from 'fast-check';
import { test } from 'tap';
import { FrameReader } from '../../../protocol/remoting/frame-reader.ts';
import { jsonFrame } from './frames.ts';

function framesOf(bodies: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(bodies.map((body, index) => jsonFrame(`{"code":${index}}`, body)));
}

test('FrameReader hands on whole frames where they lie, without a copy', async (t) => {
  const reader = new FrameReader();
  const chunk = framesOf([Buffer.from('one'), Buffer.from('two')]);
  const seen: [number, number][] = [];
  reader.push(chunk, chunk.length, (bytes, start, end) => {
    t.equal(bytes, chunk);
    seen.push([start, end]);
    return true;
  });
  t.same(seen, [
    [0, 21],
    [21, 42],
  ]);
  t.equal(reader.keptBytes, 0);
  t.equal(reader.heldBytes, 0, 'and holds no memory');
});

test('FrameReader gives the same frames however the stream is cut, and wherever it is stopped', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }),
      (bodies, cuts, stops) => {
        const stream = framesOf(bodies);
        const reader = new FrameReader();
        const got: string[] = [];
        let stopAt = 0;
        const onFrame = (bytes: Uint8Array, start: number, end: number): boolean => {
          got.push(Buffer.from(bytes.subarray(start, end)).toString('hex'));
          return stops[stopAt++ % stops.length] !== true;
        };
        const buffer = new Uint8Array(2500);
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const length = Math.min(cuts[cut % cuts.length] as number, stream.length - at);
          buffer.fill(0xee);
          buffer.set(stream.subarray(at, at + length));
          if (reader.push(buffer, length, onFrame) !== null) return false;
          if (cut % 3 === 0 && reader.isStopped && reader.resume(onFrame) !== null) return false;
          at += length;
          if (reader.heldBytes > Math.max(1024, 2 * stream.length)) return false;
        }
        while (reader.isStopped) reader.resume(onFrame);
        return got.join('') === Buffer.from(stream).toString('hex') && got.length === bodies.length && reader.keptBytes === 0;
      },
    ),
    { seed: 20, numRuns: 300 },
  );
  t.pass('300 streams');
});

test('FrameReader takes memory for the bytes that came, not for the length that was announced', async (t) => {
  const reader = new FrameReader();
  const head = Buffer.alloc(100);
  head.writeInt32BE(16 * 1024 * 1024, 0);
  t.equal(
    reader.push(head, head.length, () => true),
    null,
  );
  t.equal(reader.keptBytes, 100);
  t.ok(reader.heldBytes <= 1024, `${reader.heldBytes} held`);
});

test('FrameReader drops a large waiting-room when small frames do without it', async (t) => {
  const reader = new FrameReader();
  const large = jsonFrame('{}', new Uint8Array(1_000_000));
  for (let at = 0; at < large.length; at += 65_536) reader.push(large.subarray(at), Math.min(65_536, large.length - at), () => true);
  t.ok(reader.heldBytes > 1_000_000, 'kept for the next of its kind');
  const small = jsonFrame('{}');
  for (let round = 0; round < 70; round++) reader.push(small, small.length, () => true);
  t.equal(reader.heldBytes, 0);
});

test('FrameReader refuses what is no frame, at once, cut anywhere, and says so again', async (t) => {
  const table: [string, string][] = [
    ['ffffffff00000000', 'negative-length'],
    ['8000000000000000', 'negative-length'],
    ['0000000300000000', 'frame-too-short'],
    ['0100000100000000', 'frame-too-large'],
    ['7fffffff00000000', 'frame-too-large'],
    ['0000001002000000', 'unknown-serializer'],
    ['00000010ff000000', 'unknown-serializer'],
    ['000000100000000d', 'header-beyond-frame'],
    ['0000000400000001', 'header-beyond-frame'],
    ['0000001001ffffff', 'header-beyond-frame'],
  ];
  for (const [text, fault] of table) {
    for (let cut = 0; cut <= 8; cut++) {
      const reader = new FrameReader();
      const bytes = Buffer.from(`${text}aabbcc`, 'hex');
      const onFrame = (): boolean => t.fail('no frame is there');
      reader.push(bytes, cut, onFrame);
      const error = reader.push(bytes.subarray(cut), bytes.length - cut, onFrame);
      t.equal(error?.fault, fault, `${text} cut after ${cut}`);
      t.equal(reader.push(bytes, 4, onFrame), error, 'the same error again');
    }
  }
});

test('FrameReader delivers the frames before a bad one', async (t) => {
  const reader = new FrameReader();
  const bytes = Buffer.concat([jsonFrame('{}'), Buffer.from('ffffffff', 'hex')]);
  let count = 0;
  const error = reader.push(bytes, bytes.length, () => ++count > 0);
  t.equal(count, 1);
  t.equal(error?.fault, 'negative-length');
});
