/** The store actor with the sequencer's units: rounds, sync order, checkpoint, restart after a clean stop and after a kill. */
import { join } from 'node:path';
import { test } from 'tap';
import { DISPATCHED_END, WRITTEN_END } from '../../../actors/commit-log/watermarks.ts';
import { TailFiler } from '../../../actors/queue/tail-filer.ts';
import { TailWriter } from '../../../actors/queue/tail-writer.ts';
import type { IndexFound, TableSaved } from '../../../actors/store/store-messages.ts';
import { decodeMessageRecords } from '../../../model/message-record.ts';
import { readWhole } from '../../../storage/json-table.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { NodeDisk } from '../../../storage/node-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { SyncMark, wasSyncCutShort } from '../../../storage/sync-failure.ts';
import { StoreUnderTest } from '../../support/store-under-test.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const ROOT = '/store';

function message(
  number: number,
  topic = 'T',
  queueId = number % 4,
): { topic: string; queueId: number; body: string; tag: string; key: string } {
  return { topic, queueId, body: `body ${number}`, tag: number % 3 === 0 ? 'A' : 'B', key: `k${number}` };
}

function bodies(store: StoreUnderTest, topic: string, queueId: number): string[] {
  const reader = store.reader();
  const handle = store.handle(topic, queueId);
  const target = new Uint8Array(1 << 20);
  const texts: string[] = [];
  for (let offset = store.table.min(handle); offset < store.table.next(handle); ) {
    const visibleMax = store.table.next(handle);
    const read = reader.pull({ topic, queueId, handle, offset, max: 32, bytesMax: 1 << 20, codes: [], visibleMax }, target);
    for (const record of decodeMessageRecords(target, 0, read.length)) texts.push(Buffer.from(record.body).toString());
    if (read.nextOffset <= offset) throw new Error(`no progress at ${offset}: ${read.status}`);
    offset = read.nextOffset;
  }
  reader.close();
  return texts;
}

function expected(count: number, queueId: number): string[] {
  return Array.from({ length: count }, (_, number) => number)
    .filter((number) => number % 4 === queueId)
    .map((number) => `body ${number}`);
}

test('StoreActor opens a new store and brings units to their files in rounds', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  const opened = store.open();
  t.same(opened.queues, [], 'a new store has no queues');
  t.ok(opened.wasClean, 'and nobody left it in disorder');
  t.ok(store.disk.exists(storeLayout(ROOT).abort), 'the abort file is there while it is open');
  for (let number = 0; number < 2000; number++) {
    store.put(message(number));
    if (number % 50 === 0) store.sequence();
  }
  t.ok(store.sequence(), 'everything is written');
  t.equal(store.table.filed(store.handle('T', 0)), 0, 'nothing is filed before a round');
  store.poll();
  store.advance(600);
  for (let queueId = 0; queueId < 4; queueId++) {
    t.equal(store.table.filed(store.handle('T', queueId)), 500, 'a round files all units');
    t.same(bodies(store, 'T', queueId), expected(2000, queueId), 'and a cold reader finds each message once, in order');
  }
  t.ok(store.logWakes > 0, 'the log worker hears that chunks came back');
});

test('StoreActor with synchronous flush files a unit only when its record is on the disk', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT, { syncFlush: true });
  store.open();
  for (let number = 0; number < 40; number++) store.send(message(number));
  store.poll();
  store.advance(2000);
  t.equal(store.table.filed(store.handle('T', 0)), 0, 'written is not flushed');
  store.flush();
  for (let number = 40; number < 80; number++) store.send(message(number));
  store.advance(1000);
  t.equal(store.table.filed(store.handle('T', 0)), 10, 'what was flushed is filed, what came later is not');
  store.flush();
  store.advance(1000);
  t.equal(store.table.filed(store.handle('T', 0)), 20, 'until it is flushed too');
});

test('StoreActor learns a queue that nobody told it from the log', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  store.handle('Untold', 3, false);
  store.send({ topic: 'Untold', queueId: 3, body: 'x', tag: 'A', key: 'k' });
  store.poll();
  store.advance(600);
  t.equal(store.table.filed(store.handle('Untold', 3)), 1, 'the record names topic and queue');
});

