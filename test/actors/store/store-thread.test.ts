/** Store worker, sync worker, log worker and reader as threads: killed under load, nothing is lost, and they stop in order. */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { parseBrokerConfig } from '../../../actors/broker/broker-config.ts';
import { allocateBrokerMemory, type BrokerMemory, READ_SLOT_BYTES } from '../../../actors/broker/broker-memory.ts';
import { D_FLAGS, D_KEY_HASH, D_QUEUE, FLAG_KEY, FLAG_WAIT_SYNC, LaneProducer } from '../../../actors/commit-log/log-lane.ts';
import { Watermarks } from '../../../actors/commit-log/watermarks.ts';
import { QueueTable } from '../../../actors/queue/queue-table.ts';
import type { OpenedStore } from '../../../actors/store/open-store.ts';
import type { ColdRead, ReaderCommand } from '../../../actors/store/reader-actor.ts';
import { type IndexFound, openStoreOf, type StoreCommand } from '../../../actors/store/store-messages.ts';
import { decodeMessageRecords, encodeMessageRecord } from '../../../model/message-record.ts';
import { ActorSystem } from '../../../runtime/actor-system.ts';
import type { ThreadEvent, ThreadSpec } from '../../../runtime/supervision/thread-spec.ts';
import { indexKeyHash } from '../../../storage/index/key-hash.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const QUEUES = 4;
const SEGMENT_BYTES = 1024 * 1024;

class Threads {
  readonly memory: BrokerMemory = allocateBrokerMemory({ shards: 1, laneBytes: 1 << 20, queueMax: 64, counterWords: 16 });
  readonly marks = new Watermarks(this.memory.marks);
  readonly table = new QueueTable(this.memory.queues);
  readonly lane = new LaneProducer(this.memory.lanes[0]!);
  readonly events: ThreadEvent[] = [];
  readonly directory: string;
  readonly syncFlush: boolean;
  system!: ActorSystem;
  opened!: OpenedStore;

  constructor(directory: string, syncFlush: boolean) {
    this.directory = directory;
    this.syncFlush = syncFlush;
  }

  async start(): Promise<void> {
    const { memory, directory, syncFlush } = this;
    const log = { memory, directory: `${directory}/commitlog`, segmentBytes: SEGMENT_BYTES, syncFlush };
    const { syncFailed, syncBegun } = storeLayout(directory);
    const machine = { cores: 1, hosts: [], currentDirectory: directory };
    const { config: settings } = parseBrokerConfig('flushIntervalCommitLog=100', {}, {}, { role: 'start', machine });
    const store = {
      memory,
      settings,
      shards: [],
      config: { directory, segmentBytes: SEGMENT_BYTES, syncFlush, indexEnable: true, indexShape: { slots: 5000, entries: 100_000 } },
      logThread: 'log',
      syncThread: 'sync',
    };
    const reader = { memory, config: { storePath: directory, commitLogSegmentBytes: SEGMENT_BYTES, flushDiskType: 'ASYNC_FLUSH' } };
    const thread = (name: string, path: string, data: unknown): ThreadSpec => ({
      name,
      loop: 'blocking',
      module: new URL(`../../../actors/${path}.ts`, import.meta.url),
      data,
    });
    this.system = await ActorSystem.start({
      root: {
        id: 'store',
        strategy: 'one-for-one',
        intensity: 100,
        periodMs: 60_000,
        children: [
          thread('store', 'store/store-main', store),
          thread('sync', 'commit-log/sync-main', { ...log, syncFailed, syncBegun, config: settings }),
          thread('log', 'commit-log/log-main', log),
          thread('reader', 'store/reader-main', reader),
          { name: 'shard-0', group: 'shard', loop: 'event', module: new URL('../../support/idle-thread.ts', import.meta.url) },
        ],
      },
      placement: [
        { prefix: 'commit-log', thread: 'log' },
        { prefix: 'store', thread: 'store' },
        { prefix: 'reader', thread: 'reader' },
        { prefix: 'timer-files', thread: 'reader' },
      ],
      onThreadEvent: (event) => this.events.push(event),
      log: () => {},
    });
    this.opened = await openStoreOf((target, build, ms) => this.system.ask(target, build, ms), this.system.ref<StoreCommand>('store'));
    this.marks.open(this.opened.lastStoreTimestamp);
  }

  handle(queueId: number): number {
    return this.opened.queues.find((queue) => queue.queueId === queueId)?.handle ?? queueId;
  }

