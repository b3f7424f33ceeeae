/** A store that RocketMQ 5.4.0 wrote is read: after a stop in order, after a crash, with damage, and with our own messages added. */
import { type Test, test } from 'tap';
import { decodeMessageRecord, type MessageRecord } from '../../model/message-record.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize, unitTagLow, unitTime } from '../../storage/consume-queue/queue-unit.ts';
import type { Disk } from '../../storage/file.ts';
import { INDEX_ENTRIES, INDEX_SLOTS } from '../../storage/index/index-file.ts';
import { indexKeyHash } from '../../storage/index/key-hash.ts';
import { loadTable } from '../../storage/json-table.ts';
import { MemoryDisk } from '../../storage/memory-disk.ts';
import { NodeDisk } from '../../storage/node-disk.ts';
import { closeStore, type OpenedStore, type OpenStoreOptions, openStore } from '../../storage/open-store.ts';
import { storeLayout } from '../../storage/store-layout.ts';
import { layOutJavaStore } from '../support/java-store.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const VERSION = '5.4.0';
const EVER = Number.MAX_SAFE_INTEGER;

function optionsFor(disk: Disk, root: string, segmentBytes: number, damages: number[] = []): OpenStoreOptions {
  return {
    disk,
    layout: storeLayout(root),
    segmentBytes,
    now: () => 1_800_000_000_000,
    processId: 1,
    delayMsOf: (level) => ([1, 5, 10][level - 1] as number) * 1000,
    onDamage: (damage) => damages.push(damage.position),
  };
}

function recordAt(store: OpenedStore, position: number, size: number): MessageRecord {
  const bytes = new Uint8Array(size);
  store.log.read(bytes, 0, size, position);
  return decodeMessageRecord(bytes, 0);
}

/** Every message by its unit: topic, queue and offset must be those of the queue. */
function readQueue(t: Test, store: OpenedStore, topic: string, queueId: number): MessageRecord[] {
  const queue = store.queues.queue(topic, queueId);
  const unit = new Uint8Array(QUEUE_UNIT_BYTES);
  const records: MessageRecord[] = [];
  for (let offset = queue.minOffset; offset < queue.maxOffset; offset++) {
    queue.read(unit, 0, offset, 1);
    const record = recordAt(store, unitPhysicalOffset(unit, 0), unitSize(unit, 0));
    if (record.topic !== topic || record.queueId !== queueId || record.queueOffset !== offset)
      t.fail(`${topic} ${queueId} ${offset} is ${record.topic} ${record.queueId} ${record.queueOffset}`);
    records.push(record);
  }
  return records;
}

function checkMessages(t: Test, store: OpenedStore): void {
  t.same([...store.queues.queues()].map((queue) => `${queue.topic}/${queue.queueId}:${queue.minOffset}-${queue.maxOffset}`).sort(), [
    'GoldenA/0:0-143',
    'GoldenA/1:0-143',
    'GoldenA/2:0-140',
    'GoldenA/3:0-140',
    'GoldenB/3:0-2',
    'RMQ_SYS_TRANS_HALF_TOPIC/0:0-1',
    'SCHEDULE_TOPIC_XXXX/2:0-1',
    'TRANS_CHECK_MAX_TIME_TOPIC/0:0-1',
  ]);
  const first = readQueue(t, store, 'GoldenA', 1);
  t.equal(Buffer.from(first[1]?.body ?? []).toString(), 'body 3');
  t.equal(Buffer.from(first[142]?.body ?? []).length, 2000);
  const second = readQueue(t, store, 'GoldenB', 3);
  t.same(
    second.map((record) => Buffer.from(record.body).toString()),
    ['中文 body', 'delayed'],
    'the delayed message was delivered',
  );
  const unit = new Uint8Array(QUEUE_UNIT_BYTES);
  store.queues.queue('GoldenB', 3).read(unit, 0, 0, 1);
  t.equal(unitTagLow(unit, 0), 646394, 'hash of 中文');
  store.queues.queue('SCHEDULE_TOPIC_XXXX', 2).read(unit, 0, 0, 1);
  const delayed = recordAt(store, unitPhysicalOffset(unit, 0), unitSize(unit, 0));
  t.equal(unitTime(unit, 0), delayed.storeTimestamp + 10_000, 'a delayed message carries its time of delivery');
}

function checkIndex(t: Test, store: OpenedStore): void {
  const find = (topic: string, key: string): string[] =>
    (store.index?.query(indexKeyHash(topic, key), 100, 0, EVER) ?? []).map((position) => {
      const record = recordAt(store, position, 4096);
      return `${record.topic} ${record.queueId}:${record.queueOffset}`;
    });
  t.same(find('GoldenA', 'shared'), ['GoldenA 1:2', 'GoldenA 0:2', 'GoldenA 1:1', 'GoldenA 0:1', 'GoldenA 1:0', 'GoldenA 0:0']);
  t.same(find('GoldenA', 'big-77'), ['GoldenA 1:22']);
  t.same(find('GoldenB', '钥匙'), ['GoldenB 3:0']);
  t.same(find('GoldenA', 'none'), []);
}

