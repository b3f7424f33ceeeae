/** A part of the broker appends a message by its shard's lane: what the record is, and what it is told. */
import { test } from 'tap';
import { type Appended, InnerAppend, type InnerMessage } from '../../../actors/commit-log/inner-append.ts';
import {
  allocateLane,
  D_CONNECTION,
  D_FLAGS,
  D_KEY_HASH,
  D_OFFSET_HI,
  D_OFFSET_LO,
  D_OPAQUE,
  D_OUTCOME,
  D_PHYSICAL_HI,
  D_PHYSICAL_LO,
  D_POSITION,
  D_QUEUE,
  D_SIZE,
  D_SLOT,
  D_TAG,
  D_UNIQUE_AT,
  FLAG_ANSWER,
  FLAG_BORN_V6,
  FLAG_DELAYED,
  FLAG_ELSEWHERE,
  FLAG_MANY_KEYS,
  FLAG_TIMED,
  FLAG_UNIQUE,
  FLAG_WAIT_SYNC,
  INNER_SLOT,
  LaneProducer,
  OUTCOME_DISK_FULL,
} from '../../../actors/commit-log/log-lane.ts';
import { allocateWatermarks, FLUSHED_END, Watermarks } from '../../../actors/commit-log/watermarks.ts';
import { SendAnswers } from '../../../actors/gateway/send-answers.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import { topicState } from '../../../actors/topic/topic-table.ts';
import { decodeMessageRecord } from '../../../model/message-record.ts';
import { tagCode } from '../../../model/tag-hash.ts';
import { SendResponseWriter } from '../../../protocol/remoting/response-writer.ts';

const topic = topicState(plainTopic('T', 2), Int32Array.of(40, 41));
const HOST = { address: Uint8Array.of(10, 0, 0, 1), port: 10911 };

class World {
  readonly lane = new LaneProducer(allocateLane(1 << 20, 16));
  readonly marks = new Watermarks(allocateWatermarks());
  turns = 0;
  readonly append = new InnerAppend(this.lane, HOST, () => void this.turns++);
  readonly answers: SendAnswers;
  readonly told: Appended[] = [];

  constructor(syncFlush = false) {
    this.answers = new SendAnswers({
      lane: this.lane,
      marks: this.marks,
      writer: new SendResponseWriter(Uint8Array.of(10, 0, 0, 1, 0, 0, 42, 159), 'R', true),
      connections: [null],
      syncFlush,
      released: () => {},
      inner: this.append,
      brokerName: 'broker-a',
    });
  }

  put(more: Partial<InnerMessage> = {}, isPatient = false): ReturnType<InnerAppend['append']> {
    const rest = { flag: 7, sysFlag: 0, bornTimestamp: 1_700_000_000_000, reconsumeTimes: 3, preparedTransactionOffset: 9, delayLevel: 0 };
    const properties = new Map([
      ['TAGS', 'a'],
      ['KEYS', 'k1 k2'],
      ['UNIQ_KEY', 'U'],
    ] as [string, string][]);
    const message = { topic, queueId: 1, ...rest, bornHost: HOST, body: Buffer.from('body'), properties, ...more };
    return this.append.append(message, (appended) => this.told.push(appended), isPatient);
  }

  /** What the log worker does with everything published. */
  write(outcome = 0): void {
    this.lane.publish();
    const { lane } = this.lane;
    for (let count = lane.written(); count !== lane.published(); count = (count + 1) | 0) {
      const at = lane.descriptorAt(count);
      lane.descriptors[at + D_OUTCOME] = outcome;
      lane.descriptors[at + D_PHYSICAL_HI] = 0;
      lane.descriptors[at + D_PHYSICAL_LO] = 1000;
      lane.descriptors[at + D_OFFSET_HI] = 0;
      lane.descriptors[at + D_OFFSET_LO] = 5;
    }
    lane.setWritten(lane.published());
  }