  put(number: number): void {
    const queueId = number % QUEUES;
    const handle = this.handle(queueId);
    if (!this.table.isUsed(handle)) this.table.create(handle, 0, 0, -1);
    const key = `k${number}`;
    const record = encodeMessageRecord({ topic: 'T', queueId, body: Buffer.from(`body ${number}`), properties: `KEYS\x01${key}\x02` });
    const at = this.lane.reserve(record.length);
    this.lane.lane.bytes.set(record, at);
    const descriptor = this.lane.commit(record.length);
    const words = this.lane.lane.descriptors;
    words[descriptor + D_QUEUE] = handle;
    words[descriptor + D_FLAGS] = FLAG_KEY | FLAG_WAIT_SYNC;
    words[descriptor + D_KEY_HASH] = indexKeyHash('T', key);
  }

  /** Sends `count` messages and waits until they are written. */
  async send(first: number, count: number): Promise<void> {
    for (let number = first; number < first + count; number++) this.put(number);
    this.lane.publish();
    const log = this.system.context.threadIndex('log');
    while (this.lane.lane.written() !== this.lane.head) {
      this.system.context.wake(log);
      await sleep(1);
    }
    this.lane.release(this.lane.head);
  }

  async readAll(queueId: number): Promise<string[]> {
    const handle = this.handle(queueId);
    const texts: string[] = [];
    const slot = new Uint8Array(this.memory.readSlots[0]!.buffer, 0, READ_SLOT_BYTES);
    const visibleMax = this.table.next(handle);
    for (let offset = 0; offset < visibleMax; ) {
      const from = offset;
      const read = await this.system.ask<ColdRead, ReaderCommand>(
        this.system.ref('reader'),
        (replyTo) => ({
          kind: 'cold-pull',
          ticket: 1,
          slot: 0,
          shard: 0,
          topic: 'T',
          queueId,
          handle,
          offset: from,
          max: 1000,
          bytesMax: 1 << 20,
          codes: [],
          min: 0,
          visibleMax,
          replyTo,
        }),
        10_000,
      );
      for (const record of decodeMessageRecords(slot.slice(0, read.length))) texts.push(Buffer.from(record.body).toString());
      if (read.nextOffset === offset) await sleep(5);
      offset = read.nextOffset;
    }
    return texts;
  }

  async find(number: number): Promise<number> {
    const found = await this.system.ask<IndexFound, StoreCommand>(
      this.system.ref('store'),
      (replyTo) => ({ kind: 'query-index', topic: 'T', key: `k${number}`, max: 10, begin: 0, end: 1e15, replyTo }),
      10_000,
    );
    return found.physical.length;
  }
}

function expected(count: number, queueId: number): string[] {
  return Array.from({ length: Math.ceil((count - queueId) / QUEUES) }, (_, offset) => `body ${queueId + offset * QUEUES}`);
}

for (const syncFlush of [false, true]) {
  test(`store threads killed under load lose nothing, ${syncFlush ? 'sync' : 'async'} flush`, async (t) => {
    const directory = temporaryDirectory();
    t.teardown(directory.remove);
    const threads = new Threads(directory.path, syncFlush);
    await threads.start();
    let sent = 0;
    for (let round = 0; round < 6; round++) {
      await threads.send(sent, 500);
      sent += 500;
      const victim = round % 3 === 2 ? 'reader' : 'store';
      const death = threads.system.terminateThread(victim);
      await threads.send(sent, 500);
      sent += 500;
      await death;
      // Killed again at once, the next round would only meet a thread that has not begun.
      while (threads.events.filter((event) => event.kind === 'restarted').length <= round) await sleep(5);
    }
    for (let queueId = 0; queueId < QUEUES; queueId++)
      t.same(await threads.readAll(queueId), expected(sent, queueId), 'every message once, in order');
    for (const number of [0, 499, 500, 999, 2500, sent - 1]) t.equal(await threads.find(number), 1, `key of message ${number}`);
    t.notOk(threads.marks.fenced, 'no promise was broken');
    t.equal(threads.events.filter((event) => event.kind === 'restarted').length, 6, 'each was replaced');
    t.equal(threads.events.filter((event) => event.kind === 'died').length, 6, 'and died once only');
    await threads.system.stop();
    t.same([...readFileSync(storeLayout(directory.path).syncBegun)], [0], 'every sync came to its end');

    const next = new Threads(directory.path, syncFlush);
    await next.start();
    t.ok(next.opened.wasClean, 'they stopped in order');
    t.equal(next.opened.recovered.scannedBytes, 0, 'with a checkpoint at the end');
    for (let queueId = 0; queueId < QUEUES; queueId++) t.same(await next.readAll(queueId), expected(sent, queueId));
    await next.system.stop();
  });
}
