import fc from 'fast-check';
import { test } from 'tap';
import { decodeCommand, encodeCommand } from '../../../protocol/remoting/command.ts';
import { FieldError } from '../../../protocol/remoting/errors.ts';
import { unescapeInto } from '../../../protocol/remoting/json-scan.ts';
import { FOUND_REQUIRED, FOUND_TOPIC, missingField, SendHeader } from '../../../protocol/remoting/send-header.ts';
import { fillFromCommand, scanSendHeader } from '../../../protocol/remoting/send-scanner.ts';
import { jsonFrame } from './frames.ts';

const BODY = Buffer.from('hello');
/** As Java writes it. */
const JAVA_310 =
  '{"code":310,"extFields":{"a":"PG","b":"TopicTest","c":"TBW102","d":"4","e":"3","f":"0","g":"1700000000000","h":"0","i":"UNIQ_KEY\\u0001X\\u0002","j":"0","k":"false","l":"16","m":"false"},"flag":0,"language":"JAVA","opaque":8,"serializeTypeCurrentRPC":"JSON","version":479}';
/** As the Go client writes it. */
const GO_10 =
  '{"code":10,"language":"GO","version":317,"opaque":2,"flag":2,"remark":"","extFields":{"batch":"false","bornTimestamp":"1700000000001","defaultTopic":"TBW102","defaultTopicQueueNums":"4","flag":"7","maxReconsumeTimes":"0","producerGroup":"G","properties":"","queueId":"-1","reconsumeTimes":"0","sysFlag":"5","topic":"T","unitMode":"false"}}';
/** As the npm client writes it: bare numbers and booleans. */
const NPM_310 =
  '{"code":310,"language":"JAVA","opaque":1,"flag":0,"version":121,"extFields":{"a":"G","b":"T","c":"TBW102","d":4,"e":0,"f":0,"g":1700000000002,"h":0,"i":"TAGS\\u0001A","j":0,"k":true,"n":null,"AccessKey":"x"}}';

/** What a header says, with its ranges as text. */
function plain(header: SendHeader): Record<string, unknown> {
  const text = (start: number, end: number): string => Buffer.from(header.text.subarray(start, end)).toString();
  const room = Buffer.alloc(header.propertiesEnd - header.propertiesStart);
  const properties = header.arePropertiesEscaped
    ? room.toString('utf8', 0, unescapeInto(header.text, header.propertiesStart, header.propertiesEnd, room, 0))
    : text(header.propertiesStart, header.propertiesEnd);
  return {
    code: header.code,
    opaque: header.opaque,
    flag: header.flag,
    version: header.version,
    isBinary: header.isBinary,
    found: header.found,
    producerGroup: text(header.producerGroupStart, header.producerGroupEnd),
    topic: text(header.topicStart, header.topicEnd),
    defaultTopic: text(header.defaultTopicStart, header.defaultTopicEnd),
    defaultTopicQueueNums: header.defaultTopicQueueNums,
    queueId: header.queueId,
    sysFlag: header.sysFlag,
    bornTimestamp: header.bornTimestamp,
    messageFlag: header.messageFlag,
    properties,
    reconsumeTimes: header.reconsumeTimes,
    isUnitMode: header.isUnitMode,
    maxReconsumeTimes: header.maxReconsumeTimes,
    isBatch: header.isBatch,
    body: [header.bodyStart, header.bodyEnd],
  };
}

function scanned(frame: Uint8Array): Record<string, unknown> | null {
  const header = new SendHeader();
  // Filled with another frame first: nothing of it may remain.
  const other = jsonFrame(GO_10.replace('"maxReconsumeTimes":"0"', '"maxReconsumeTimes":"9"').replaceAll('"false"', '"true"'));
  scanSendHeader(other, 0, other.length, header);
  return scanSendHeader(frame, 0, frame.length, header) ? plain(header) : null;
}

function filled(frame: Uint8Array): Record<string, unknown> {
  const header = new SendHeader();
  fillFromCommand(decodeCommand(frame, 0, frame.length), frame, header);
  return plain(header);
}

test('scanSendHeader reads the sends of the Java, Go and npm clients', async (t) => {
  const java = jsonFrame(JAVA_310, BODY);
  t.same(scanned(java), {
    code: 310,
    opaque: 8,
    flag: 0,
    version: 479,
    isBinary: false,
    found: FOUND_REQUIRED,
    producerGroup: 'PG',
    topic: 'TopicTest',
    defaultTopic: 'TBW102',
    defaultTopicQueueNums: 4,
    queueId: 3,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    messageFlag: 0,
    properties: 'UNIQ_KEY\u0001X\u0002',
    reconsumeTimes: 0,
    isUnitMode: false,
    maxReconsumeTimes: 16,
    isBatch: false,
    body: [java.length - 5, java.length],
  });
  const go = scanned(jsonFrame(GO_10));
  t.match(go, { code: 10, flag: 2, topic: 'T', queueId: -1, sysFlag: 5, messageFlag: 7, bornTimestamp: 1_700_000_000_001 });
  t.match(go, { maxReconsumeTimes: 0, isBatch: false, producerGroup: 'G', defaultTopic: 'TBW102', found: FOUND_REQUIRED });
  const npm = scanned(jsonFrame(NPM_310));
  t.match(npm, { isUnitMode: true, maxReconsumeTimes: -1, defaultTopicQueueNums: 4, properties: 'TAGS\u0001A', found: FOUND_REQUIRED });
});

