/** Opening a store in all its states, and what damage to any of its files does. */
import fc from 'fast-check';
import { test } from 'tap';
import { formatProperties, TRANSACTION_RECORDS_BEFORE } from '../../model/message-property.ts';
import {
  bodyLengthAt,
  decodeMessageRecord,
  encodeMessageRecord,
  type MessageRecord,
  QUEUE_ID_AT,
  QUEUE_OFFSET_AT,
  RECORD_FIXED_BYTES,
} from '../../model/message-record.ts';
import { TRANS_OP_HALF_TOPIC } from '../../model/topic.ts';
import { NO_MESSAGE_SIZE, QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize } from '../../storage/consume-queue/queue-unit.ts';
import { indexKeyHash } from '../../storage/index/key-hash.ts';
import { MemoryDisk } from '../../storage/memory-disk.ts';
import { type OpenedStore, openStore } from '../../storage/open-store.ts';
import { StoreWriter, testStoreOptions } from '../support/store-writer.ts';

const EVER = Number.MAX_SAFE_INTEGER;
/** Bits flipped; a tenth of it files cut off. DAMAGE_RUNS makes it more, then by a fresh seed, which a failure names. */
const FLIPS = Number(process.env['DAMAGE_RUNS'] ?? 300);
const CUTS = Math.max(120, FLIPS / 10);
const seedOf = (fixed: number): { seed: number } | Record<string, never> =>
  process.env['DAMAGE_RUNS'] === undefined ? { seed: fixed } : {};

/** A store of `count` messages over three topics of two queues, closed in order. */
function stored(count: number): { disk: MemoryDisk; writer: StoreWriter } {
  const disk = new MemoryDisk({ seed: 1 });
  const writer = StoreWriter.open(testStoreOptions(disk, '/store'));
  for (let index = 0; index < count; index++)
    writer.append(`Topic${index % 3}`, index % 2, `body ${index} ${'x'.repeat((index * 31) % 700)}`, `key${index % 50}`);
  writer.close();
  return { disk, writer };
}

/** What a consumer of the queue gets: bodies by offset, records that are not what their unit says left out, as a pull does it. */
function bodies(store: OpenedStore, topic: string, queueId: number): Map<number, string> {
  const found = new Map<number, string>();
  const queue = store.queues.find(topic, queueId);
  const unit = new Uint8Array(QUEUE_UNIT_BYTES);
  for (let offset = queue?.minOffset ?? 0; offset < (queue?.maxOffset ?? 0); offset++) {
    if (queue?.read(unit, 0, offset, 1) !== 1 || unitSize(unit, 0) === NO_MESSAGE_SIZE || unitSize(unit, 0) <= 0) continue;
    const position = unitPhysicalOffset(unit, 0);
    if (unitSize(unit, 0) > 100_000) continue;
    const bytes = new Uint8Array(unitSize(unit, 0));
    if (store.log.read(bytes, 0, bytes.length, position) !== bytes.length) continue;
    const record = tryDecode(bytes);
    if (record === null || record.physicalOffset !== position || record.topic !== topic || record.queueId !== queueId) continue;
    found.set(offset, Buffer.from(record.body).toString());
  }
  return found;
}

/** Whether the byte says which place its message has: topic, queue or queue offset. Nothing in RocketMQ's format vouches for these. */
function isOfPlace(writer: StoreWriter, byte: number): boolean {
  const one = writer.written.findLast(({ position }) => position <= byte)!;
  const head = new Uint8Array(RECORD_FIXED_BYTES);
  writer.store.log.read(head, 0, head.length, one.position);
  const at = byte - one.position;
  const topicAt = bodyLengthAt(head, 0) + 4 + Buffer.byteLength(one.body) + 1;
  const isIn = (start: number, length: number): boolean => at >= start && at < start + length;
  return isIn(QUEUE_ID_AT, 4) || isIn(QUEUE_OFFSET_AT, 8) || isIn(topicAt, one.topic.length);
}

function tryDecode(bytes: Uint8Array): MessageRecord | null {
  try {
    return decodeMessageRecord(bytes, 0);
  } catch {
    return null;
  }
}

function missing(store: OpenedStore, writer: StoreWriter): number {
  let lost = 0;
  for (let topic = 0; topic < 3; topic++) {
    for (let queueId = 0; queueId < 2; queueId++) {
      const found = bodies(store, `Topic${topic}`, queueId);
      for (const one of writer.written)
        if (one.topic === `Topic${topic}` && one.queueId === queueId && found.get(one.queueOffset) !== one.body) lost++;
    }
  }
  return lost;
}

