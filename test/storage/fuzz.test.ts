/**
 * Every decoder of files at rest against broken content: a start on a bad disk ends in a clear error or a mended store, never in a wrong
 * byte, a hang or a crash.
 */

import { parseRequestModes, RequestModesFileError } from '../../actors/assignment/request-modes-json.ts';
import { ConfigTextError } from '../../actors/broker/errors.ts';
import { parsePropertiesText } from '../../actors/broker/properties-text.ts';
import { GroupsFileError, parseGroupsFile } from '../../actors/consumer-group/groups-json.ts';
import { parseKeyValues } from '../../actors/name-server/key-value-actor.ts';
import { parseJournalStarts } from '../../actors/pop/pop-journal-keeper.ts';
import { decodePopRecord } from '../../actors/pop/pop-record.ts';
import { DelayOffsetsFileError, parseDelayOffsets } from '../../actors/timer/delay-offsets-json.ts';
import { parseJavaTimerCheck } from '../../actors/timer/java-timer-check.ts';
import { parseWheel, WheelFileError } from '../../actors/timer/wheel-checkpoint.ts';
import { parseTopicsFile, TopicsFileError } from '../../actors/topic/topics-json.ts';
import { MessageRecordError, MessageTextError } from '../../model/errors.ts';
import { encodeMessageRecord, RECORD_MAGIC_BLANK, writeInt32, writeInt64 } from '../../model/message-record.ts';
import { Checkpoint, recoveryBaseMs } from '../../storage/checkpoint.ts';
import { recoverCommitLog } from '../../storage/commit-log/recover.ts';
import { ConsumeQueueSet } from '../../storage/consume-queue/consume-queue-set.ts';
import { decodeQueueTable, encodeQueueTable } from '../../storage/consume-queue/queue-table.ts';
import { QUEUE_UNIT_BYTES, writeQueueUnit } from '../../storage/consume-queue/queue-unit.ts';
import { loadDeletedTopics } from '../../storage/deleted-topics.ts';
import { StorageError } from '../../storage/errors.ts';
import { IndexSet } from '../../storage/index/index-set.ts';
import { loadTable, parseLenient } from '../../storage/json-table.ts';
import { MemoryDisk } from '../../storage/memory-disk.ts';
import { TimerRun, TimerRunWriter } from '../../storage/timer/timer-run.ts';
import { type FuzzTarget, fuzz } from '../support/fuzzing.ts';

const SEGMENT_BYTES = 4096;
const UNITS = 16;
const SHAPE = { slots: 8, entries: 12 };

/** A disk with one file of these bytes. */
function diskWith(path: string, bytes: Uint8Array): MemoryDisk {
  const disk = new MemoryDisk({ seed: 1 });
  disk.makeDirectory(path.slice(0, path.lastIndexOf('/')));
  const file = disk.open(path, 'create');
  if (bytes.length > 0) file.write(bytes, 0, bytes.length, 0);
  file.close();
  return disk;
}

function logBytes(): Uint8Array {
  const bytes = new Uint8Array(2 * SEGMENT_BYTES);
  let position = 0;
  for (let number = 0; number < 12; number++) {
    const properties = `KEYS\x01k${number}\x02UNIQ_KEY\x01U${number}\x02DELAY\x013\x02TAGS\x01A\x02`;
    const record = encodeMessageRecord({
      topic: number % 3 === 0 ? 'SCHEDULE_TOPIC_XXXX' : 'T',
      queueId: number % 2,
      queueOffset: number,
      physicalOffset: position,
      storeTimestamp: 1_700_000_000_000 + number,
      body: Buffer.alloc(20 * number, 0x61),
      properties,
    });
    if ((position % SEGMENT_BYTES) + record.length + 8 > SEGMENT_BYTES) {
      const room = SEGMENT_BYTES - (position % SEGMENT_BYTES);
      writeInt32(bytes, position, room);
      writeInt32(bytes, position + 4, RECORD_MAGIC_BLANK);
      position += room;
      continue;
    }
    bytes.set(record, position);
    position += record.length;
  }
  return bytes;
}

