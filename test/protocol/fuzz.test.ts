/**
 * Every decoder of the remoting protocol and of message records against broken input: truncated, mutated, spliced, oversized and random. Nothing may
 * throw but the declared errors, take long, or keep memory. FUZZ_INPUTS sets the number of inputs (default 10^6), FUZZ_SEED replays a run.
 */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deflateSync } from 'node:zlib';
import tap, { test } from 'tap';
import { MessageRecordError, MessageTextError } from '../../model/errors.ts';
import { parseMessageId } from '../../model/message-id.ts';
import { parseProperties } from '../../model/message-property.ts';
import { decodeMessageRecords, encodeMessageRecord } from '../../model/message-record.ts';
import { parseTags } from '../../model/subscription.ts';
import { decodeRegisterBrokerBody, encodeDeflatedRegisterBrokerBody } from '../../protocol/remoting/bodies/register-broker-body.ts';
import { parseTolerantJson } from '../../protocol/remoting/bodies/tolerant-json.ts';
import { decodeCommand, encodeCommand, peekHeader } from '../../protocol/remoting/command.ts';
import { BodyError, FieldError, FrameError } from '../../protocol/remoting/errors.ts';
import { FrameReader } from '../../protocol/remoting/frame-reader.ts';
import { unescapeInto } from '../../protocol/remoting/json-scan.ts';
import { fillPullFromCommand, PullHeader, scanPullHeader } from '../../protocol/remoting/pull-scanner.ts';
import { SendHeader } from '../../protocol/remoting/send-header.ts';
import { fillFromCommand, scanSendHeader } from '../../protocol/remoting/send-scanner.ts';
import { SeededRandom } from '../../runtime/random.ts';

const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 1_000_000);
const FIXED_SEED = 20_261_121;
const FRESH_SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 0x7fff_ffff));
const SLOW_MS = 100;
const GROWTH_BYTES_MAX = 16 * 1024 * 1024;
/** Only catches what hangs: 200 µs an input, ten times what a loaded machine needs. */
const TIMEOUT_MS = Math.max(60_000, INPUTS / 5);
tap.setTimeout(2 * TIMEOUT_MS);

type Target = { readonly name: string; readonly corpus: readonly Uint8Array[]; readonly run: (bytes: Uint8Array) => void };

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
const BODY = new Uint8Array(40).fill(0x61);
const FRAMES: readonly Uint8Array[] = [0, 1].flatMap((type) => {
  const serializeType = type as 0 | 1;
  return [
    encodeCommand({ code: 310, opaque: 8, ext: SEND, body: BODY, serializeType }),
    encodeCommand({ code: 10, opaque: -8, ext: LONG_SEND, body: BODY, serializeType }),
    encodeCommand({ code: 11, opaque: 9, ext: PULL, serializeType }),
    encodeCommand({ code: 17, opaque: 7, flag: 1, remark: 'no "route"', serializeType }),
  ];
});

const sendHeader = new SendHeader();
const pullHeader = new PullHeader();
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

async function targets(): Promise<Target[]> {
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
  const list: Target[] = [
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
      name: 'model texts',
      corpus: [Buffer.from('0A00000800002A9F0000011F71FB04CB'), Buffer.from('a\u0001b\u0002TAGS\u0001A || B\u0002')],
      run: readTexts,
    },
  ];
  for (const [folder, corpus] of [
    ['bodies', bodyCorpus()],
    ['requests', FRAMES],
  ] as const) {
    const decoders = await decodersIn(folder);
    // One input goes through all of them: each sees it, and the number of inputs stays what it says.
    const run =
      folder === 'bodies'
        ? (bytes: Uint8Array) => runAll(decoders, bytes)
        : (bytes: Uint8Array) => runAll(decoders, decodeCommand(bytes, 0, bytes.length).ext);
    list.push({ name: folder, corpus, run });
  }
  return list;
}

