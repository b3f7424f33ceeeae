/**
 * Frames of stock clients and of the Java broker, as they were on the wire: `protocol/remoting` must read each as the rules
 * of the protocol say (`test/support/raw-frame.ts`, an implementation of its own), and write one of the same meaning.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'tap';
import { decodeCommand, encodeCommand, type RemotingCommand } from '../../protocol/remoting/command.ts';
import { FrameReader } from '../../protocol/remoting/frame-reader.ts';
import { fillPullFromCommand, missingPullField, PullHeader, scanPullHeader } from '../../protocol/remoting/pull-scanner.ts';
import { missingField, SendHeader } from '../../protocol/remoting/send-header.ts';
import { fillFromCommand, scanSendHeader } from '../../protocol/remoting/send-scanner.ts';
import { decodeRawFrame, type RawFrame } from '../support/raw-frame.ts';

type Exchange = { code: number; to: string; request: string; response: string | null };
type Recording = { client: string; exchanges: Exchange[] };

const FOLDER = new URL('../fixtures/frames/', import.meta.url);
const recordings = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Recording);

/** Every frame with a name to find it by. */
function* frames(recording: Recording): Generator<{ name: string; bytes: Buffer; raw: RawFrame }> {
  for (const [index, { code, request, response }] of recording.exchanges.entries()) {
    const sent = Buffer.from(request, 'hex');
    yield { name: `${recording.client} ${code} request ${index}`, bytes: sent, raw: decodeRawFrame(sent) };
    if (response === null) continue;
    const answered = Buffer.from(response, 'hex');
    yield { name: `${recording.client} ${code} response ${index}`, bytes: answered, raw: decodeRawFrame(answered) };
  }
}

type Meaning = Omit<RawFrame, 'encoding' | 'body'> & { body: string; ext: Record<string, string> };

function meaningOfRaw(raw: RawFrame): Meaning {
  const { code, opaque, flag, version, language, remark, ext, body } = raw;
  return { code, opaque, flag, version, language, remark, ext: ext ?? {}, body: body.toString('hex') };
}

function meaningOf(command: RemotingCommand): Meaning {
  const { code, opaque, flag, version, language, remark, ext, body } = command;
  return { code, opaque, flag, version, language, remark, ext: Object.fromEntries(ext), body: Buffer.from(body).toString('hex') };
}

/** The binary header has no empty strings: a length of 0 is none. */
function withoutEmpty(meaning: Meaning): Meaning {
  const ext = Object.fromEntries(Object.entries(meaning.ext).filter(([, value]) => value !== ''));
  return { ...meaning, ext, remark: meaning.remark === '' ? null : meaning.remark };
}

test('the recordings hold every request that a client makes from start to shutdown', (t) => {
  const codes = new Set(recordings.flatMap(({ exchanges }) => exchanges.map(({ code }) => code)));
  for (const code of [10, 11, 14, 15, 17, 29, 30, 31, 34, 35, 38, 40, 105, 106, 310, 320]) t.ok(codes.has(code), `code ${code}`);
  t.end();
});