  words(count: number): (word: number) => number {
    const at = this.lane.lane.descriptorAt(count);
    return (word) => this.lane.lane.descriptors[at + word]!;
  }
}

test('InnerAppend puts a whole record and its descriptor into the lane', (t) => {
  const world = new World();
  t.equal(world.put(), null, 'taken');
  t.equal(world.turns, 1, 'the shard has a turn to publish it in');
  const word = world.words(0);
  const record = decodeMessageRecord(world.lane.lane.bytes.slice(word(D_POSITION), word(D_POSITION) + word(D_SIZE)), 0);
  const given = { topic: 'T', queueId: 1, flag: 7, reconsumeTimes: 3, preparedTransactionOffset: 9, queueOffset: -1, physicalOffset: -1 };
  t.match(record, { ...given, storeHost: { port: 10911 }, properties: 'TAGS\x01a\x02KEYS\x01k1 k2\x02UNIQ_KEY\x01U\x02' });
  t.equal(word(D_QUEUE), 41);
  t.equal(word(D_TAG), tagCode('a'));
  t.equal(word(D_SLOT), INNER_SLOT);
  t.equal(word(D_FLAGS), FLAG_ANSWER | FLAG_WAIT_SYNC | FLAG_UNIQUE | FLAG_MANY_KEYS);
  const v6 = { address: new Uint8Array(16).fill(1), port: 2 };
  world.put({ properties: new Map(), delayLevel: 4, bornHost: v6 });
  t.equal(world.words(1)(D_FLAGS), FLAG_ANSWER | FLAG_WAIT_SYNC | FLAG_DELAYED | FLAG_BORN_V6);
  t.equal(world.words(1)(D_TAG), 4, 'a parked one has its level where others have their tag');
  t.end();
});

test('InnerAppend tells once what became of a record', (t) => {
  const world = new World();
  world.put();
  world.put();
  world.answers.poll();
  t.same(world.told, [], 'taken is not stored');
  world.write();
  world.answers.poll();
  const stored = { kind: 'stored', outcome: 0, remark: '', physicalOffset: 1000, queueOffset: 5 };
  t.same(world.told, [stored, stored]);
  t.equal(world.lane.pending, 0, 'their room is free again');
  world.put();
  world.write(OUTCOME_DISK_FULL);
  world.answers.poll();
  t.match(world.told[2], { kind: 'refused', outcome: OUTCOME_DISK_FULL, remark: /the disk of the commit log is full/ });
  t.end();
});

test('InnerAppend waits for the disk in synchronous flush', (t) => {
  const world = new World(true);
  world.put();
  world.write();
  world.answers.poll();
  t.same(world.told, [], 'written is not flushed');
  world.marks.move(FLUSHED_END, 1_000_000);
  world.answers.poll();
  t.match(world.told, [{ kind: 'stored' }]);
  t.end();
});

test('InnerAppend tells of what is late, but not the patient', (t) => {
  const world = new World();
  world.put();
  world.put({}, true);
  world.answers.expire(0, 100);
  world.answers.expire(101, 100);
  t.match(world.told, [{ kind: 'late' }], 'nobody knows yet');
  world.write();
  world.answers.poll();
  t.match(world.told, [{ kind: 'late' }, { kind: 'stored' }], 'the patient one hears when it is so, the other not twice');
  const sync = new World(true);
  sync.put();
  sync.write();
  sync.answers.expire(0, 100);
  sync.answers.expire(101, 100);
  t.match(sync.told, [{ kind: 'flush-late', physicalOffset: 1000 }], 'written, and not on the disk in time');
  t.end();
});