test('openStore goes on from its snapshot after a stop in order, and walks the tail after a kill', async (t) => {
  const { disk, writer } = stored(300);
  const clean = StoreWriter.open(testStoreOptions(disk, '/store'));
  t.match(clean.store, {
    wasClean: true,
    start: { by: 'snapshot' },
    records: 0,
    damaged: 0,
    mended: [],
    lastStoreTimestamp: writer.storeTimestamp,
  });
  t.equal(missing(clean.store, writer), 0);
  for (let index = 0; index < 40; index++) clean.append('Topic0', 0, `more ${index}`, 'more');
  disk.killProcess();
  const killed = StoreWriter.open(testStoreOptions(disk, '/store'));
  t.match(killed.store, { wasClean: false, start: { by: 'snapshot' }, records: 40, lastStoreTimestamp: clean.storeTimestamp });
  t.equal(missing(killed.store, writer), 0);
  t.equal(killed.store.index?.query(indexKeyHash('Topic0', 'more'), 100, 0, EVER).length, 40, 'each key once');
  t.equal(killed.append('Topic0', 0, 'next', 'k').queueOffset, 90);
});

test('openStore goes by the checkpoint when somebody else has written since the snapshot', async (t) => {
  const { disk, writer } = stored(300);
  const file = disk.open('/store/checkpoint', 'write');
  file.write(new Uint8Array(8), 0, 8, 8);
  const store = StoreWriter.open(testStoreOptions(disk, '/store')).store;
  t.match(store, { wasClean: true, start: { by: 'clean-stop' } });
  t.ok(store.records > 0);
  t.equal(missing(store, writer), 0);
});

test('openStore makes consume queues and index again when their files are lost or short', async (t) => {
  const ways: [string, (disk: MemoryDisk) => void][] = [
    ['a queue file gone', (disk) => disk.remove('/store/consumequeue/Topic1/1/00000000000000000000')],
    ['a queue file short', (disk) => disk.open('/store/consumequeue/Topic1/1/00000000000000000000', 'write').truncate(333)],
    ['all queues gone', (disk) => removeAll(disk, '/store/consumequeue')],
    ['the index gone', (disk) => removeAll(disk, '/store/index')],
    ['an index file short', (disk) => disk.open(`/store/index/${disk.list('/store/index')[0]}`, 'write').truncate(5000)],
    ['the snapshot gone', (disk) => disk.remove('/store/config/queueTable.snapshot')],
    ['the snapshot damaged', (disk) => disk.flipBit('/store/config/queueTable.snapshot', 60, 1)],
    ['the checkpoint gone', (disk) => disk.remove('/store/checkpoint')],
    [
      'queues and snapshot gone',
      (disk) => {
        removeAll(disk, '/store/consumequeue');
        disk.remove('/store/config/queueTable.snapshot');
      },
    ],
  ];
  for (const [title, damage] of ways) {
    for (const isKilled of [false, true]) {
      const { disk, writer } = stored(300);
      damage(disk);
      if (isKilled) disk.open('/store/abort', 'create').close();
      const store = StoreWriter.open(testStoreOptions(disk, '/store')).store;
      t.equal(missing(store, writer), 0, `${title}: every message is there`);
      for (let key = 0; key < 50; key++) {
        const wanted = writer.written
          .filter((one) => one.topic === 'Topic1' && one.key === `key${key}`)
          .map((one) => one.position)
          .reverse();
        t.same(store.index?.query(indexKeyHash('Topic1', `key${key}`), 100, 0, EVER), wanted, `${title}: and every key once`);
      }
    }
  }
});

test('openStore tells topics apart whose names were chosen to share a hash', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const writer = StoreWriter.open(testStoreOptions(disk, '/store'));
  const names = Array.from({ length: 64 }, (_, number) => [0, 1, 2, 3, 4, 5].map((pair) => ((number >> pair) & 1 ? 'Aa' : 'BB')).join(''));
  for (let round = 0; round < 3; round++) for (const name of names) writer.append(name, 0, `${name} ${round}`, 'k');
  writer.close();
  removeAll(disk, '/store/consumequeue');
  disk.remove('/store/config/queueTable.snapshot');
  const store = StoreWriter.open(testStoreOptions(disk, '/store')).store;
  for (const name of names)
    t.same(
      [...bodies(store, name, 0).values()],
      [0, 1, 2].map((round) => `${name} ${round}`),
    );
});

test('openStore cuts a torn tail: what was behind reads as zeros', async (t) => {
  const { disk, writer } = stored(50);
  const end = writer.store.log.maxOffset;
  const file = disk.open('/store/commitlog/00000000000000000000', 'write');
  file.write(new Uint8Array(3000).fill(9), 0, 3000, end + 100);
  const store = StoreWriter.open(testStoreOptions(disk, '/store')).store;
  const back = new Uint8Array(5000);
  store.log.read(back, 0, 5000, end);
  t.equal(store.end, end);
  t.ok(back.every((byte) => byte === 0));
  t.equal(disk.sizeOf('/store/commitlog/00000000000000000000'), 65_536);
});