test('StoreActor stops with everything on the disk, and the next start walks nothing', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(directory.remove);
  const first = new StoreUnderTest(new NodeDisk(), directory.path);
  first.open();
  for (let number = 0; number < 1000; number++) first.send(message(number));
  t.same(first.stop(), { kind: 'store-stopped', ok: true }, 'stopped without a round before');
  t.notOk(first.disk.exists(storeLayout(directory.path).abort), 'the abort file is gone');

  const second = new StoreUnderTest(new NodeDisk(), directory.path, { seed: 2 });
  const opened = second.open();
  t.equal(opened.recovered.scannedBytes, 0, 'the checkpoint stands at the end');
  t.equal(opened.recovered.by, 'snapshot');
  t.equal(opened.writtenEnd, first.marks.read(WRITTEN_END));
  t.same(
    opened.queues.map(({ topic, queueId, min, next }) => ({ topic, queueId, min, next })).sort((a, b) => a.queueId - b.queueId),
    [0, 1, 2, 3].map((queueId) => ({ topic: 'T', queueId, min: 0, next: 250 })),
  );
  for (let number = 1000; number < 1100; number++) second.send(message(number));
  second.run(1);
  for (let queueId = 0; queueId < 4; queueId++) t.same(bodies(second, 'T', queueId), expected(1100, queueId), 'old and new messages');
  t.ok(second.stop().ok);
});

test('openStore recovers after a kill what no round had filed', async (t) => {
  for (const rounds of [0, 1, 14]) {
    const directory = temporaryDirectory();
    const first = new StoreUnderTest(new NodeDisk(), directory.path);
    first.open();
    for (let number = 0; number < 400; number++) first.send(message(number));
    if (rounds > 0) first.run(rounds);
    for (let number = 400; number < 600; number++) first.send(message(number));
    first.kill();

    const second = new StoreUnderTest(new NodeDisk(), directory.path, { seed: 2 });
    const opened = second.open();
    t.notOk(opened.wasClean, 'the abort file was found');
    t.equal(opened.writtenEnd, first.marks.read(WRITTEN_END), `no written record is lost (${rounds} rounds before)`);
    if (rounds === 14) t.ok(opened.recovered.from > 0, 'only the tail behind the checkpoint is walked');
    for (let queueId = 0; queueId < 4; queueId++)
      t.same(bodies(second, 'T', queueId), expected(600, queueId), 'every message once, in order');
    for (let number = 600; number < 700; number++) second.send(message(number));
    second.run(1);
    for (let queueId = 0; queueId < 4; queueId++)
      t.same(bodies(second, 'T', queueId), expected(700, queueId), 'offsets go on where they ended');
    for (const number of [0, 399, 599, 699]) t.same(found(second, `k${number}`).length, 1, 'and every key is in the index once');
    t.ok(second.stop().ok);
    directory.remove();
  }
});

test('StoreActor takes over from a dead one beside a log that goes on', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(directory.remove);
  for (const syncFlush of [false, true]) {
    const path = join(directory.path, String(syncFlush));
    const store = new StoreUnderTest(new NodeDisk(), path, { syncFlush });
    store.open();
    for (let number = 0; number < 300; number++) store.send(message(number));
    store.run(14);
    for (let number = 300; number < 500; number++) store.send(message(number));
    if (syncFlush) store.poll();
    store.kill();
    store.spawnStore();
    for (let number = 500; number < 600; number++) store.send(message(number));
    store.run(2);
    for (let queueId = 0; queueId < 4; queueId++) {
      t.equal(store.table.filed(store.handle('T', queueId)), 150, 'all units are filed');
      t.same(bodies(store, 'T', queueId), expected(600, queueId), 'and each is there once');
    }
    for (const number of [0, 299, 300, 499, 599]) t.same(found(store, `k${number}`).length, 1, 'every key is in the index once');
    t.ok(store.stop().ok, 'and it stops in order');
    const next = new StoreUnderTest(new NodeDisk(), path, { syncFlush });
    t.same(next.open().recovered.scannedBytes, 0, 'with a checkpoint at the end');
    t.same(
      next.opened.queues.map((queue) => queue.next),
      [150, 150, 150, 150],
    );
    t.ok(next.stop().ok);
  }
});