/** Records come in order, lie within the bytes, and recovery ends behind the last. */
function recover(bytes: Uint8Array): void {
  const read = (into: Uint8Array, offset: number, length: number, position: number): number => {
    const room = SEGMENT_BYTES - (position % SEGMENT_BYTES);
    const part = bytes.subarray(position, Math.min(bytes.length, position + Math.min(length, room)));
    into.set(part, offset);
    return part.length;
  };
  let end = 0;
  const found = recoverCommitLog(
    { segmentBytes: SEGMENT_BYTES, read },
    {
      from: 0,
      readBytes: 4096,
      recordBytesMax: SEGMENT_BYTES,
      onRecord: (record) => {
        if (record.position < end || record.position + record.size > bytes.length) throw new Error('a record beyond its place');
        if (record.bodyLength < 0 || record.keysLength < 0 || record.topic() === '') throw new Error('a part beyond its record');
        end = record.position + record.size;
      },
      onDamage: (damage) => {
        if (damage.position < end || damage.end <= damage.position) throw new Error('damage that is none');
        end = damage.end;
      },
    },
  );
  if (found.end < end) throw new Error('an end before the last record');
}

const indexBytes = (): Uint8Array => {
  const disk = new MemoryDisk({ seed: 1 });
  const index = IndexSet.open(disk, '/index', { shape: SHAPE, now: () => 1 });
  for (let entry = 0; entry < 10; entry++) index.put(entry * 3, 100 * entry, 1_700_000_000_000 + 1000 * entry);
  index.flush();
  const name = disk.list('/index')[0]!;
  const bytes = new Uint8Array(disk.sizeOf(`/index/${name}`));
  disk.open(`/index/${name}`, 'read').read(bytes, 0, bytes.length, 0);
  return bytes;
};

function openIndex(bytes: Uint8Array): void {
  const disk = diskWith('/index/20260101000000000', bytes);
  for (const isSuspect of [false, true]) {
    const index = IndexSet.open(disk, '/index', { shape: SHAPE, now: () => 1, isSuspect });
    for (const hash of [0, 3, 0x7fff_ffff])
      if (index.query(hash, 100, 0, Number.MAX_SAFE_INTEGER).length > 100) throw new Error('more than was asked for');
    index.put(3, 5000, 1_700_000_100_000);
    index.truncateFrom(4000);
    index.flush();
    index.close();
  }
}

const unitBytes = (): Uint8Array => {
  const bytes = new Uint8Array(UNITS * QUEUE_UNIT_BYTES);
  for (let unit = 0; unit < 9; unit++) writeQueueUnit(bytes, unit * QUEUE_UNIT_BYTES, unit * 150, 150, unit);
  return bytes;
};

function openQueue(bytes: Uint8Array): void {
  const disk = diskWith('/queues/T/0/00000000000000000000', bytes);
  const set = ConsumeQueueSet.open(disk, '/queues', { isWritable: true, unitsPerFile: UNITS, isTailSuspect: true });
  set.scan(300);
  set.truncatePhysical(900);
  for (const queue of set.queues()) {
    const { minOffset, maxOffset } = queue;
    if (minOffset < 0 || maxOffset < minOffset || maxOffset > UNITS) throw new Error(`a queue from ${minOffset} to ${maxOffset}`);
    if (maxOffset < UNITS) set.append(queue, unitBytes(), 0, QUEUE_UNIT_BYTES, maxOffset);
  }
  set.flush();
  set.close();
}

function openCheckpoint(bytes: Uint8Array): void {
  const checkpoint = Checkpoint.open(diskWith('/store/checkpoint', bytes), '/store/checkpoint');
  if (Number.isNaN(recoveryBaseMs(checkpoint.values))) throw new Error('a checkpoint of no time');
  checkpoint.close();
}

const runBytes = (): Uint8Array => {
  const disk = new MemoryDisk({ seed: 1 });
  disk.makeDirectory('/runs');
  const writer = new TimerRunWriter(disk, '/runs/1');
  const units = unitBytes();
  for (let unit = 0; unit < 9; unit++) writer.put(units, unit * QUEUE_UNIT_BYTES);
  writer.finish();
  const bytes = new Uint8Array(disk.sizeOf('/runs/1'));
  disk.open('/runs/1', 'read').read(bytes, 0, bytes.length, 0);
  return bytes;
};

function readRun(bytes: Uint8Array): void {
  const run = new TimerRun(diskWith('/runs/1', bytes), '/runs/1');
  let units = 0;
  for (; !run.isAtEnd; run.next()) if (++units > bytes.length) throw new Error('more units than bytes');
}

const times = { physicMs: 1, logicsMs: 2, indexMs: 3 };
const table = encodeQueueTable({
  position: 500,
  logMin: 0,
  indexEnd: 400,
  checkpoint: times,
  formerCheckpoint: times,
  topics: new Map([['T', [{ queueId: 0, min: 0, max: 9 }]]]),
});
const checkpoint = new Uint8Array(4096);
for (let at = 0; at < 40; at += 8) writeInt64(checkpoint, at, 1_700_000_000_000);