function readTexts(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString();
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

/** Two decoders of the folder for each input, picked by the input itself. */
function runAll(decoders: readonly Decoder[], input: Uint8Array | Map<string, string>): void {
  const size = input instanceof Map ? input.size : input.length;
  pick = (pick + 1) % decoders.length;
  declared(() => (decoders[(size + pick) % decoders.length] as Decoder)(input as never));
  (decoders[pick] as Decoder)(input as never);
}
let pick = 0;

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

/** A broken child of the corpus. */
function broken(random: SeededRandom, corpus: readonly Uint8Array[]): Uint8Array {
  const seed = corpus[random.below(corpus.length)] as Uint8Array;
  const kind = random.below(8);
  if (kind === 0) return seed.slice(0, random.below(seed.length + 1));
  if (kind === 1) return randomBytes(random, random.below(300));
  if (kind === 2) {
    const other = corpus[random.below(corpus.length)] as Uint8Array;
    return Buffer.concat([seed.subarray(0, random.below(seed.length)), other.subarray(random.below(other.length))]);
  }
  const copy = Uint8Array.from(seed);
  if (kind === 3) {
    // A length field, or what stands where one might, made extreme.
    const at = random.below(Math.max(1, copy.length - 4));
    const extreme = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0100_0000][random.below(6)] as number;
    for (let index = 0; index < 4 && at + index < copy.length; index++) copy[at + index] = extreme >>> (24 - index * 8);
    return copy;
  }
  if (kind === 4) {
    const at = random.below(copy.length);
    const repeat = copy.subarray(at, at + 1 + random.below(8));
    return Buffer.concat([copy.subarray(0, at), ...Array.from({ length: random.below(60) }, () => repeat), copy.subarray(at)]);
  }
  for (let count = 1 + random.below(kind === 5 ? 1 : 12); count > 0; count--) {
    const at = random.below(copy.length);
    copy[at] = kind === 6 ? (INTERESTING[random.below(INTERESTING.length)] as number) : random.below(256);
  }
  return copy;
}

const INTERESTING: Uint8Array = Buffer.from('{}[]":,\\u0019-+.eE \u0000\u007f\u00ff');

function randomBytes(random: SeededRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

/** True: the input was taken. Throws what is not one of the declared errors. */
function declared(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof FrameError || error instanceof FieldError || error instanceof BodyError) return false;
    if (error instanceof MessageRecordError || error instanceof MessageTextError) return false;
    throw error;
  }
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function usedBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    await new Promise(setImmediate);
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const all = await targets();

for (const [index, seed] of [FIXED_SEED, FRESH_SEED].entries()) {
  const inputs = Math.ceil(INPUTS / 2);
  test(`Decoders survive ${inputs} broken inputs (${index === 0 ? 'fixed' : 'fresh'} seed ${seed}; FUZZ_SEED replays)`, {
    timeout: TIMEOUT_MS,
  }, async (t) => {
    const random = new SeededRandom(seed);
    let taken = 0;
    let before = 0;
    let slowest = 0;
    for (let count = 0; count < inputs; count++) {
      const target = all[count % all.length] as Target;
      const bytes = broken(random, target.corpus);
      const started = performance.now();
      try {
        if (declared(() => target.run(bytes))) taken++;
      } catch (error) {
        t.fail(`${target.name}, input ${count}: ${Buffer.from(bytes).toString('hex')}: ${(error as Error).stack}`);
        return;
      }
      const elapsed = performance.now() - started;
      slowest = Math.max(slowest, elapsed);
      if (elapsed > SLOW_MS && isSlow(target, bytes))
        t.fail(`${target.name} takes over ${SLOW_MS} ms for ${Buffer.from(bytes).toString('hex')}`);
      // As in a broker, the event loop turns now and then: zlib gives its memory back there.
      if (count % 1000 === 0) await new Promise(setImmediate);
      if (count === Math.floor(inputs / 4)) before = await usedBytes();
    }
    const growth = (await usedBytes()) - before;
    t.ok(growth < GROWTH_BYTES_MAX, `memory grew by ${growth} bytes`);
    t.ok(taken > inputs / 20, `${taken} inputs were taken: the rest of the way is reached too`);
    t.comment(`slowest ${slowest.toFixed(1)} ms`);
  });
}

/** Whether it is the input that is slow and not the machine: processor time, the least of three runs. */
function isSlow(target: Target, bytes: Uint8Array): boolean {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage();
    declared(() => target.run(bytes));
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least > SLOW_MS;
}