test('openStore reads a store that Java stopped in order, and opens it faster the second time', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const options = optionsFor(disk, '/store', layOutJavaStore(disk, '/store', VERSION));
  const store = openStore(options);
  t.match(store, { wasClean: true, start: { by: 'clean-stop', from: 0 }, records: 571, damaged: 0 });
  checkMessages(t, store);
  checkIndex(t, store);
  t.equal(store.index?.fileCount, 1, 'nothing was indexed again');
  t.equal(disk.exists('/store/abort'), true);
  closeStore(
    { disk, layout: options.layout, ...store },
    { position: store.end, storeTimestamp: store.lastStoreTimestamp, syncedPosition: store.end },
  );
  t.equal(disk.exists('/store/abort'), false);
  const again = openStore(options);
  t.match(again, {
    wasClean: true,
    start: { by: 'snapshot', from: store.end },
    records: 0,
    end: store.end,
    lastStoreTimestamp: store.lastStoreTimestamp,
  });
  checkMessages(t, again);
  checkIndex(t, again);
});

test('openStore reads a store whose Java broker was killed, queues and index behind the log', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const options = optionsFor(disk, '/store', layOutJavaStore(disk, '/store', VERSION));
  disk.open('/store/abort', 'create').close();
  for (const name of disk.list('/store/index')) disk.remove(`/store/index/${name}`);
  // A queue without its end, one without its files, one with units of messages that the log never had.
  const cut = disk.open('/store/consumequeue/GoldenA/0/00000000000000000000', 'write');
  cut.truncate(100 * 20);
  disk.remove('/store/consumequeue/GoldenA/1/00000000000000000000');
  const far = disk.open('/store/consumequeue/GoldenA/2/00000000000000000000', 'write');
  far.write(Buffer.from('00000000ffffff0000000064000000000000000100000000fffffff000000064000000000000000', 'hex'), 0, 39, 140 * 20);
  const store = openStore(options);
  t.match(store, {
    wasClean: false,
    start: { by: 'beginning' },
    records: 571,
    damaged: 0,
    mended: [/GoldenA.0.* had only 2000 of 6000000/],
  });
  checkMessages(t, store);
  checkIndex(t, store);
  t.equal(disk.sizeOf('/store/consumequeue/GoldenA/0/00000000000000000000'), 6_000_000);
});

test('openStore goes on where Java ended: messages, units and keys of both are found', async (t) => {
  const { path, remove } = temporaryDirectory();
  t.teardown(remove);
  const disk = new NodeDisk();
  const options = optionsFor(disk, path, layOutJavaStore(disk, path, VERSION));
  const store = openStore(options);
  checkMessages(t, store);
  store.index?.put(indexKeyHash('GoldenA', 'shared'), 0, store.lastStoreTimestamp + 1);
  store.index?.flush();
  t.equal(store.index?.query(indexKeyHash('GoldenA', 'shared'), 100, 0, EVER).length, 7, 'entries of Java and ours in one chain');
  t.equal(
    disk.sizeOf(store.index?.directory === undefined ? '' : `${path}/index/${disk.list(`${path}/index`)[0]}`),
    40 + INDEX_SLOTS * 4 + INDEX_ENTRIES * 20,
  );
  store.log.close();
  store.queues.close();
  store.index?.close();
  store.checkpoint.close();
});

test('openStore loses one message to a flipped bit in its body, and says which', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const damages: number[] = [];
  const options = optionsFor(disk, '/store', layOutJavaStore(disk, '/store', VERSION), damages);
  disk.flipBit('/store/commitlog/00000000000000000000', 744 + 90, 3);
  const store = openStore(options);
  t.same(damages, [744]);
  t.equal(store.damaged, 1);
  const queue = store.queues.queue('GoldenA', 1);
  t.same([queue.minOffset, queue.maxOffset], [0, 143], 'the queue keeps its offsets');
  const units = new Uint8Array(60);
  queue.read(units, 0, 0, 3);
  t.same([unitSize(units, 0), unitSize(units, 20), unitSize(units, 40)], [248, 0x7fffffff, 248]);
});

test('Tables that Java wrote are read', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  layOutJavaStore(disk, '/store', VERSION);
  const layout = storeLayout('/store');
  const topics = loadTable(disk, layout.topics);
  t.match(topics, { source: 'file', problems: [], value: { dataVersion: { counter: 3 } } });
  t.match(topics.value, { topicConfigTable: { GoldenA: { topicName: 'GoldenA', readQueueNums: 4, writeQueueNums: 4, perm: 6 } } });
  t.match(loadTable(disk, layout.subscriptionGroups).value, { subscriptionGroupTable: { CG: { groupName: 'CG', retryMaxTimes: 16 } } });
  // Keys of queues and levels have no quotes in these files.
  t.match(loadTable(disk, layout.consumerOffsets).value, { offsetTable: { 'GoldenA@CG': { 0: 2 } } });
  t.match(loadTable(disk, layout.delayOffsets).value, { offsetTable: { 3: 1 } });
});