test('InnerAppend refuses at once, and takes nothing', (t) => {
  const world = new World();
  t.equal(world.put({ properties: new Map([['p', 'x'.repeat(32_766)]]) }), 'properties-too-long');
  for (let i = 0; i < 16; i++) world.put();
  t.equal(world.put(), 'lane-full', 'no descriptor is left');
  const small = new World();
  t.equal(small.put({ body: new Uint8Array(600_000) }), null);
  t.equal(small.put({ body: new Uint8Array(600_000) }), 'lane-full', 'no bytes are left');
  t.equal(small.lane.pending, 1);
  const refusing = new World();
  refusing.append.refuseFor('the disk is nearly full');
  t.equal(refusing.put(), 'refused');
  t.equal(refusing.append.refusal, 'the disk is nearly full');
  refusing.append.refuseFor('');
  t.equal(refusing.put(), null, 'there is room again');
  refusing.append.refuseAll('the broker stops');
  refusing.append.refuseFor('');
  t.equal(refusing.put(), 'refused', 'a stop is for good');
  t.end();
});

test('InnerAppend tells of a run only what was not stored', (t) => {
  const world = new World();
  const record = new Uint8Array(100);
  const one = { topic, queueId: 0, record, at: 0, size: 100, tag: 7, uniqueHash: -1, hasKeys: false };
  const told: unknown[] = [];
  t.equal(
    world.append.appendRun([one, one], (appended) => told.push(appended)),
    null,
  );
  t.equal(world.words(0)(D_FLAGS) & world.words(1)(D_FLAGS) & FLAG_ANSWER, 0, 'one is answered for both');
  world.write();
  world.answers.poll();
  t.same(told, [null], 'all are stored');
  world.append.appendRun([one, one], (appended) => told.push(appended));
  world.write(OUTCOME_DISK_FULL);
  world.answers.poll();
  t.match(told[1], [{ kind: 'refused', outcome: OUTCOME_DISK_FULL }, { kind: 'refused' }]);
  t.end();
});

test('InnerAppend has what a client sent elsewhere answered as a send', (t) => {
  const world = new World();
  const text = 'UNIQ_KEY\u0001U1\u0002REAL_TOPIC\u0001T\u0002REAL_QID\u00013\u0002';
  const rest = { flag: 0, sysFlag: 0, bornTimestamp: 1, bornHost: HOST, reconsumeTimes: 0, preparedTransactionOffset: 0 };
  const properties = Buffer.from(`${text}more`);
  const own = { propertiesBytes: text.length, tag: 0, uniqueHash: 9, uniqueStart: 9, uniqueEnd: 11, hasKeys: false };
  const message = { topic, queueId: 1, ...rest, body: Buffer.from('body'), properties, ...own, delayLevel: 0 };
  const sender = { slot: 5, connection: 77, opaque: 12 };
  t.equal(world.append.appendSent({ ...message, ...sender, unitTime: 2 ** 33 + 5, answerFlags: FLAG_ANSWER }), null);
  const word = world.words(0);
  t.same([word(D_SLOT), word(D_CONNECTION), word(D_OPAQUE)], [5, 77, 12]);
  t.same([word(D_TAG), word(D_KEY_HASH)], [5, 2], 'the time of its unit');
  t.equal(word(D_FLAGS), FLAG_ANSWER | FLAG_WAIT_SYNC | FLAG_UNIQUE | FLAG_TIMED | FLAG_ELSEWHERE);
  const { bytes } = world.lane.lane;
  const unique = word(D_UNIQUE_AT);
  const at = word(D_POSITION) + (unique >>> 9);
  t.equal(Buffer.from(bytes.slice(at, at + (unique & 511))).toString(), 'U1', 'its unique key is told');
  t.match(decodeMessageRecord(bytes.slice(word(D_POSITION), word(D_POSITION) + word(D_SIZE)), 0), { properties: text });
  world.append.appendSent({ ...message, ...sender, delayLevel: 3, unitTime: 0, answerFlags: 0 });
  t.equal(world.words(1)(D_FLAGS), FLAG_WAIT_SYNC | FLAG_UNIQUE | FLAG_DELAYED | FLAG_ELSEWHERE, 'one-way');
  t.equal(world.words(1)(D_TAG), 3);
  t.end();
});
