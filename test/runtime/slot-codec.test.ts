import fc from 'fast-check';
import { test } from 'tap';
import type { ActorMessage, ActorRef } from '../../runtime/actor.ts';
import { DEPTH_MAX, SlotCodec } from '../../runtime/ring/slot-codec.ts';

class TestRef implements ActorRef<ActorMessage> {
  readonly path: string;
  readonly thread: number;

  constructor(thread: number, path: string) {
    this.thread = thread;
    this.path = path;
  }

  tell(): boolean {
    return true;
  }
}

const refs = {
  threadOf: (value: object) => (value instanceof TestRef ? value.thread : undefined),
  make: (thread: number, path: string) => new TestRef(thread, path),
};
const newCodec = (recordMax = 1 << 20): SlotCodec => new SlotCodec(refs, recordMax);

/** Through memory of another thread's kind: shared, and not at its begin. */
function roundTrip(codec: SlotCodec, path: string, message: ActorMessage): { path: string; message: ActorMessage } {
  const length = codec.encode(path, message);
  const shared = new SharedArrayBuffer(length + 13);
  const bytes = new Uint8Array(shared);
  bytes.set(codec.scratch.subarray(0, length), 13);
  const decodedPath = codec.path(bytes, new DataView(shared), 13);
  const decoded = codec.message();
  bytes.fill(0xee);
  return { path: decodedPath, message: decoded };
}

const leaf = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('x'.repeat(64), 'ü'.repeat(65), '€'.repeat(200), '\ud800', `${'a'.repeat(100)}\udfff`),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt(),
  fc.uint8Array({ maxLength: 300 }),
  fc.record({ thread: fc.integer({ min: -1, max: 63 }), path: fc.string() }).map(({ thread, path }) => new TestRef(thread, path)),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

test('SlotCodec gives back every message as it was', async (t) => {
  const codec = newCodec();
  fc.assert(
    fc.property(fc.string(), fc.dictionary(fc.string(), value, { noNullPrototype: true }), (path, fields) => {
      const message = Object.defineProperty(fields, 'kind', {
        value: 'any',
        enumerable: true,
        configurable: true,
        writable: true,
      }) as ActorMessage;
      const back = roundTrip(codec, path, message);
      fc.pre(!('toJSON' in fields));
      return back.path === path && isSame(back.message, message);
    }),
    { numRuns: 1000 },
  );
  t.pass('no counterexample');
});

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof TestRef) return b instanceof TestRef && a.path === b.path && a.thread === b.thread;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
  const keysA = Object.keys(a);
  const keysB = Object.keys(b);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keysA.length === keysB.length &&
    keysA.every(
      (key, i) =>
        key === keysB[i] && isSame(Object.getOwnPropertyDescriptor(a, key)?.value, Object.getOwnPropertyDescriptor(b, key)?.value),
    )
  );
}

test('SlotCodec leaves out undefined fields and keeps −0, NaN and the ends of the integers', async (t) => {
  const codec = newCodec();
  const message = {
    kind: 'k',
    none: undefined,
    list: [
      undefined,
      -0,
      Number.NaN,
      2 ** 31 - 1,
      2 ** 31,
      -(2 ** 31),
      -(2 ** 31) - 1,
      2 ** 53 - 1,
      Number.POSITIVE_INFINITY,
      2n ** 63n - 1n,
      -(2n ** 63n),
      2n ** 63n,
      -(10n ** 40n),
    ],
  };
  const back = roundTrip(codec, 'p', message).message as typeof message;
  t.same(Object.keys(back), ['kind', 'list']);
  t.ok(isSame(back.list, message.list));
});

test('SlotCodec keeps a field called __proto__ a field', async (t) => {
  const message = JSON.parse('{"kind":"k","__proto__":{"polluted":true}}') as ActorMessage;
  const back = roundTrip(newCodec(), 'p', message).message;
  t.equal((back as { polluted?: boolean }).polluted, undefined);
  t.same(Object.keys(back), ['kind', '__proto__']);
});

test('SlotCodec refuses what is no message', async (t) => {
  const codec = newCodec();
  const loop: Record<string, unknown> = { kind: 'loop' };
  loop.self = loop;
  let deep: unknown = 1;
  for (let i = 0; i < DEPTH_MAX; i++) deep = [deep];
  for (const bad of [() => {}, Symbol('s'), new Map(), new Date(0), new Float64Array(1), /x/, Promise.resolve(), deep, loop, 10n ** 300n]) {
    t.throws(
      () => codec.encode('p', { kind: 'k', bad } as ActorMessage),
      { code: 'MQ_RUNTIME_NOT_A_MESSAGE' },
      String(Object.prototype.toString.call(bad)),
    );
  }
  t.ok(codec.encode('p', { kind: 'k' }) > 0, 'and works afterwards');
});

test('SlotCodec refuses what is larger than a record, whatever makes it so', async (t) => {
  const codec = newCodec(1000);
  const bad = [
    new Uint8Array(1001),
    'x'.repeat(1001),
    '€'.repeat(334),
    new Array(500).fill(1),
    Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`field-${i}`, i])),
  ];
  for (const value of bad) t.throws(() => codec.encode('p', { kind: 'k', value } as ActorMessage), { code: 'MQ_RUNTIME_RECORD_TOO_LARGE' });
  const text = '€'.repeat(300);
  t.equal(
    (roundTrip(codec, 'p', { kind: 'k', text } as ActorMessage).message as unknown as { text: string }).text,
    text,
    '900 bytes of text fit',
  );
});
