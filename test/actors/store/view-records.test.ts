/** The reader actor's pages of records, over stores that the sequencer and the store actor have written. */
import { test } from 'tap';
import type { ColdReader } from '../../../actors/store/cold-read.ts';
import {
  ReaderActor,
  type ReaderCommand,
  type RecordsViewed,
  VIEW_PAGE_BYTES,
  type ViewRecords,
} from '../../../actors/store/reader-actor.ts';
import type { IndexFound } from '../../../actors/store/store-messages.ts';
import { decodeMessageRecords } from '../../../model/message-record.ts';
import type { ActorContext } from '../../../runtime/actor.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { START_MS, StoreUnderTest } from '../../support/store-under-test.ts';

type Page = Omit<RecordsViewed, 'kind'>;
type Asked = Partial<Omit<ViewRecords, 'kind' | 'replyTo'>> & Pick<ViewRecords, 'physical'>;

const EVER = Number.MAX_SAFE_INTEGER;

/** Messages of two topics in turn, one second apart; their places. */
function makeStore(bodies: readonly string[], syncFlush = false): { store: StoreUnderTest; places: number[]; reader: ColdReader } {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), '/store', { unitsPerFile: 50, segmentBytes: 4 * 1024 * 1024, syncFlush });
  store.open();
  const places = bodies.map((body, number) => {
    const place = store.marks.read(0);
    store.send({ topic: number % 2 === 0 ? 'T' : 'Other', queueId: 0, body, tag: 'A', key: 'k' });
    store.advance(1000);
    return place;
  });
  return { store, places, reader: store.reader() };
}

function asker(store: StoreUnderTest, reader: ColdReader, syncFlush = false): (asked: Asked) => Page {
  const actor = new ReaderActor({
    reader,
    marks: store.marks,
    syncFlush,
    slots: [],
    fence: (error) => {
      throw error;
    },
  });
  return (asked) => {
    let page: RecordsViewed | undefined;
    const replyTo = { path: 'test', tell: (reply: RecordsViewed) => (page = reply) !== undefined } as unknown as ViewRecords['replyTo'];
    const message: ReaderCommand = {
      kind: 'view-records',
      from: 0,
      topic: '',
      begin: 0,
      end: EVER,
      countMax: 1000,
      bytesMax: EVER,
      isAny: false,
      ...asked,
      replyTo,
    };
    actor.receive(message, {} as ActorContext);
    if (page === undefined) throw new Error('no answer');
    return page;
  };
}

const bodiesOf = (page: Page): string[] => decodeMessageRecords(page.bytes).map(({ body }) => Buffer.from(body).toString());

test('ReaderActor gives the records at their places, of a topic and a time', async (t) => {
  const { store, places, reader } = makeStore(['0', '1', '2', '3', '4', '5']);
  const ask = asker(store, reader);
  const all = [...places].reverse();
  t.match(ask({ physical: all }), { taken: 6, from: 0, count: 6, isLast: false });
  t.same(bodiesOf(ask({ physical: all })), ['5', '4', '3', '2', '1', '0'], 'in the order that was asked for');
  t.same(bodiesOf(ask({ physical: all, topic: 'T' })), ['4', '2', '0']);
  t.same(bodiesOf(ask({ physical: all, topic: 'None' })), []);
  t.same(bodiesOf(ask({ physical: all, begin: START_MS + 1000, end: START_MS + 3000 })), ['3', '2', '1'], 'both ends count');
  t.match(ask({ physical: all, countMax: 2 }), { taken: 2, count: 2 });
  t.match(ask({ physical: all, topic: 'T', countMax: 2 }), { taken: 4, count: 2 }, 'what is passed over is dealt with');
  t.match(ask({ physical: [] }), { taken: 0, count: 0, isLast: false });
  const wrong = [-1, places[1]! + 1, places[1]! - 1, 1e15, 0.5, Number.NaN];
  t.match(ask({ physical: wrong }), { taken: wrong.length, count: 0, bytes: { length: 0 } }, 'places of no record');
});

