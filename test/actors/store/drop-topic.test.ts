/** A topic's deletion in the store: its queues go from memory and disk, and no recovery brings its messages back. */
import { test } from 'tap';
import { decodeMessageRecords } from '../../../model/message-record.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { StoreUnderTest } from '../../support/store-under-test.ts';

const ROOT = '/store';

function send(store: StoreUnderTest, topic: string, word: string, count: number): void {
  for (let number = 0; number < count; number++) {
    store.send({ topic, queueId: number % 2, body: `${word} ${number}`, tag: 'A', key: `${word}${number}` });
  }
}

/** Both queues of a topic as a consumer reads them; queue offsets begin at 0 without a gap. */
function bodies(store: StoreUnderTest, topic: string): string[] {
  const reader = store.reader();
  const target = new Uint8Array(1 << 20);
  const texts: string[] = [];
  for (let queueId = 0; queueId < 2; queueId++) {
    const handle = store.handle(topic, queueId);
    const visibleMax = store.table.next(handle);
    if (store.table.min(handle) !== 0) throw new Error(`${topic}/${queueId} begins at ${store.table.min(handle)}`);
    for (let offset = 0; offset < visibleMax; ) {
      const read = reader.pull({ topic, queueId, handle, offset, max: 32, bytesMax: 1 << 20, codes: [], visibleMax }, target);
      for (const record of decodeMessageRecords(target, 0, read.length)) texts.push(Buffer.from(record.body).toString());
      if (read.nextOffset <= offset) throw new Error(`no progress at ${offset}: ${read.status}`);
      offset = read.nextOffset;
    }
  }
  reader.close();
  return texts.sort();
}

const words = (word: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${word} ${index}`).sort();

test('StoreActor drops a deleted topic: no unit, no file, no memory is left, and made again it begins at 0', (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  send(store, 'Gone', 'old', 600);
  send(store, 'Kept', 'kept', 20);
  store.run(2);
  send(store, 'Gone', 'unfiled', 600);
  const retired = [store.handle('Gone', 0), store.handle('Gone', 1)];
  t.equal(store.drop('Gone').error, '');
  t.notOk(store.disk.exists(`${storeLayout(ROOT).consumeQueue}/Gone`), 'its files have gone');
  t.equal(store.drop('Gone').error, '', 'a second time changes nothing');
  store.run(2);
  t.equal(store.drop('Gone').error, '');
  t.ok(
    retired.every((handle) => store.table.isEmpty(handle)),
    'its chunks came back',
  );
  send(store, 'Gone', 'new', 10);
  t.same(bodies(store, 'Gone'), words('new', 10));
  store.run(12);
  t.same(bodies(store, 'Gone'), words('new', 10), 'from the files too');
  t.same(bodies(store, 'Kept'), words('kept', 20));
  t.same(store.stop(), { kind: 'store-stopped', ok: true });
  const next = new StoreUnderTest(store.disk, ROOT);
  t.same(
    next
      .open()
      .queues.filter(({ topic }) => topic === 'Gone')
      .map(({ min, next: end }) => [min, end]),
    [
      [0, 5],
      [0, 5],
    ],
  );
  t.same(bodies(next, 'Gone'), words('new', 10), 'after a stop');
  t.end();
});

for (const cut of ['kill', 'power'] as const) {
  for (const isCheckpointed of [false, true]) {
    for (const isMadeAgain of [false, true]) {
      const when = `${isCheckpointed ? 'a checkpoint' : 'no checkpoint'} before it, ${isMadeAgain ? 'made again' : 'not made again'}`;
      test(`StoreActor does not bring a deleted topic back after a ${cut}: ${when}`, (t) => {
        const disk = new MemoryDisk({ seed: 7 });
        const store = new StoreUnderTest(disk, ROOT, { syncFlush: true });
        store.open();
        send(store, 'Kept', 'kept', 20);
        send(store, 'Gone', 'old', 40);
        store.run(isCheckpointed ? 15 : 1);
        t.equal(store.drop('Gone').error, '');
        if (isMadeAgain) send(store, 'Gone', 'new', 6);
        store.flush();
        if (cut === 'kill') disk.killProcess();
        else disk.cutPower();
        const next = new StoreUnderTest(disk, ROOT, { syncFlush: true });
        next.open();
        t.same(bodies(next, 'Gone'), isMadeAgain ? words('new', 6) : []);
        t.same(bodies(next, 'Kept'), words('kept', 20));
        send(next, 'Gone', 'later', 2);
        next.run(15);
        t.same(bodies(next, 'Gone'), [...(isMadeAgain ? words('new', 6) : []), 'later 0', 'later 1'].sort());
        t.end();
      });
    }
  }
}

for (let after = 0; after < 6; after++) {
  test(`StoreActor finishes a deletion that a crash cut off at its call ${after} of the disk`, (t) => {
    const disk = new MemoryDisk({ seed: 3 });
    const store = new StoreUnderTest(disk, ROOT, { syncFlush: true });
    store.open();
    send(store, 'Kept', 'kept', 4);
    send(store, 'Gone', 'old', 40);
    store.run(15);
    disk.fail({ call: 'remove', errno: 'EIO', after, times: 1_000_000 });
    const { error } = store.drop('Gone');
    disk.killProcess();
    const next = new StoreUnderTest(disk, ROOT, { syncFlush: true });
    next.open();
    t.same(bodies(next, 'Gone'), [], error === '' ? 'it was through' : 'its deletion was noted before anything went');
    send(next, 'Gone', 'new', 4);
    t.same(bodies(next, 'Gone'), words('new', 4));
    t.same(bodies(next, 'Kept'), words('kept', 4));
    t.end();
  });
}

test('StoreActor that takes over knows what its predecessor dropped', (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  send(store, 'Gone', 'old', 30);
  store.run(2);
  send(store, 'Gone', 'unfiled', 30);
  t.equal(store.drop('Gone').error, '');
  send(store, 'Gone', 'new', 4);
  store.kill();
  store.spawnStore();
  store.run(3);
  t.same(bodies(store, 'Gone'), words('new', 4));
  t.same(store.stop(), { kind: 'store-stopped', ok: true });
  t.end();
});

test('StoreActor says why a topic cannot be dropped', (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const store = new StoreUnderTest(disk, ROOT);
  store.open();
  send(store, 'Gone', 'old', 30);
  store.run(2);
  disk.fail({ call: 'write', errno: 'ENOSPC', after: 0, times: 1 });
  t.match(store.drop('Gone').error, /ENOSPC|space|room/i, 'a full disk: it may be tried again');
  t.equal(store.drop('Gone').error, '');
  t.end();
});
