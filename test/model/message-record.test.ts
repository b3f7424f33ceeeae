import fc from 'fast-check';
import { test } from 'tap';
import { MessageRecordError } from '../../model/errors.ts';
import {
  decodeMessageRecord,
  decodeMessageRecords,
  encodeMessageRecord,
  readInt64,
  recordSize,
  writeInt64,
} from '../../model/message-record.ts';

/** Made with the official 5.3.3 Java library. */
const JAVA =
  '0000007edaa320a73610a6860000000300000000000000000000002a0000011f71fb04cb000000000000018bcfe568007f0000010000d4310000018bcfe5687b0a00000800002a9f0000000200000000000000000000000568656c6c6f09546f7069635465737400154b455953016b31206b320254414753015461674102';

test('decodeMessageRecord reads what Java wrote, and encodeMessageRecord writes it', async (t) => {
  const bytes = Buffer.from(JAVA, 'hex');
  const record = decodeMessageRecord(bytes, 0);
  t.match(record, {
    totalSize: 126,
    version: 1,
    bodyCrc: 907_060_870,
    queueId: 3,
    queueOffset: 42,
    physicalOffset: 1_234_567_890_123,
    bornTimestamp: 1_700_000_000_000,
    storeTimestamp: 1_700_000_000_123,
    reconsumeTimes: 2,
    preparedTransactionOffset: 0,
    topic: 'TopicTest',
    properties: 'KEYS\u0001k1 k2\u0002TAGS\u0001TagA\u0002',
  });
  t.same([...record.bornHost.address, record.bornHost.port], [127, 0, 0, 1, 54_321]);
  t.same([...record.storeHost.address, record.storeHost.port], [10, 0, 0, 8, 10_911]);
  t.equal(Buffer.from(record.body).toString(), 'hello');
  t.equal(Buffer.from(encodeMessageRecord(record)).toString('hex'), JAVA);
  t.equal(recordSize(5, 9, 21), 126);
});

test('encodeMessageRecord and decodeMessageRecord are each other’s inverse, IPv6 hosts and long topics included', async (t) => {
  const host = fc.record({
    address: fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
    port: fc.nat(65_535),
  });
  const offset = fc.oneof(fc.constant(-1), fc.maxSafeNat());
  const fields = fc.record({
    queueId: fc.integer(),
    flag: fc.integer(),
    queueOffset: offset,
    physicalOffset: offset,
    sysFlag: fc.nat(15),
    bornTimestamp: fc.maxSafeNat(),
    bornHost: host,
    storeTimestamp: fc.maxSafeNat(),
    storeHost: host,
    reconsumeTimes: fc.integer(),
    preparedTransactionOffset: offset,
    body: fc.uint8Array({ maxLength: 500 }),
    topic: fc.oneof(fc.string({ maxLength: 20 }), fc.string({ minLength: 120, maxLength: 255 })),
    properties: fc.string({ unit: 'grapheme', maxLength: 50 }),
  });
  fc.assert(
    fc.property(fc.array(fields, { maxLength: 3 }), (list) => {
      const bytes = Buffer.concat(list.map(encodeMessageRecord));
      const records = decodeMessageRecords(bytes);
      return (
        records.length === list.length &&
        records.every((record, index) => {
          const { sysFlag: _flag, body, bornHost, storeHost, ...rest } = list[index] as (typeof list)[number];
          return (
            Object.entries(rest).every(([name, value]) => record[name as keyof typeof rest] === value) &&
            Buffer.compare(record.body, body) === 0 &&
            Buffer.compare(record.bornHost.address, bornHost.address) === 0 &&
            Buffer.compare(record.storeHost.address, storeHost.address) === 0 &&
            record.version === (Buffer.byteLength(record.topic) > 127 ? 2 : 1)
          );
        })
      );
    }),
    { seed: 1, numRuns: 300 },
  );
  t.pass('300 lists of records');
});

test('decodeMessageRecord refuses every cut of a record and every size that lies', async (t) => {
  const bytes = Buffer.from(JAVA, 'hex');
  for (let cut = 0; cut < bytes.length; cut++)
    t.throws(() => decodeMessageRecord(bytes.subarray(0, cut), 0), MessageRecordError, `cut at ${cut}`);
  const lies: [number, number][] = [
    [0, 0],
    [0, -1],
    [0, 127],
    [0, 90],
    [4, 0],
    [36, 0x30],
    [84, 6],
    [84, -1],
    [84, 0x7fffffff],
    [93, 0x7f000000],
  ];
  for (const [at, value] of lies) {
    const copy = Buffer.from(bytes);
    copy.writeInt32BE(value, at);
    t.throws(() => decodeMessageRecord(copy, 0), MessageRecordError, `${value} at ${at}`);
  }
});

test('encodeMessageRecord refuses what its length fields cannot say', async (t) => {
  t.throws(() => encodeMessageRecord({ topic: 'T', properties: 'p'.repeat(32_768) }), /32767 are allowed/);
  t.throws(() => encodeMessageRecord({ topic: 't'.repeat(65_536) }), /65535 are allowed/);
  t.throws(() => encodeMessageRecord({ topic: 'T', bornHost: { address: new Uint8Array(5), port: 1 } }), /4 or 16 are allowed/);
});

test('writeInt64 and readInt64 keep every safe integer', async (t) => {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  for (const value of [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 32 - 1, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53) + 1, -(2 ** 32) - 5]) {
    writeInt64(bytes, 0, value);
    t.equal(view.getBigInt64(0), BigInt(value));
    t.equal(readInt64(bytes, 0), value);
  }
});
