/** A log worker that died, and its successor's: what is in the log is shown once, what is not is written once, wherever the first one stood. */
import { test } from 'tap';
import { allocateIndexFeed, IndexFeed } from '../../../actors/commit-log/index-feed.ts';
import { InnerAppend } from '../../../actors/commit-log/inner-append.ts';
import { LaneReader } from '../../../actors/commit-log/lane-reader.ts';
import { allocateLane, D_OUTCOME, LaneProducer, OUTCOME_DISK_FULL } from '../../../actors/commit-log/log-lane.ts';
import { allocateRunTable, RunTable } from '../../../actors/commit-log/run-table.ts';
import { Sequencer } from '../../../actors/commit-log/sequencer.ts';
import type { DiskVerdict, LogFiles } from '../../../actors/commit-log/sequencer-parts.ts';
import { allocateWatermarks, DISPATCHED_END, Watermarks, WRITTEN_END } from '../../../actors/commit-log/watermarks.ts';
import { allocateQueues } from '../../../actors/queue/queue-layout.ts';
import { TailWriter } from '../../../actors/queue/tail-writer.ts';
import { takeOverTails } from '../../../actors/queue/take-over-tails.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { topicState } from '../../../actors/topic/topic-table.ts';
import { decodeMessageRecord, type MessageRecord } from '../../../model/message-record.ts';
import { CommitLog } from '../../../storage/commit-log/commit-log.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { diesAtStore } from '../../support/die-at-store.ts';

const topic = topicState(plainTopic('T', 1), Int32Array.of(5));
const HOST = { address: Uint8Array.of(10, 0, 0, 1), port: 10911 };
const IDLE = { waiting: () => {}, written: () => {}, syncWanted: () => {}, storeHurry: () => {}, failed: () => {} };

class World {
  readonly memories = [0, 1].map(() => allocateLane(1 << 20, 64));
  readonly lanes = this.memories.map((memory) => new LaneProducer(memory));
  readonly marks = new Watermarks(allocateWatermarks());
  readonly memory = allocateQueues(16, 16);
  readonly runs = allocateRunTable(64);
  readonly feed = allocateIndexFeed(1024);
  readonly log = CommitLog.open(new MemoryDisk({ seed: 1 }), '/log', 64 * 1024);
  verdict: DiskVerdict = 'fence';
  now = 1_000;

  constructor() {
    new TailWriter(this.memory).create(5, 0, 0, -1);
    this.marks.move(WRITTEN_END, 0);
  }

  put(lane: number, body: string): void {
    const rest = { flag: 0, sysFlag: 0, bornTimestamp: 1, reconsumeTimes: 0, preparedTransactionOffset: 0, delayLevel: 0 };
    const append = new InnerAppend(this.lanes[lane]!, HOST, () => {});
    append.append({ topic, queueId: 0, ...rest, bornHost: HOST, body: Buffer.from(body), properties: new Map() }, () => {});
    this.lanes[lane]!.publish();
  }

  worker(
    takesOver: boolean,
    files: LogFiles = this.log,
    tails = takesOver ? takeOverTails(this.memory) : new TailWriter(this.memory),
  ): Sequencer {
    const sequencer = new Sequencer({
      lanes: this.lanes.map(({ lane }) => lane),
      queues: tails,
      runs: new RunTable(this.runs),
      feed: new IndexFeed(this.feed),
      marks: this.marks,
      files,
      classify: () => this.verdict,
      hooks: IDLE,
      now: () => this.now,
      syncFlush: false,
      delayLevelsMs: [],
      lastStoreTimestamp: 0,
    });
    if (takesOver) sequencer.takeOver();
    return sequencer;
  }

  /** What the queue's units say, by the records at their places. */
  records(): MessageRecord[] {
    const table = new TailWriter(this.memory, true);
    const units = new Uint8Array(20 * 16);
    const count = table.readUnits(5, 0, 16, units);
    const view = new DataView(units.buffer);
    return Array.from({ length: count }, (_, unit) => {
      const bytes = new Uint8Array(view.getInt32(unit * 20 + 8));
      this.log.read(bytes, 0, bytes.length, Number(view.getBigInt64(unit * 20)));
      return decodeMessageRecord(bytes, 0);
    });
  }
}