test("ReaderActor gives the records of the broker's own places in any order, and none that is damaged", async (t) => {
  const bodies = Array.from({ length: 700 }, (_, number) => `${number}`.padEnd(number % 7 === 0 ? 600 : 30, '.'));
  const { store, places, reader } = makeStore(bodies);
  const ask = asker(store, reader);
  t.same(bodiesOf(ask({ physical: places.slice(0, 150), isAny: true })), bodies.slice(0, 150), 'as they lie');
  t.same(bodiesOf(ask({ physical: places.slice(0, 100).reverse(), isAny: true })), bodies.slice(0, 100).reverse(), 'the other way');
  const some = [5, 6, 7, 9, 11, 40, 41, 42, 600, 601, 602, 3, 2, 1];
  t.same(
    bodiesOf(ask({ physical: some.map((number) => places[number]!), isAny: true })),
    some.map((number) => bodies[number]!),
    'mixed',
  );
  const [log, at] = ['/store/commitlog/00000000000000000000', places[10]!];
  for (const byte of [0, 4, 30, 84]) {
    (store.disk as MemoryDisk).flipBit(log, at + byte, 1);
    const around = ask({ physical: places.slice(5, 20), isAny: true });
    t.notOk(bodiesOf(around).includes(bodies[10]!), `damaged in byte ${byte}`);
    t.equal(around.count, 14, 'the others are there');
    (store.disk as MemoryDisk).flipBit(log, at + byte, 1);
  }
});

test('ReaderActor gives records that are larger than a page in parts, and ends before its limit', async (t) => {
  const large = (word: string): string => word.padEnd(3 * VIEW_PAGE_BYTES, word);
  const { store, places, reader } = makeStore(['small', large('a'), 'between', large('b')]);
  const ask = asker(store, reader);
  const parts: Uint8Array[] = [];
  let [taken, from, pages] = [0, 0, 0];
  for (; taken < places.length && pages < 20; pages++) {
    const page = ask({ physical: places.slice(taken), from });
    t.ok(page.bytes.length <= VIEW_PAGE_BYTES);
    parts.push(page.bytes);
    taken += page.taken;
    from = page.from;
  }
  const got = decodeMessageRecords(Buffer.concat(parts)).map(({ body }) => Buffer.from(body).toString());
  t.same(got, ['small', large('a'), 'between', large('b')], `in ${pages} pages`);
  const first = ask({ physical: [places[0]!] }).bytes.length;
  t.match(ask({ physical: places, bytesMax: first }), { taken: 1, from: 0, count: 1, isLast: true }, 'the next one does not fit');
  t.match(ask({ physical: places, bytesMax: first - 1 }), { taken: 0, count: 0, isLast: true, bytes: { length: 0 } });
});

test('ReaderActor ends with a record that is removed while it is given', async (t) => {
  const { store, places, reader } = makeStore(['x'.repeat(2 * VIEW_PAGE_BYTES), 'y']);
  const ask = asker(store, reader);
  t.match(ask({ physical: places }), { taken: 0, from: VIEW_PAGE_BYTES, count: 0, isLast: false });
  // What retention does: the record's bytes are gone, and the reader is told.
  (store.disk as MemoryDisk).flipBit('/store/commitlog/00000000000000000000', places[0]! + 4, 1);
  reader.forgetBefore(0);
  t.match(ask({ physical: places, from: VIEW_PAGE_BYTES }), { taken: 0, count: 0, isLast: true, bytes: { length: 0 } });
  t.same(bodiesOf(ask({ physical: places })), ['y'], 'asked anew, it is passed over');
});

test('ReaderActor shows nothing that is not on the disk yet when that is promised', async (t) => {
  const { store, places, reader } = makeStore(['first'], true);
  const ask = asker(store, reader, true);
  t.same(bodiesOf(ask({ physical: places })), []);
  store.flush();
  t.same(bodiesOf(ask({ physical: places })), ['first']);
});

test('StoreActor says how far the index has come, and finds nothing before the store is open', async (t) => {
  const { store } = makeStore(['0', '1', '2']);
  const query = (end: number): IndexFound =>
    store.ask<IndexFound>((replyTo) => ({ kind: 'query-index', topic: 'T', key: 'k', max: 10, begin: 0, end, replyTo }));
  t.match(query(EVER), { physical: { length: 2 }, endTimestamp: START_MS + 2000, isCut: false, error: '' });
  t.match(query(START_MS), { physical: [0], isCut: false });
  const closed = new StoreUnderTest(new MemoryDisk({ seed: 1 }), '/other');
  t.match(
    closed.ask<IndexFound>((replyTo) => ({ kind: 'query-index', topic: 'T', key: 'k', max: 10, begin: 0, end: EVER, replyTo })),
    { physical: [], endTimestamp: 0, endPosition: 0, isCut: false, error: '' },
  );
});