for (const recording of recordings) {
  test(`decodeCommand reads what ${recording.client} and the Java broker wrote`, (t) => {
    for (const { name, bytes, raw } of frames(recording)) {
      t.same(meaningOf(decodeCommand(bytes, 0, bytes.length)), meaningOfRaw(raw), name);
    }
    t.end();
  });

  test(`encodeCommand writes a frame of the same meaning as those of ${recording.client}`, (t) => {
    for (const { name, bytes, raw } of frames(recording)) {
      const command = decodeCommand(bytes, 0, bytes.length);
      for (const serializeType of [0, 1] as const) {
        const again = decodeRawFrame(Buffer.from(encodeCommand({ ...command, serializeType })));
        const expected = serializeType === 1 ? withoutEmpty(meaningOfRaw(raw)) : meaningOfRaw(raw);
        t.same(meaningOfRaw(again), expected, `${name}, type ${serializeType}`);
      }
    }
    t.end();
  });

  test(`FrameReader cuts the frames of ${recording.client} out of a stream, whatever its pieces`, (t) => {
    const all = [...frames(recording)].map(({ bytes }) => bytes);
    const stream = Buffer.concat(all);
    for (const piece of [1, 7, 1460, 65_536]) {
      const reader = new FrameReader();
      const cut: Buffer[] = [];
      for (let at = 0; at < stream.length; at += piece) {
        const chunk = Buffer.from(stream.subarray(at, at + piece));
        const error = reader.push(chunk, chunk.length, (bytes, start, end) => {
          cut.push(Buffer.from(bytes.subarray(start, end)));
          return true;
        });
        if (error !== null) t.fail(`pieces of ${piece} bytes: ${error.message}`);
        if (error !== null) break;
      }
      t.ok(cut.length === all.length && cut.every((bytes, index) => bytes.equals(all[index] as Buffer)), `pieces of ${piece} bytes`);
    }
    t.end();
  });

  test(`scanSendHeader and the exact way read the same of the sends of ${recording.client}`, (t) => {
    let sends = 0;
    for (const { name, bytes, raw } of frames(recording)) {
      if ((raw.code !== 10 && raw.code !== 310 && raw.code !== 320) || (raw.flag & 1) !== 0) continue;
      sends++;
      const exact = new SendHeader();
      fillFromCommand(decodeCommand(bytes, 0, bytes.length), bytes, exact);
      t.equal(missingField(exact), null, `${name}: nothing is missing`);
      const scanned = new SendHeader();
      t.ok(scanSendHeader(bytes, 0, bytes.length, scanned), `${name}: understood at once`);
      t.same(sendMeaning(scanned), sendMeaning(exact), name);
      const ext = raw.ext ?? {};
      t.equal(sendMeaning(scanned).topic, ext['b'] ?? ext['topic'], `${name}: topic`);
      t.equal(String(scanned.queueId), ext['e'] ?? ext['queueId'], `${name}: queue`);
      t.same(bytes.subarray(scanned.bodyStart, scanned.bodyEnd), raw.body, `${name}: body`);
    }
    t.ok(sends > 0, 'there are sends');
    t.end();
  });

  test(`scanPullHeader and the exact way read the same of the pulls of ${recording.client}`, (t) => {
    let pulls = 0;
    for (const { name, bytes, raw } of frames(recording)) {
      if ((raw.code !== 11 && raw.code !== 361) || (raw.flag & 1) !== 0) continue;
      pulls++;
      const exact = new PullHeader();
      fillPullFromCommand(decodeCommand(bytes, 0, bytes.length), exact);
      t.equal(missingPullField(exact), null, `${name}: nothing is missing`);
      const scanned = new PullHeader();
      // What a scanner leaves to the exact way is right by that; it must not read anything else.
      if (scanPullHeader(bytes, 0, bytes.length, scanned)) t.same(pullMeaning(scanned), pullMeaning(exact), name);
      t.equal(pullMeaning(exact).topic, raw.ext?.['topic'], `${name}: topic`);
      t.equal(String(exact.queueOffset), raw.ext?.['queueOffset'], `${name}: offset`);
    }
    t.ok(pulls > 0, 'there are pulls');
    t.end();
  });
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, end)).toString('utf8');
}

function sendMeaning(header: SendHeader): { topic: string } & Record<string, unknown> {
  const {
    text: bytes,
    producerGroupStart,
    producerGroupEnd,
    topicStart,
    topicEnd,
    defaultTopicStart,
    defaultTopicEnd,
    propertiesStart,
    propertiesEnd,
    arePropertiesEscaped,
    ...rest
  } = header;
  const properties = text(bytes, propertiesStart, propertiesEnd);
  return {
    ...rest,
    producerGroup: text(bytes, producerGroupStart, producerGroupEnd),
    topic: text(bytes, topicStart, topicEnd),
    defaultTopic: text(bytes, defaultTopicStart, defaultTopicEnd),
    properties: arePropertiesEscaped ? (JSON.parse(`"${properties}"`) as string) : properties,
  };
}

function pullMeaning(header: PullHeader): { topic: string } & Record<string, unknown> {
  const {
    text: bytes,
    consumerGroupStart,
    consumerGroupEnd,
    topicStart,
    topicEnd,
    subscriptionStart,
    subscriptionEnd,
    expressionTypeStart,
    expressionTypeEnd,
    ...rest
  } = header;
  return {
    ...rest,
    consumerGroup: text(bytes, consumerGroupStart, consumerGroupEnd),
    topic: text(bytes, topicStart, topicEnd),
    subscription: text(bytes, subscriptionStart, subscriptionEnd),
    expressionType: text(bytes, expressionTypeStart, expressionTypeEnd),
  };
}