/** Thrown where a thread dies: no code of the sequencer's may go on behind it. */
const DEATH = 'death';

function dies(run: () => void): void {
  try {
    run();
  } catch {
    return;
  }
  throw new Error('It lived on');
}

test('Sequencer.takeOver: a place given and not written is another record’s, whoever dies next', (t) => {
  const world = new World();
  world.put(0, 'first');
  const write = (): never => {
    throw DEATH;
  };
  dies(() => world.worker(false, { segmentBytes: world.log.segmentBytes, write, writeBlank: write, cutBack: write }).drain(0));
  world.put(1, 'a longer one that takes the same place');
  const tails = new TailWriter(world.memory, true);
  const second = world.worker(true, world.log, tails);
  // It dies behind the mark, before it shows the units.
  tails.publish = () => {
    throw DEATH;
  };
  tails.append = () => {};
  dies(() => second.drain(1));
  t.ok(world.marks.read(WRITTEN_END) > 0, 'what the second one wrote counts');
  const third = world.worker(true);
  t.equal(world.lanes[0]!.lane.written(), 0, 'the first record is not in the log');
  t.equal(world.lanes[1]!.lane.written(), 1, 'the other one is');
  third.drain(0);
  t.same(
    world.records().map(({ body, queueOffset }) => [Buffer.from(body).toString(), queueOffset]),
    [
      ['a longer one that takes the same place', 0],
      ['first', 1],
    ],
  );
  t.end();
});

test('Sequencer.takeOver: wherever a log worker ends between two stores, each record is in the log and in its queue once', (t) => {
  const bodies = ['one', 'two', 'three', 'four'];
  let n = 1;
  for (let died = true; died; n++) {
    const world = new World();
    const first = world.worker(false);
    world.put(0, 'one');
    first.drain(0);
    for (const body of bodies.slice(1)) world.put(1, body);
    died = diesAtStore(n, () => first.drain(1));
    for (const mark of [DISPATCHED_END, WRITTEN_END] as const) world.marks.mend(mark);
    const second = world.worker(true);
    second.poll();
    const found = world.records();
    if (found.map(({ body }) => Buffer.from(body).toString()).join() !== bodies.join()) t.fail(`${n}: ${found.map(({ body }) => body)}`);
    if (found.some(({ queueOffset }, index) => queueOffset !== index)) t.fail(`${n}: ${found.map(({ queueOffset }) => queueOffset)}`);
    if (world.marks.read(DISPATCHED_END) !== second.end) t.fail(`${n}: dispatched to ${world.marks.read(DISPATCHED_END)}`);
    const reader = new LaneReader(world.memories, world.runs, world.marks);
    const bytes = new Uint8Array(4096);
    for (const { physicalOffset, totalSize } of found) {
      reader.begin();
      if (reader.copy(physicalOffset, totalSize, bytes, 0) && decodeMessageRecord(bytes, 0).physicalOffset !== physicalOffset)
        t.fail(`${n}: a lane gives another record out for the one at ${physicalOffset}`);
    }
  }
  t.ok(n > 10, `${n} places`);
  t.end();
});