test('StoreActor that is stopped beside a log worker that goes on loses nothing of what that one writes', async (t) => {
  for (const takesRounds of [false, true]) {
    const disk = new MemoryDisk({ seed: 1 });
    const store = new StoreUnderTest(disk, ROOT);
    store.open();
    for (let number = 0; number < 100; number++) store.send(message(number));
    if (takesRounds) store.run(3);
    store.send(message(100));
    const { open } = disk;
    let sent = 101;
    let isSending = false;
    // The log worker is another thread: what it does lies between any two calls of this one.
    disk.open = (...args) => {
      if (!isSending) {
        isSending = true;
        store.send(message(sent++));
        isSending = false;
      }
      return open.apply(disk, args);
    };
    const stopped = store.stop();
    disk.open = open;
    t.ok(sent > 101, 'messages were written meanwhile');
    store.send(message(sent));
    if (!stopped.ok) t.match(stopped.error, /went on writing/);
    store.kill();
    const next = new StoreUnderTest(disk, ROOT);
    next.open();
    t.same(next.opened.recovered.damaged, []);
    for (let queueId = 0; queueId < 4; queueId++)
      t.same(bodies(next, 'T', queueId), expected(sent + 1, queueId), 'each message is there once');
    t.ok(next.stop().ok);
  }
});

test('StoreActor that took over and was stopped stays closed: a round that was due still finds nothing to do', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  for (let number = 0; number < 100; number++) store.send(message(number));
  store.kill();
  store.spawnStore();
  for (let number = 100; number < 200; number++) store.send(message(number));
  store.poll();
  t.ok(store.stop().ok);
  store.advance(2_000);
  store.store.tell({ kind: 'hurry' });
  store.advance(1);
  t.equal(store.simulation.logs.filter(({ text }) => text === 'the store was taken over').length, 1, 'it takes over once');
  const next = new StoreUnderTest(store.disk, ROOT);
  t.ok(next.open().wasClean, 'what was closed in order is found so');
});

test('StoreActor takes over on a full disk as soon as there is room', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const store = new StoreUnderTest(disk, '/store');
  store.open();
  for (let number = 0; number < 100; number++) store.send(message(number));
  store.run(14);
  for (let number = 100; number < 200; number++) store.send(message(number));
  store.kill();
  disk.fail({ call: 'write', errno: 'ENOSPC', path: /consumequeue/, times: 5 });
  store.spawnStore();
  for (let number = 200; number < 300; number++) store.send(message(number));
  store.run(20);
  for (let queueId = 0; queueId < 4; queueId++) t.same(bodies(store, 'T', queueId), expected(300, queueId), 'each message is there once');
  t.ok(store.stop().ok, 'and it stops in order');
});

test('StoreActor writes a checkpoint when something changed and none when nothing did', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  for (let number = 0; number < 100; number++) store.send(message(number));
  store.run(14);
  const disk = store.disk as MemoryDisk;
  const table = readWhole(disk, storeLayout(ROOT).queueTable, 1 << 20);
  t.ok(table !== null && table.length > 0, 'the queue table is written');
  const writes = disk.writes;
  store.run(20);
  t.equal(disk.writes, writes, 'an idle store writes nothing');
});

test('StoreActor loses nothing that was flushed when the power goes, whatever the seed', async (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    const disk = new MemoryDisk({ seed });
    let flushedMessages = 0;
    let sent = 0;
    for (let life = 0; life < 3; life++) {
      const store = new StoreUnderTest(disk, ROOT, { seed: seed * 10 + life, syncFlush: seed % 2 === 0 });
      const opened = store.open();
      const kept = opened.queues.reduce((sum, queue) => sum + queue.next, 0);
      if (kept < flushedMessages) t.fail(`seed ${seed}: ${flushedMessages} messages were flushed, ${kept} are there`);
      const texts = [0, 1, 2, 3].flatMap((queueId) => (store.handles.has(`T/${queueId}`) ? bodies(store, 'T', queueId) : []));
      const lost = opened.recovered.damaged.length;
      if (texts.length < flushedMessages) t.fail(`seed ${seed}: only ${texts.length} of ${flushedMessages} can be read (${lost} damages)`);
      if (new Set(texts).size !== texts.length) t.fail(`seed ${seed}: a message is there twice`);
      for (let step = 0; step < 24; step++) {
        for (let number = 0; number < 20; number++, sent++) store.send(message(sent));
        if (step % 3 === 2) store.flush();
        if (step % 3 === 2) flushedMessages = store.opened.queues.length === 0 && life === 0 ? sent : totalNext(store);
        store.poll();
        store.advance(1400);
      }
      disk.cutPower();
    }
  }
  t.pass('40 seeds, three lives each');
});