test('openStore says queue by queue that it gets on: with very many of them each part takes long', async (t) => {
  const { disk } = stored(60);
  const queues = 6;
  let steps = 0;
  const open = (): OpenedStore => openStore({ ...testStoreOptions(disk, '/store'), onProgress: () => steps++ });
  disk.remove('/store/config/queueTable.snapshot');
  open().log.close();
  t.ok(steps >= 2 * queues, `${steps}: files were scanned, then cut to the log`);
  disk.killProcess();
  removeAll(disk, '/store/consumequeue');
  steps = 0;
  open().log.close();
  t.ok(steps >= queues, `${steps}: all units were made again`);
});

test('openStore empties queues whose log is gone', async (t) => {
  const { disk } = stored(300);
  removeAll(disk, '/store/commitlog');
  const store = StoreWriter.open(testStoreOptions(disk, '/store')).store;
  t.same([store.end, store.queues.topics(), disk.list('/store/consumequeue')], [0, [], []]);
});

test('openStore starts with any bit flipped, shows nothing that was not written, and loses the damaged message alone', async (t) => {
  const { disk: model, writer } = stored(120);
  const size = writer.store.log.maxOffset;
  const written = new Set(writer.written.map((one) => one.body));
  let lostMax = 0;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: size * 8 - 1 }), fc.boolean(), (bit, isWalked) => {
      const { disk } = stored(120);
      const byte = bit >> 3;
      disk.flipBit(`/store/commitlog/${String(byte - (byte % 65_536)).padStart(20, '0')}`, byte % 65_536, bit & 7);
      // Half of the runs walk the whole log: no snapshot, no queues.
      if (isWalked) {
        disk.remove('/store/config/queueTable.snapshot');
        removeAll(disk, '/store/consumequeue');
        removeAll(disk, '/store/index');
      }
      const store = StoreWriter.open(testStoreOptions(disk, '/store')).store;
      const lost = missing(store, writer);
      // A record that means a place of another queue, and comes before the message that belongs there, has that place.
      const lostAllowed = isWalked && isOfPlace(writer, byte) ? 2 : 1;
      if (lostAllowed === 1) lostMax = Math.max(lostMax, lost);
      for (const topic of store.queues.topics()) {
        for (const queueId of store.queues.queueIds(topic)) {
          for (const body of bodies(store, topic, queueId).values()) if (isWalked && !written.has(body)) return false;
        }
      }
      // Damage to the last record looks like a torn tail: the log is cut there.
      return lost <= lostAllowed && (store.end === size || byte >= (writer.written.at(-1)?.position ?? 0));
    }),
    { ...seedOf(5), numRuns: FLIPS },
  );
  t.equal(lostMax, 1);
  t.ok(model.exists('/store/commitlog'));
});

test('openStore starts with any file cut off anywhere', async (t) => {
  const { disk: model } = stored(120);
  const files: string[] = [];
  const collect = (directory: string): void => {
    for (const name of model.list(directory)) {
      if (model.list(`${directory}/${name}`).length > 0) collect(`${directory}/${name}`);
      else files.push(`${directory}/${name}`);
    }
  };
  collect('/store');
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), (path, part, isKilled) => {
      const { disk, writer } = stored(120);
      const bytes = Math.floor(disk.sizeOf(path) * part);
      disk.open(path, 'write').truncate(bytes);
      if (isKilled) disk.open('/store/abort', 'create').close();
      const again = StoreWriter.open(testStoreOptions(disk, '/store'));
      const lost = missing(again.store, writer);
      if (!path.includes('/commitlog/') && lost > 0) return false;
      // And it goes on.
      again.append('Topic0', 0, 'after', 'after');
      again.close();
      return StoreWriter.open(testStoreOptions(disk, '/store')).store.wasClean;
    }),
    { ...seedOf(6), numRuns: CUTS },
  );
  t.pass(`${files.length} files`);
});

test('openStore believes queue offsets that start again, as after a topic was deleted and made anew', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const writer = StoreWriter.open(testStoreOptions(disk, '/store'));
  for (let index = 0; index < 30; index++) writer.append('Topic0', 0, `old ${index}`, 'k');
  writer.store.queues.removeTopic('Topic0');
  for (let index = 0; index < 5; index++) writer.append('Topic0', 0, `new ${index}`, 'k');
  disk.killProcess();
  const store = StoreWriter.open(testStoreOptions(disk, '/store')).store;
  t.same(
    [...bodies(store, 'Topic0', 0)],
    [0, 1, 2, 3, 4].map((offset) => [offset, `new ${offset}`]),
  );
});