test('Sequencer.takeOver: wherever a successor ends too, each record is in the log and in its queue once', (t) => {
  const bodies = ['one', 'two', 'three', 'four', 'five'];
  let n = 1;
  for (let isFirst = true; isFirst; n++) {
    let k = 1;
    for (let died = true; died; k++) {
      const world = new World();
      const first = world.worker(false);
      world.put(0, 'one');
      first.drain(0);
      for (const body of bodies.slice(1, 4)) world.put(1, body);
      isFirst = diesAtStore(n, () => first.drain(1));
      for (const mark of [DISPATCHED_END, WRITTEN_END] as const) world.marks.mend(mark);
      died = diesAtStore(k, () => world.worker(true));
      for (const mark of [DISPATCHED_END, WRITTEN_END] as const) world.marks.mend(mark);
      const third = world.worker(true);
      third.poll();
      world.put(0, 'five');
      third.poll();
      const found = world.records().map(({ body, queueOffset }) => `${Buffer.from(body)}@${queueOffset}`);
      if (found.join() !== bodies.map((body, offset) => `${body}@${offset}`).join()) t.fail(`${n}, then ${k}: ${found}`);
      if (world.marks.read(DISPATCHED_END) !== third.end) t.fail(`${n}, then ${k}: dispatched to ${world.marks.read(DISPATCHED_END)}`);
    }
    if (k < 6) t.fail(`${k} places in a take-over`);
  }
  t.ok(n > 10, `${n} places`);
  t.end();
});

test('Sequencer.takeOver: wherever a log worker ends on a full disk, no offset is left out, and what is refused is not there', (t) => {
  let n = 1;
  for (let died = true; died; n++) {
    const world = new World();
    world.verdict = 'cut-back';
    let isFull = true;
    const { segmentBytes } = world.log;
    const files: LogFiles = {
      segmentBytes,
      write: (...given) => {
        if (isFull) throw new Error('no room');
        world.log.write(...given);
      },
      writeBlank: (end) => world.log.writeBlank(end),
      cutBack: (end) => world.log.cutBack(end),
    };
    const first = world.worker(false, files);
    for (const body of ['one', 'two', 'three']) world.put(1, body);
    died = diesAtStore(n, () => first.drain(1));
    for (const mark of [DISPATCHED_END, WRITTEN_END] as const) world.marks.mend(mark);
    const second = world.worker(true, files);
    // Refused by the second one, if the first has not.
    second.poll();
    isFull = false;
    world.now += 1_000;
    world.put(0, 'four');
    second.poll();
    const found = world.records().map(({ body, queueOffset }) => `${Buffer.from(body)}@${queueOffset}`);
    if (found.join() !== 'four@0') t.fail(`${n}: ${found}`);
    const { lane } = world.lanes[1]!;
    if (lane.written() !== 3) t.fail(`${n}: ${lane.written()} are answered`);
    for (let count = 0; count < 3; count++) {
      const outcome = lane.descriptors[lane.descriptorAt(count) + D_OUTCOME];
      if (outcome !== OUTCOME_DISK_FULL) t.fail(`${n}: record ${count} is answered ${outcome}`);
    }
  }
  t.ok(n > 3, `${n} places`);
  t.end();
});

test('Sequencer.takeOver: what a log worker was about to refuse when it ended is stored by one that has room', (t) => {
  let n = 1;
  let stored = 0;
  for (let died = true; died; n++) {
    const world = new World();
    world.verdict = 'cut-back';
    const write = (): never => {
      throw new Error('no room');
    };
    const full: LogFiles = { segmentBytes: world.log.segmentBytes, write, writeBlank: write, cutBack: (end) => world.log.cutBack(end) };
    const first = world.worker(false, full);
    for (const body of ['one', 'two', 'three']) world.put(1, body);
    died = diesAtStore(n, () => first.drain(1));
    for (const mark of [DISPATCHED_END, WRITTEN_END] as const) world.marks.mend(mark);
    const { lane } = world.lanes[1]!;
    const isAnswered = lane.written() === 3;
    world.worker(true).poll();
    const found = world.records().map(({ body, queueOffset }) => `${Buffer.from(body)}@${queueOffset}`);
    const isStored = [0, 1, 2].map((count) => lane.descriptors[lane.descriptorAt(count) + D_OUTCOME] === 0);
    const expected = isAnswered ? '' : 'one@0,two@1,three@2';
    if (found.join() !== expected || isStored.includes(isAnswered)) t.fail(`${n}: ${found}, stored by their answers ${isStored}`);
    if (!isAnswered) stored++;
  }
  t.ok(stored > 0 && n > 3, `${stored} of ${n}`);
  t.end();
});
