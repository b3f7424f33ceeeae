/**
 * Every decoder of the remoting protocol and of message records against broken input: truncated, mutated, spliced, oversized and random. Nothing may
 * throw but the declared errors, take long, or keep memory. FUZZ_INPUTS sets the number of inputs (default 10^6), FUZZ_SEED replays a run.
 */
import { readdirSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { parseSql } from '../../actors/filter/parse-sql.ts';
import { SqlFault } from '../../actors/filter/sql-tokens.ts';
import { batchFault } from '../../actors/gateway/batch-fault.ts';
import { parseRecallHandle, RecallHandleWriter } from '../../actors/timer/recall-handle.ts';
import { MessageRecordError, MessageTextError } from '../../model/errors.ts';
import { parseMessageId } from '../../model/message-id.ts';
import { parseProperties } from '../../model/message-property.ts';
import { decodeMessageRecords, encodeMessageRecord, readInt32 } from '../../model/message-record.ts';
import { parseTags } from '../../model/subscription.ts';
import { encodeMessageBatch } from '../../protocol/remoting/bodies/message-batch.ts';
import { decodeRegisterBrokerBody, encodeDeflatedRegisterBrokerBody } from '../../protocol/remoting/bodies/register-broker-body.ts';
import { parseTolerantJson } from '../../protocol/remoting/bodies/tolerant-json.ts';
import { decodeCommand, encodeCommand, peekHeader } from '../../protocol/remoting/command.ts';
import { END_FOUND_REQUIRED, EndHeader, scanEndHeader } from '../../protocol/remoting/end-scanner.ts';
import { BodyError, FieldError, FrameError } from '../../protocol/remoting/errors.ts';
import { FrameReader } from '../../protocol/remoting/frame-reader.ts';
import { unescapeInto } from '../../protocol/remoting/json-scan.ts';
import { fillPullFromCommand, PullHeader, scanPullHeader } from '../../protocol/remoting/pull-scanner.ts';
import { parseReceipt } from '../../protocol/remoting/receipt.ts';
import { SendHeader } from '../../protocol/remoting/send-header.ts';
import { fillFromCommand, scanSendHeader } from '../../protocol/remoting/send-scanner.ts';
import { type FuzzTarget, fuzz } from '../support/fuzzing.ts';

const SEND = {
  a: 'PG',
  b: 'TopicTest',
  c: 'TBW102',
  d: 4,
  e: 3,
  f: 0,
  g: 1_700_000_000_000,
  h: 0,
  i: 'UNIQ_KEY\u0001X\u0002"中😀\\',
  j: 0,
  k: false,
  l: 16,
  m: false,
};
const LONG_SEND = {
  producerGroup: 'G',
  topic: 'T',
  defaultTopic: 'TBW102',
  defaultTopicQueueNums: 4,
  queueId: -1,
  sysFlag: 0,
  bornTimestamp: 1,
  flag: 0,
  properties: 'a\u0001b',
  batch: true,
};
const PULL = {
  consumerGroup: 'G',
  topic: 'T',
  queueId: 3,
  queueOffset: 123_456,
  maxMsgNums: 32,
  sysFlag: 6,
  commitOffset: 1,
  suspendTimeoutMillis: 15_000,
  subscription: 'A || B',
  subVersion: 9,
  expressionType: 'TAG',
};
const END = {
  producerGroup: 'PG',
  tranStateTableOffset: 5,
  commitLogOffset: 123_456,
  commitOrRollback: 8,
  fromTransactionCheck: false,
  msgId: '0A00000800002A9F0000011F71FB04CB',
  transactionId: '0A000008',
};
const BODY = new Uint8Array(40).fill(0x61);
const FRAMES: readonly Uint8Array[] = [0, 1].flatMap((type) => {
  const serializeType = type as 0 | 1;
  return [
    encodeCommand({ code: 310, opaque: 8, ext: SEND, body: BODY, serializeType }),
    encodeCommand({ code: 10, opaque: -8, ext: LONG_SEND, body: BODY, serializeType }),
    encodeCommand({ code: 11, opaque: 9, ext: PULL, serializeType }),
    encodeCommand({ code: 37, opaque: 10, flag: 2, ext: END, serializeType }),
    encodeCommand({ code: 17, opaque: 7, flag: 1, remark: 'no "route"', serializeType }),
  ];
});

const OTHER_TEXTS: readonly Uint8Array[] = [
  '5 1700000000000 60000 3 1 broker-a 2 7',
  Buffer.from(new RecallHandleWriter('broker-a').handleOf('T', 1_700_000_000_000, 'U') ?? []).toString('latin1'),
  "a > 5 AND (b BETWEEN 1 AND 2.5e3 OR c IN ('x', 'y')) AND NOT d IS NULL AND e NOT CONTAINS 'z' OR f = TRUE",
].map((text) => Buffer.from(text));

const sendHeader = new SendHeader();
const pullHeader = new PullHeader();
const endHeader = new EndHeader();
const room = new Uint8Array(1 << 16);

function scanFrame(bytes: Uint8Array): void {
  if (bytes.length < 8) return;
  peekHeader(bytes, 0, bytes.length);
  const isSend = scanSendHeader(bytes, 0, bytes.length, sendHeader);
  if (isSend) {
    const { topicStart, topicEnd, propertiesStart, propertiesEnd, bodyStart, bodyEnd } = sendHeader;
    const isWithin = topicStart <= topicEnd && topicEnd <= bytes.length && bodyStart <= bodyEnd && bodyEnd <= bytes.length;
    if (!isWithin || propertiesStart > propertiesEnd || propertiesEnd > bodyStart) throw new Error('a range beyond its frame');
    const end = unescapeInto(bytes, propertiesStart, propertiesEnd, room, 0);
    if (end > propertiesEnd - propertiesStart) throw new Error('more text than was escaped');
  }
  const isPull = scanPullHeader(bytes, 0, bytes.length, pullHeader);
  if (isPull && (pullHeader.subscriptionEnd > bytes.length || pullHeader.topicStart > pullHeader.topicEnd))
    throw new Error('a range beyond its frame');
  const isEnd = scanEndHeader(bytes, 0, bytes.length, endHeader) && endHeader.found === END_FOUND_REQUIRED;
  if (isEnd && (endHeader.groupStart > endHeader.groupEnd || endHeader.groupEnd > bytes.length))
    throw new Error('a range beyond its frame');
  const command = decodeCommand(bytes, 0, bytes.length);
  if (!isSend) fillFromCommand(command, bytes, sendHeader);
  if (!isPull) fillPullFromCommand(command, pullHeader);
}

/** Feeds a stream in pieces of its own length's making; stops now and then. */
function readFrames(bytes: Uint8Array): void {
  const reader = new FrameReader();
  const step = 1 + (bytes.length % 97);
  let frames = 0;
  const onFrame = (_chunk: Uint8Array, start: number, end: number): boolean => {
    if (end - start < 8) throw new Error('a frame without its prefix');
    return ++frames % 5 !== 0;
  };
  for (let at = 0; at < bytes.length; at += step) {
    const length = Math.min(step, bytes.length - at);
    if (reader.push(bytes.subarray(at, at + length), length, onFrame) !== null) break;
    if (reader.isStopped) reader.resume(onFrame);
    if (reader.heldBytes > Math.max(1024, 2 * bytes.length))
      throw new Error(`${reader.heldBytes} bytes held for ${bytes.length} that came`);
  }
}

async function targets(): Promise<FuzzTarget[]> {
  const record = encodeMessageRecord({
    topic: 'TopicTest',
    body: BODY,
    properties: 'KEYS\u0001k\u0002',
    queueOffset: 5,
    bornHost: { address: new Uint8Array(16), port: 1 },
  });
  const table = { dataVersion: { counter: 1, stateVersion: 0, timestamp: 2 }, topics: new Map() };
  table.topics.set('T', {
    topicName: 'T',
    readQueueNums: 4,
    writeQueueNums: 4,
    perm: 6,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: new Map([['a', 'b']]),
  });
  const json = Buffer.from(
    '{"a":{"brokerName":"b","queueId":0,"topic":"T"},{"x":1}:[1,2.5,-3e4,9223372036854775807,true,null],0:"\\u4e2d\\n"}',
  );
  const list: FuzzTarget[] = [
    { name: 'FrameReader', corpus: [Buffer.concat(FRAMES), ...FRAMES], run: readFrames },
    { name: 'frames', corpus: FRAMES, run: scanFrame },
    { name: 'decodeMessageRecords', corpus: [record, Buffer.concat([record, record])], run: (bytes) => void decodeMessageRecords(bytes) },
    { name: 'parseTolerantJson', corpus: [json], run: (bytes) => void parseTolerantJson(Buffer.from(bytes).toString()) },
    {
      name: 'deflated registration',
      corpus: [encodeDeflatedRegisterBrokerBody(table), deflateSync(json)],
      run: (bytes) => void decodeRegisterBrokerBody(bytes, true),
    },
    {
      name: 'batches',
      corpus: [
        encodeMessageBatch([{ flag: 1, body: BODY, properties: 'KEYS\u0001k\u0002' }]),
        encodeMessageBatch([1, 2, 3].map((flag) => ({ flag, body: BODY.subarray(0, flag * 9), properties: `a\u0001${flag}\u0002` }))),
      ],
      run: readBatch,
    },
    {
      name: 'model texts',
      corpus: [Buffer.from('0A00000800002A9F0000011F71FB04CB'), Buffer.from('a\u0001b\u0002TAGS\u0001A || B\u0002'), ...OTHER_TEXTS],
      run: readTexts,
    },
  ];
  const bodies = await decodersIn('bodies');
  list.push({ name: 'bodies', corpus: bodyCorpus(), run: (bytes) => runTwo(bodies, bytes) });
  const requests = (await decodersIn('requests')).map((decode) => ({ decode, frames: framesOf(decode) }));
  // Each frame with its own decoder, or it would not come beyond the first field that is missing.
  let turn = 0;
  const corpus = [FRAMES[0]!, ...requests.flatMap(({ frames }) => frames)];
  const own = new Map(requests.flatMap(({ decode, frames }) => frames.map((frame) => [frame, decode] as const)));
  list.push({
    name: 'requests',
    corpus,
    run: (bytes, parent) => {
      const { ext } = decodeCommand(bytes, 0, bytes.length);
      (own.get(parent) ?? requests[turn++ % requests.length]!.decode)(ext as never);
    },
  });
  return list;
}

/** A batch that is found sound lies within its bytes, item by item. */
function readBatch(bytes: Uint8Array): void {
  if (batchFault(bytes, 0, bytes.length) !== null) return;
  let at = 0;
  while (at < bytes.length) at += readInt32(bytes, at);
  if (at !== bytes.length) throw new Error('a sound batch beyond its bytes');
}

function readTexts(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString();
  declared(() => parseReceipt(text, 7));
  declared(() => parseSql(text));
  parseRecallHandle(text);
  parseProperties(text);
  parseTags(text);
  parseMessageId(text);
}

type Decoder = (input: never) => unknown;

async function decodersIn(folder: string): Promise<Decoder[]> {
  const found: Decoder[] = [];
  const directory = new URL(`../../protocol/remoting/${folder}/`, import.meta.url);
  for (const file of readdirSync(directory)) {
    const module = (await import(new URL(file, directory).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(module)) if (name.startsWith('decode')) found.push(value as Decoder);
  }
  return found;
}

/** The input goes through two of the decoders, which take turns. */
function runTwo(decoders: readonly Decoder[], input: Uint8Array): void {
  pick = (pick + 1) % decoders.length;
  declared(() => (decoders[(input.length + pick) % decoders.length] as Decoder)(input as never));
  (decoders[pick] as Decoder)(input as never);
}
let pick = 0;

/** Header fields with which a request is understood to its end: found by looking which ones its decoder asks for. */
function wholeFields(decode: Decoder): Map<string, string> {
  const fields = new Map<string, string>();
  for (let round = 0; round < 100; round++) {
    const missing = new Set<string>();
    const asked = {
      get: (name: string) => {
        if (!fields.has(name)) missing.add(name);
        return fields.get(name);
      },
      has: (name: string) => fields.has(name),
      [Symbol.iterator]: () => fields[Symbol.iterator](),
    };
    declared(() => decode(asked as never));
    if (missing.size === 0) return fields;
    for (const name of missing) fields.set(name, '1');
  }
  throw new Error(`${decode.name} asks for ever more fields`);
}

function framesOf(decode: Decoder): Uint8Array[] {
  const ext = Object.fromEntries(wholeFields(decode));
  if (!declared(() => decode(new Map(Object.entries(ext)) as never)))
    throw new Error(`${decode.name} does not understand ${JSON.stringify(ext)}`);
  return ([0, 1] as const).map((serializeType) => encodeCommand({ code: 1, opaque: 1, ext, serializeType }));
}

function bodyCorpus(): Uint8Array[] {
  const queue = '{"brokerName":"b","queueId":0,"topic":"T"}';
  const subscription =
    '{"classFilterMode":false,"codeSet":[2598919],"expressionType":"TAG","subString":"TagA","subVersion":1795225880660,"tagsSet":["TagA"],"topic":"T"}';
  return [
    `{"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:10911"},"brokerName":"b","cluster":"C"}],"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":4,"writeQueueNums":4}]}`,
    `{"offsetTable":{${queue}:{"lastUpdateTimestamp":1,"maxOffset":5,"minOffset":0}}}`,
    `{"clientID":"c","consumerDataSet":[{"groupName":"G","subscriptionDataSet":[${subscription}]}],"producerDataSet":[{"groupName":"PG"}]}`,
    `{"connectionSet":[{"clientAddr":"a","clientId":"i","language":"JAVA","version":479}],"subscriptionTable":{"T":${subscription}}}`,
    `{"clientId":"id","consumerGroup":"G","mqSet":[${queue}],"lockOKMQSet":[${queue}],"onlyThisBroker":false}`,
    '{"dataVersion":{"counter":1},"topicConfigTable":{"T":{"topicName":"T","perm":6}},"subscriptionGroupTable":{"G":{"groupName":"G"}},"forbiddenTable":{"G":{"T":4}},"table":{"k":"v"},"topicList":["T"],"groupList":["G"]}',
  ].map((text) => Buffer.from(text));
}

/** True: the input was taken. Throws what is not one of the declared errors. */
function declared(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof SqlFault || error instanceof FrameError || error instanceof FieldError || error instanceof BodyError) return false;
    if (error instanceof MessageRecordError || error instanceof MessageTextError) return false;
    throw error;
  }
}

fuzz('Decoders', await targets(), declared, { inputsDefault: 1_000_000, inputMicrosMax: 200 });
