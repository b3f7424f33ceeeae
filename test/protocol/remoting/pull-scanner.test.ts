import fc from 'fast-check';
import { test } from 'tap';
import { decodeCommand, encodeCommand } from '../../../protocol/remoting/command.ts';
import { FieldError } from '../../../protocol/remoting/errors.ts';
import {
  fillPullFromCommand,
  missingPullField,
  PULL_FOUND_REQUIRED,
  PullHeader,
  scanPullHeader,
} from '../../../protocol/remoting/pull-scanner.ts';
import { jsonFrame } from './frames.ts';

const JAVA_11 =
  '{"code":11,"extFields":{"commitOffset":"5","consumerGroup":"G","expressionType":"TAG","maxMsgBytes":"262144","maxMsgNums":"32","queueId":"3","queueOffset":"1234567890123","requestSource":"-1","subVersion":"1700000000000","subscription":"TagA || 中文","suspendTimeoutMillis":"15000","sysFlag":"6","topic":"TopicTest"},"flag":0,"language":"JAVA","opaque":9,"serializeTypeCurrentRPC":"JSON","version":479}';

function plain(header: PullHeader): Record<string, unknown> {
  const text = (start: number, end: number): string => Buffer.from(header.text.subarray(start, end)).toString();
  const { code, opaque, flag, version, isBinary, found, queueId, queueOffset, maxMsgNums, sysFlag } = header;
  const { commitOffset, suspendTimeoutMillis, subVersion, maxMsgBytes } = header;
  return {
    ...{ code, opaque, flag, version, isBinary, found, queueId, queueOffset, maxMsgNums, sysFlag },
    ...{ commitOffset, suspendTimeoutMillis, subVersion, maxMsgBytes },
    consumerGroup: text(header.consumerGroupStart, header.consumerGroupEnd),
    topic: text(header.topicStart, header.topicEnd),
    subscription: text(header.subscriptionStart, header.subscriptionEnd),
    expressionType: text(header.expressionTypeStart, header.expressionTypeEnd),
  };
}

function scanned(frame: Uint8Array): Record<string, unknown> | null {
  const header = new PullHeader();
  const other = jsonFrame(JAVA_11.replaceAll('"G"', '"other"'));
  scanPullHeader(other, 0, other.length, header);
  return scanPullHeader(frame, 0, frame.length, header) ? plain(header) : null;
}

function filled(frame: Uint8Array): Record<string, unknown> {
  const header = new PullHeader();
  fillPullFromCommand(decodeCommand(frame, 0, frame.length), header);
  return plain(header);
}

test('scanPullHeader reads the pull of a Java client', async (t) => {
  const expected = {
    code: 11,
    opaque: 9,
    flag: 0,
    version: 479,
    isBinary: false,
    found: PULL_FOUND_REQUIRED,
    queueId: 3,
    queueOffset: 1_234_567_890_123,
    maxMsgNums: 32,
    sysFlag: 6,
    commitOffset: 5,
    suspendTimeoutMillis: 15_000,
    subVersion: 1_700_000_000_000,
    maxMsgBytes: 262_144,
    consumerGroup: 'G',
    topic: 'TopicTest',
    subscription: 'TagA || 中文',
    expressionType: 'TAG',
  };
  t.same(scanned(jsonFrame(JAVA_11)), expected);
  t.same(filled(jsonFrame(JAVA_11)), expected);
});

test('scanPullHeader and the exact way agree on every frame that the scanner takes, in both forms', async (t) => {
  const names =
    'consumerGroup topic queueId queueOffset maxMsgNums sysFlag commitOffset suspendTimeoutMillis subVersion subscription expressionType maxMsgBytes topix'.split(
      ' ',
    );
  const value = fc.oneof(
    fc.integer(),
    fc.nat().map(String),
    fc.nat().map(String),
    fc.string({ maxLength: 12 }),
    fc.boolean(),
    fc.constantFrom(null, '', '9223372036854775807'),
  );
  let taken = 0;
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 13 }), fc.integer(), fc.boolean(), (ext, opaque, isBinary) => {
      const fields = ext as Record<string, string | number | boolean | null>;
      const frame = isBinary
        ? encodeCommand({ code: 361, opaque, ext: fields, serializeType: 1 })
        : jsonFrame(JSON.stringify({ extFields: fields, opaque, code: 11 }));
      const fast = scanned(frame);
      if (fast === null) return true;
      taken++;
      try {
        return JSON.stringify(fast) === JSON.stringify(filled(frame));
      } catch (error) {
        if (error instanceof FieldError) return false;
        throw error;
      }
    }),
    { seed: 12, numRuns: 4000 },
  );
  t.ok(taken > 500, `${taken} of 4000 were taken by the scanner`);
});

test('scanPullHeader leaves what it does not understand, and the exact way decides', async (t) => {
  t.equal(scanned(jsonFrame(JAVA_11.replace('"TagA', '"\\u0054agA'))), null);
  t.match(filled(jsonFrame(JAVA_11.replace('"TagA', '"\\u0054agA'))), { subscription: 'TagA || 中文' });
  const forever = jsonFrame(JAVA_11.replace('"15000"', '"9223372036854775807"'));
  t.equal(scanned(forever), null);
  t.match(filled(forever), { suspendTimeoutMillis: Number.MAX_SAFE_INTEGER }, 'a time saturates');
  const far = jsonFrame(JAVA_11.replace('"1234567890123"', '"9223372036854775807"'));
  t.throws(() => filled(far), { name: 'FieldError', field: 'queueOffset' }, 'an offset that cannot be kept is refused');
});

test('missingPullField names what a pull lacks', async (t) => {
  const header = new PullHeader();
  const frame = jsonFrame(JAVA_11.replace('"subVersion":"1700000000000",', ''));
  t.ok(scanPullHeader(frame, 0, frame.length, header));
  t.equal(missingPullField(header), 'subVersion');
  const whole = jsonFrame(JAVA_11);
  scanPullHeader(whole, 0, whole.length, header);
  t.equal(missingPullField(header), null);
});