test('openStore tells a record whose queue offset cannot be, and does not make its queue of it', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const damages: string[] = [];
  const writer = StoreWriter.open(testStoreOptions(disk, '/store'));
  for (let index = 0; index < 5; index++) writer.append('Topic0', 0, `body ${index}`, 'k');
  const { log } = writer.store;
  const bad = encodeMessageRecord({
    topic: 'Topic0',
    queueId: 0,
    queueOffset: 5_000_000,
    physicalOffset: log.maxOffset,
    storeTimestamp: 9e15,
    body: Buffer.from('bad'),
  });
  log.write(bad, 0, bad.length, log.maxOffset);
  for (let index = 5; index < 8; index++) writer.append('Topic0', 0, `body ${index}`, 'k');
  disk.killProcess();
  const store = StoreWriter.open(testStoreOptions(disk, '/store', damages)).store;
  t.match(damages, [/queue offset 5000000 follows neither/]);
  t.equal(store.damaged, 1);
  t.same([...bodies(store, 'Topic0', 0).keys()], [0, 1, 2, 3, 4, 5, 6, 7]);
  t.equal(store.lastStoreTimestamp, writer.storeTimestamp, 'its time does not rule the time to come');
});

test('openStore keeps minima that retention moved after the snapshot', async (t) => {
  const { disk } = stored(600);
  const again = StoreWriter.open(testStoreOptions(disk, '/store'));
  again.store.log.removeBefore(2 * 65_536);
  disk.killProcess();
  const store = StoreWriter.open(testStoreOptions(disk, '/store')).store;
  t.equal(store.log.minOffset, 2 * 65_536);
  for (const queue of store.queues.queues()) {
    const unit = new Uint8Array(QUEUE_UNIT_BYTES);
    queue.read(unit, 0, queue.minOffset, 1);
    t.ok(queue.minOffset > 0 && unitPhysicalOffset(unit, 0) >= store.log.minOffset);
  }
});

function removeAll(disk: MemoryDisk, directory: string): void {
  for (const name of disk.list(directory)) {
    removeAll(disk, `${directory}/${name}`);
    disk.remove(`${directory}/${name}`);
  }
}

test('openStore beside a running log says that the store is open, also where the former worker had closed it in order', async (t) => {
  const { disk, writer } = stored(40);
  const options = testStoreOptions(disk, '/store');
  const last = writer.written.at(-1)!;
  t.notOk(disk.exists(options.layout.abort), 'closed in order');
  openStore({ ...options, liveEnd: last.position + last.size });
  t.ok(disk.exists(options.layout.abort), 'or the next start would believe what is written from here on without a look');
});

test('openStore does not believe an op record that lacks a record of its piece, and keeps its place', async (t) => {
  for (const torn of [true, false]) {
    const disk = new MemoryDisk({ seed: 1 });
    const damages: string[] = [];
    const writer = StoreWriter.open(testStoreOptions(disk, '/store'));
    const { log } = writer.store;
    const op = (queueOffset: number, before: number): void => {
      const record = encodeMessageRecord({
        topic: TRANS_OP_HALF_TOPIC,
        queueId: 0,
        queueOffset,
        physicalOffset: log.maxOffset,
        storeTimestamp: writer.storeTimestamp,
        body: Buffer.from(`op ${queueOffset}`),
        properties: formatProperties(new Map([[TRANSACTION_RECORDS_BEFORE, String(before)]])),
      });
      log.write(record, 0, record.length, log.maxOffset);
    };
    const first = writer.append('Topic0', 0, 'committed first', 'k');
    writer.append('Topic0', 0, 'committed second', 'k');
    op(0, 2);
    writer.append('Topic0', 0, 'committed third', 'k');
    op(1, 1);
    op(2, 0);
    if (torn) log.write(new Uint8Array(16), 0, 16, first.position + first.size - 40);
    disk.killProcess();
    const store = StoreWriter.open(testStoreOptions(disk, '/store', damages)).store;
    t.same([...bodies(store, TRANS_OP_HALF_TOPIC, 0).keys()], torn ? [1, 2] : [0, 1, 2]);
    t.equal(store.queues.find(TRANS_OP_HALF_TOPIC, 0)?.maxOffset, 3);
    t.same([...bodies(store, 'Topic0', 0).keys()], torn ? [1, 2] : [0, 1, 2], 'what is whole of the piece is there');
    t.equal(
      damages.some((text) => /it ends half messages, and records that it was stored with are damaged/.test(text)),
      torn,
    );
  }
});