test('StoreActor keeps units in memory while the disk is full, says so once, and goes on by itself', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const store = new StoreUnderTest(disk, ROOT);
  store.open();
  for (let number = 0; number < 50; number++) store.send(message(number));
  disk.fail({ call: 'write', errno: 'ENOSPC', path: /consumequeue/, times: 1000 });
  store.poll();
  store.advance(5_000);
  t.equal(store.table.filed(store.handle('T', 0)), 0, 'nothing is filed');
  t.equal(store.reports.filter(({ event }) => event === 'disk-full').length, 1, 'one report');
  disk.heal();
  store.advance(1_100);
  for (let queueId = 0; queueId < 4; queueId++) t.same(bodies(store, 'T', queueId), expected(50, queueId), 'all of it is there');
  t.notOk(store.marks.fenced, 'a full disk is no broken one');
});

test('StoreActor keeps its former checkpoint while there is no room for the next one, and loses no index entry', async (t) => {
  for (const path of [/queueTable/, /index/]) {
    const disk = new MemoryDisk({ seed: 1 });
    const store = new StoreUnderTest(disk, ROOT, { indexShape: { slots: 500, entries: 200_000 } });
    store.open();
    for (let number = 0; number < 100; number++) store.send(message(number));
    store.run(14);
    disk.fail({ call: 'write', errno: 'ENOSPC', path, times: 1000 });
    for (let number = 100; number < 20_000; number++) {
      store.put(message(number));
      if (number % 100 !== 0) continue;
      for (let attempt = 0; !store.sequence() && attempt < 10; attempt++) {
        store.poll();
        store.advance(20);
      }
      if (number === 15_000) {
        store.run(14);
        disk.heal();
        store.run(2);
      }
    }
    t.ok(store.sequence(), 'all are written in the end');
    store.run(14);
    for (const number of [0, 99, 100, 9_999, 16_000, 19_999]) t.equal(found(store, `k${number}`).length, 1, `key ${number}, once`);
    store.kill();
    disk.killProcess();
    const next = new StoreUnderTest(disk, ROOT, { indexShape: { slots: 500, entries: 200_000 } });
    next.open();
    for (let queueId = 0; queueId < 4; queueId++) t.same(bodies(next, 'T', queueId), expected(20_000, queueId));
    for (const number of [0, 99, 100, 9_999, 16_000, 19_999]) t.equal(found(next, `k${number}`).length, 1);
  }
});

test('StoreActor fences when the disk breaks a promise, and tries nothing again', async (t) => {
  for (const fault of [
    { call: 'write', errno: 'EIO' },
    { call: 'sync', errno: 'EIO' },
    { call: 'sync', errno: 'ENOSPC' },
  ] as const) {
    const disk = new MemoryDisk({ seed: 1 });
    const store = new StoreUnderTest(disk, ROOT);
    store.open();
    store.send(message(0));
    disk.fail({ ...fault, path: /consumequeue/, times: 1000 });
    store.run(14);
    t.ok(store.marks.fenced, `${fault.call} ${fault.errno} fences`);
    t.equal(store.reports.filter(({ event }) => event === 'fence').length, 1, 'said once');
    disk.heal();
    const writes = disk.writes;
    store.advance(10_000);
    t.equal(disk.writes, writes, 'nothing is written any more');
    t.notOk(store.stop().ok, 'nor is the store closed in order');
    t.ok(disk.exists(storeLayout(ROOT).abort), 'so that the next start recovers');
  }
});

test('StoreActor finds what was acknowledged by its keys at once', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  for (let number = 0; number < 10; number++) store.send(message(number));
  t.equal(found(store, 'k7').length, 1, 'before any round');
  t.equal(found(store, 'Uk7').length, 1, 'by its unique key too');
  t.equal(found(store, 'nobody').length, 0);
});