test('scanSendHeader and the exact way agree on every frame that the scanner takes, in both forms', async (t) => {
  const value = fc.oneof(
    fc.integer(),
    fc.integer({ min: -10, max: 2 ** 42 }),
    fc.boolean(),
    fc.string({ maxLength: 20 }),
    fc.integer().map(String),
    fc.constantFrom('true', 'false', '', null, 'TAGS\u0001a\u0002', '中文😀'),
  );
  const short = [...'abcdefghijklmn'];
  const long =
    'producerGroup topic defaultTopic defaultTopicQueueNums queueId sysFlag bornTimestamp flag properties reconsumeTimes unitMode maxReconsumeTimes batch topix'.split(
      ' ',
    );
  const ext = fc.oneof(
    fc.dictionary(fc.constantFrom(...short), value, { maxKeys: 14 }),
    fc.dictionary(fc.constantFrom(...long), value, { maxKeys: 14 }),
    fc.dictionary(fc.constantFrom(...short, ...long), value, { maxKeys: 14 }),
  );
  const sane = fc.record({
    a: fc.constant('G'),
    b: fc.string({ maxLength: 12 }),
    c: fc.constant('TBW102'),
    d: fc.oneof(fc.nat(), fc.nat().map(String)),
    e: fc.oneof(fc.integer(), fc.integer().map(String)),
    f: fc.nat().map(String),
    g: fc.nat({ max: 2 ** 47 }).map(String),
    h: fc.integer().map(String),
    i: fc.string({ maxLength: 60 }),
    m: fc.constantFrom(true, false, 'true', 'false'),
  });
  let taken = 0;
  const fields = fc.oneof(ext, sane) as fc.Arbitrary<Record<string, string | number | boolean | null>>;
  fc.assert(
    fc.property(fields, fc.integer(), fc.boolean(), (extFields, opaque, isBinary) => {
      const frame = isBinary
        ? encodeCommand({ code: 310, opaque, ext: extFields, body: BODY, serializeType: 1 })
        : jsonFrame(JSON.stringify({ opaque, extFields, code: 310, flag: 2, remark: null, version: 479 }), BODY);
      const fast = scanned(frame);
      if (fast === null) return true;
      taken++;
      try {
        const slow = filled(frame);
        return JSON.stringify(fast) === JSON.stringify(slow);
      } catch (error) {
        // The exact way refuses: the scanner must not have taken it.
        if (error instanceof FieldError) return false;
        throw error;
      }
    }),
    { seed: 77, numRuns: 4000 },
  );
  t.ok(taken > 800, `${taken} of 4000 were taken by the scanner`);
});

test('scanSendHeader leaves what it does not understand to the exact way', async (t) => {
  const table = [
    JAVA_310.replace('"TopicTest"', '"Topic\\u0041"'),
    JAVA_310.replace('"code":310', '"code": 310'),
    JAVA_310.replace('"e":"3"', '"e":"+3"'),
    JAVA_310.replace('"g":"1700000000000"', '"g":"9223372036854775807"'),
    JAVA_310.replace('"k":"false"', '"k":"FALSE"'),
    JAVA_310.replace('"a":"PG"', '"a":"PG","topic":"x"'),
    `${JAVA_310} `,
    JAVA_310.slice(0, -1),
    '',
  ];
  for (const header of table) t.equal(scanned(jsonFrame(header)), null, header.slice(0, 60));
  t.match(filled(jsonFrame(table[3] as string)), { bornTimestamp: Number.MAX_SAFE_INTEGER }, 'a time saturates');
  t.match(filled(jsonFrame(table[2] as string)), { queueId: 3 }, "Java's parser takes a plus sign");
  t.match(filled(jsonFrame(table[4] as string)), { isUnitMode: false });
  t.match(filled(jsonFrame(table[5] as string)), { topic: 'TopicTest' }, 'the short name wins');
});

test('missingField names what a send lacks, whichever way it came', async (t) => {
  const frame = jsonFrame(JAVA_310.replace('"b":"TopicTest",', ''));
  const header = new SendHeader();
  t.ok(scanSendHeader(frame, 0, frame.length, header));
  t.equal(header.found, FOUND_REQUIRED & ~FOUND_TOPIC);
  t.equal(missingField(header), 'topic');
  fillFromCommand(decodeCommand(frame, 0, frame.length), frame, header);
  t.equal(missingField(header), 'topic');
  const whole = jsonFrame(JAVA_310);
  scanSendHeader(whole, 0, whole.length, header);
  t.equal(missingField(header), null);
});

test('fillFromCommand refuses a malformed value by the name of its field', async (t) => {
  const frame = jsonFrame(JAVA_310.replace('"e":"3"', '"e":"three"'));
  t.throws(() => fillFromCommand(decodeCommand(frame, 0, frame.length), frame, new SendHeader()), {
    name: 'FieldError',
    field: 'queueId',
    message: 'The header field queueId is "three"; a 32-bit integer is needed',
  });
});