const text = (json: unknown): Uint8Array => Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
const topics = text({
  dataVersion: { counter: 3, stateVersion: 0, timestamp: 1 },
  topicConfigTable: { T: { topicName: 'T', readQueueNums: 4, writeQueueNums: 4, perm: 6, attributes: { a: 'b' } } },
});
const groups = text({
  dataVersion: { counter: 1 },
  subscriptionGroupTable: { G: { groupName: 'G', retryMaxTimes: 16 } },
  forbiddenTable: { G: { T: 4 } },
});
const parsed = (bytes: Uint8Array): unknown => parseLenient(Buffer.from(bytes).toString());

const targets: FuzzTarget[] = [
  { name: 'commit log', corpus: [logBytes()], run: recover },
  { name: 'index file', corpus: [indexBytes()], run: openIndex },
  { name: 'consume queue', corpus: [unitBytes()], run: openQueue },
  { name: 'queue table', corpus: [table], run: (bytes) => void decodeQueueTable(bytes) },
  { name: 'checkpoint', corpus: [checkpoint], run: openCheckpoint },
  { name: 'topics.json', corpus: [topics], run: (bytes) => void parseTopicsFile(parsed(bytes)) },
  { name: 'subscriptionGroup.json', corpus: [groups], run: (bytes) => void parseGroupsFile(parsed(bytes)) },
  {
    name: 'delayOffset.json',
    corpus: [text('{"offsetTable":{1:33,2:0},"dataVersion":{"counter":2}}')],
    run: (bytes) => void parseDelayOffsets(parsed(bytes)),
  },
  { name: 'timer run', corpus: [runBytes()], run: readRun },
  {
    name: 'timing wheel',
    corpus: [text({ dataVersion: { counter: 1 }, marks: [{ ms: 1_700_000_000_000, recall: false, physical: 5, end: 9 }], pending: 3 })],
    run: (bytes) => void parseWheel(parsed(bytes)),
  },
  {
    name: 'messageRequestMode.json',
    corpus: [text({ messageRequestModeMap: { T: { G: { topic: 'T', consumerGroup: 'G', mode: 'POP', popShareQueueNum: 2 } } } })],
    run: (bytes) => void parseRequestModes(parsed(bytes)),
  },
  {
    name: 'pop records',
    corpus: [text({ v: 1, g: 'G', t: 'T', n: 3, w: 1, e: [[0, 1, 'p', 5, 6, 7]] })],
    run: (bytes) => void decodePopRecord(bytes),
  },
  {
    name: 'deleted topics',
    corpus: [text({ topics: { T: 5 } })],
    run: (bytes) => void loadDeletedTopics(diskWith('/c/d.json', bytes), '/c/d.json'),
  },
  {
    name: 'pop journal starts',
    corpus: [text({ starts: { 0: 5, 17: 3 } })],
    run: (bytes) => void parseJournalStarts(parsed(bytes)),
  },
  {
    name: 'kvConfig.json',
    corpus: [text({ configTable: { ORDER_TOPIC_CONFIG: { T: 'b:4' } } })],
    run: (bytes) => void parseKeyValues(parsed(bytes)),
  },
  { name: 'timercheck', corpus: [checkpoint.slice(0, 64)], run: (bytes) => void parseJavaTimerCheck(bytes) },
  { name: 'tables', corpus: [topics, groups], run: (bytes) => void loadTable(diskWith('/c/t.json', bytes), '/c/t.json') },
  {
    name: 'properties',
    corpus: [text('# a comment\nbrokerName = broker-a\ndeleteWhen=04\\\n;16\nx=\\u4e2d\n')],
    run: (bytes) => void parsePropertiesText(Buffer.from(bytes).toString(), 'broker.conf'),
  },
];

/** True: the input was taken. Throws what is not one of the declared errors. */
function declared(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof StorageError || error instanceof ConfigTextError || error instanceof SyntaxError) return false;
    if (error instanceof TopicsFileError || error instanceof GroupsFileError || error instanceof DelayOffsetsFileError) return false;
    if (error instanceof WheelFileError || error instanceof RequestModesFileError) return false;
    if (error instanceof MessageRecordError || error instanceof MessageTextError) return false;
    throw error;
  }
}

fuzz('Decoders of files', targets, declared, { inputsDefault: 60_000, inputMicrosMax: 2_000 });