test('StoreActor saves tables, in parts too, and refuses a name that leads elsewhere', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  const save = (name: string, text: string): TableSaved =>
    store.ask<TableSaved>((replyTo) => ({ kind: 'save-table', name, text, sync: true, replyTo }));
  t.same(save('topics.json', '{"a":1}'), { kind: 'table-saved', name: 'topics.json', ok: true });
  t.equal(text(store, 'topics.json'), '{"a":1}');
  t.ok(save('topics.json', '{"a":2}').ok);
  t.equal(text(store, 'topics.json.bak'), '{"a":1}', 'the former one is kept');
  for (const name of ['../topics.json', 'topics', 'a/b.json', '.json']) t.notOk(save(name, '').ok, name);
  const probe = store.simulation.probe<TableSaved>();
  const part = (at: number, piece: string): void =>
    void store.store.tell({ kind: 'save-table', name: 'big.json', text: piece, sync: false, replyTo: probe.ref, part: at, parts: 3 });
  part(0, 'abandoned');
  part(0, 'one ');
  part(1, 'two ');
  part(2, 'three');
  store.advance(1);
  t.same(probe.received, [{ kind: 'table-saved', name: 'big.json', ok: true }], 'answered once, after the last part');
  t.equal(text(store, 'big.json'), 'one two three');
});

test('StoreActor saves no table that speaks of what a failed disk will never have', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  store.send(message(0));
  const after = store.marks.read(WRITTEN_END);
  const probe = store.simulation.probe<TableSaved>();
  store.store.tell({ kind: 'save-table', name: 'delayOffset.json', text: '{}', sync: false, after, replyTo: probe.ref });
  store.advance(200);
  t.same(probe.received, [], 'it waits for the log to be on the disk');
  // The log worker's or the sync worker's word.
  store.marks.fence();
  store.advance(200);
  t.match(probe.received, [{ ok: false, error: /the disk of the commit log has failed/ }]);
  t.notOk(store.disk.exists(join(storeLayout(ROOT).config, 'delayOffset.json')));
});

test('StoreActor that takes over from one that died while it fenced says so again', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  store.kill();
  store.marks.fence();
  store.spawnStore();
  store.advance(10);
  t.match(store.reports, [{ event: 'fence', detail: { code: 'MQ_STORE_FENCED' } }]);
  t.ok(store.disk.exists(storeLayout(ROOT).syncFailed), 'and the next start is told');
});

test('StoreActor checkpoints no further than the log worker has shown its units, however long its successor takes', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const first = new StoreUnderTest(disk, ROOT, { checkpointMs: 300 });
  first.open();
  for (let number = 0; number < 40; number++) first.send(message(number));
  first.run(3);
  // The log worker dies when it has moved the written end, and comes to nothing more.
  const { publish } = TailWriter.prototype;
  TailWriter.prototype.publish = () => {
    throw new Error('the thread ends');
  };
  try {
    t.throws(() => first.send(message(40)), /the thread ends/);
  } finally {
    TailWriter.prototype.publish = publish;
  }
  const written = first.marks.read(WRITTEN_END);
  t.ok(first.marks.read(DISPATCHED_END) < written, 'it is written, and nobody has seen it');
  first.run(5);
  t.match(first.stop(), { ok: false, error: /the next start recovers/ }, 'no stop in order claims it either');
  first.kill();

  const second = new StoreUnderTest(disk, ROOT, { seed: 2 });
  const opened = second.open();
  t.equal(opened.recovered.by, 'snapshot');
  t.ok(opened.recovered.from > 0 && opened.recovered.from < written, 'the checkpoint stands before it');
  t.equal(opened.writtenEnd, written);
  for (let queueId = 0; queueId < 4; queueId++) t.same(bodies(second, 'T', queueId), expected(41, queueId), 'it is in its queue now');
});

test('openStore writes the tail once more when the process ended within a sync', async (t) => {
  for (let seed = 1; seed <= 10; seed++) {
    const disk = new MemoryDisk({ seed });
    const first = new StoreUnderTest(disk, ROOT);
    first.open();
    for (let number = 0; number < 400; number++) first.send(message(number));
    const { syncBegun } = storeLayout(ROOT);
    t.equal(new SyncMark(disk, syncBegun).begin(), null);
    disk.fail({ call: 'sync', errno: 'EIO', path: /commitlog/, times: 10 });
    t.throws(() => first.flush(), { code: 'MQ_STORAGE_DISK' }, 'and nobody lives to hear of it');
    const written = first.marks.read(WRITTEN_END);
    first.kill();
    disk.killProcess();

    const second = new StoreUnderTest(disk, ROOT, { seed: 2 });
    t.equal(second.open().writtenEnd, written);
    t.notOk(disk.exists(syncBegun), 'that is settled');
    disk.cutPower();
    const third = new StoreUnderTest(disk, ROOT, { seed: 3 });
    t.equal(third.open().writtenEnd, written, `what the second run told as flushed lasts a power cut (seed ${seed})`);
    for (let queueId = 0; queueId < 4; queueId++) t.same(bodies(third, 'T', queueId), expected(400, queueId));
  }
});

test('StoreActor does not close in order behind a sync that was cut short, and leaves no mark of its own', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  store.send(message(0));
  store.marks.beginSync();
  t.match(store.stop(), { ok: false, error: /the next start recovers/ });
  t.ok(store.disk.exists(storeLayout(ROOT).abort));
  store.marks.endSync();
  t.ok(store.stop().ok, 'it was no such sync');
  t.notOk(wasSyncCutShort(store.disk, storeLayout(ROOT).syncBegun));
});

test('StoreActor refuses a store that another broker holds, and says who', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(directory.remove);
  const first = new StoreUnderTest(new NodeDisk(), directory.path);
  first.open();
  const second = new StoreUnderTest(new NodeDisk(), directory.path);
  t.throws(() => second.open(), { code: 'MQ_STORAGE_LOCKED' });
  t.ok(first.stop().ok);
});

test('StoreActor removes expired segments, moves minima and keeps the rest readable', async (t) => {
  const disk = new MemoryDisk({ seed: 1, now: () => 1 });
  const retention = { reservedHours: 1, deleteHours: [4], diskUsedPercentMax: 100, diskForcePercent: 100, diskFullPercent: 100 };
  const store = new StoreUnderTest(disk, ROOT, { retention, hour: 4 });
  store.open();
  for (let number = 0; number < 2000; number++) {
    store.send(message(number));
    if (number % 500 === 0) store.run(1);
  }
  store.flush();
  const reader = store.reader();
  const pull = (offset: number): { status: string; nextOffset: number } => {
    const request = {
      topic: 'T',
      queueId: 0,
      handle: store.handle('T', 0),
      offset,
      max: 32,
      bytesMax: 1 << 16,
      codes: [],
      visibleMax: 500,
    };
    return { ...reader.pull(request, new Uint8Array(1 << 16)) };
  };
  t.match(pull(0), { status: 'FOUND', nextOffset: 32 });
  t.equal(bodies(store, 'T', 0).length, 500);
  store.run(75);
  t.match(pull(0), { status: /MESSAGE_WAS_REMOVING|OFFSET_FOUND_NULL|FOUND/ }, 'a reader that has the removed files open goes on');
  reader.forgetBefore(store.marks.read(WRITTEN_END) - 1);
  t.match(pull(0), { status: /MESSAGE_WAS_REMOVING|OFFSET_FOUND_NULL/ }, 'and finds them gone when it looks again');
  const handle = store.handle('T', 0);
  const min = store.table.min(handle);
  t.ok(min > 0, 'the queue begins later');
  t.same(bodies(store, 'T', 0), expected(2000, 0).slice(min), 'and what is left is whole');
  t.ok(store.stop().ok);
  const next = new StoreUnderTest(disk, ROOT, { retention });
  next.open();
  t.same(next.opened.queues.find((queue) => queue.queueId === 0)?.min, min, 'the next start knows it');
  t.ok(next.opened.minOffset > 0);
  t.ok(next.stop().ok);
});

test('StoreActor has sends refused on a nearly full disk, removes the oldest segments, and has them taken again', async (t) => {
  const capacityBytes = 4 * 1024 * 1024;
  const disk = new MemoryDisk({ seed: 1, now: () => 1, capacityBytes });
  const retention = { reservedHours: 10_000, deleteHours: [], diskUsedPercentMax: 40, diskForcePercent: 50, diskFullPercent: 60 };
  const store = new StoreUnderTest(disk, ROOT, { retention });
  store.open();
  store.run(1);
  t.equal(store.diskLevels.at(-1), '', 'measured from the start on');
  const usedPercent = (): number => (1 - disk.freeBytes(ROOT).free / capacityBytes) * 100;
  let number = 0;
  const fillTo = (percent: number): void => {
    while (usedPercent() < percent) {
      store.send(message(number++));
      if (number % 100 > 0) continue;
      store.flush();
      store.poll();
      store.advance(3);
    }
    store.flush();
  };
  const told = (): string[] => store.diskLevels.splice(0);
  told();
  fillTo(45);
  store.run(25);
  t.same(
    told().filter((reason) => reason !== ''),
    [],
    'past the first limit nothing is refused, and what is young stays',
  );
  const oldest = () => disk.list(`${ROOT}/commitlog`)[0];
  t.equal(oldest(), '0'.repeat(20));
  fillTo(61);
  store.run(11);
  t.match(
    told()[0],
    /^service not available now: the disk of .+ is 6\d(\.\d)? % full, diskSpaceWarningLevelRatio is 60 %; make room, .* go on at 50 %$/,
  );
  t.not(oldest(), '0'.repeat(20), 'the oldest segments went, though young');
  t.ok(usedPercent() < 60);
  store.run(60);
  t.equal(told().at(-1), '', 'there is room again');
  t.ok(usedPercent() <= 50);
  store.run(60);
  t.same(told(), [], 'which is told a few times, not for ever');
  t.ok(store.stop().ok);
});

test('StoreActor gives chunks and feed back fast enough when the log worker has run out of them', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT, { chunkCount: 8, feedEntries: 1024 });
  store.open();
  let number = 0;
  for (let round = 0; round < 200; round++) {
    for (let one = 0; one < 40; one++) store.put(message(number++));
    for (let attempt = 0; !store.sequence(); attempt++) {
      if (attempt > 20) t.fail('the sequencer is stuck');
      store.advance(3);
      store.poll();
    }
  }
  store.run(1);
  for (let queueId = 0; queueId < 4; queueId++) t.same(bodies(store, 'T', queueId), expected(8000, queueId));
});

test('TailFiler goes on behind a worker that died between two words of a row', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  for (let number = 0; number < 600; number++) store.send(message(number, 'T', 0));
  store.poll();
  store.advance(600);
  const handle = store.handle('T', 0);
  t.equal(store.table.filed(handle), 600);
  for (let number = 600; number < 700; number++) store.send(message(number, 'T', 0));
  // HEAD stands at the third chunk already, FILED still in the second one: what a kill between the two leaves.
  store.table.rows[handle * 16 + 4] = 400;
  const filer = new TailFiler(store.memory.queues);
  const written: [number, number][] = [];
  filer.file(handle, 700, (first, bytes) => written.push([first, bytes.length / 20]));
  t.same(written, [[512, 188]], 'from the chunk on at which HEAD stands');
  t.equal(filer.filed(handle), 700);
});

function totalNext(store: StoreUnderTest): number {
  let sum = 0;
  for (const handle of store.handles.values()) sum += store.table.next(handle);
  return sum;
}

function found(store: StoreUnderTest, key: string): readonly number[] {
  return store.ask<IndexFound>((replyTo) => ({ kind: 'query-index', topic: 'T', key, max: 32, begin: 0, end: 2e15, replyTo })).physical;
}

function text(store: StoreUnderTest, name: string): string {
  const bytes = readWhole(store.disk, join(storeLayout(store.config.directory).config, name), 1 << 20);
  return bytes === null ? '' : Buffer.from(bytes).toString();
}

test('Sequencer leaves its last store time to who takes over, whose clock may have been set back', async (t) => {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), ROOT);
  store.open();
  store.advance(5_000_000);
  store.send(message(0));
  t.equal(store.marks.lastStoreTimestamp, store.simulation.clock.now());
});
