import fc from 'fast-check';
import { test } from 'tap';
import { javaHash } from '../../../model/java-hash.ts';
import { decodeCommand, encodeCommand } from '../../../protocol/remoting/command.ts';
import { END_FOUND_REQUIRED, EndHeader, scanEndHeader } from '../../../protocol/remoting/end-scanner.ts';
import { SERIALIZE_ROCKETMQ } from '../../../protocol/remoting/frame-reader.ts';
import { decodeEndTransactionRequest } from '../../../protocol/remoting/requests/end-transaction.ts';
import { jsonFrame } from './frames.ts';

const JAVA =
  '{"code":37,"extFields":{"commitLogOffset":"4294967300","commitOrRollback":"8","fromTransactionCheck":"false","msgId":"7F01","producerGroup":"PG","topic":"T","tranStateTableOffset":"12","transactionId":"7F01"},"flag":2,"language":"JAVA","opaque":9,"serializeTypeCurrentRPC":"JSON","version":479}';
const GO =
  '{"code":37,"language":"GO","version":317,"opaque":3,"flag":2,"remark":"","extFields":{"commitLogOffset":"7","commitOrRollback":"12","fromTransactionCheck":"true","msgId":"A","producerGroup":"PG","tranStateTableOffset":"0","transactionId":"A"}}';

function scan(frame: Uint8Array): Record<string, unknown> | null {
  const header = new EndHeader();
  // What the header before has left is none of this one's.
  scanEndHeader(jsonFrame(GO), 0, jsonFrame(GO).length, header);
  if (!scanEndHeader(frame, 0, frame.length, header)) return null;
  const { flag, found, groupStart, groupEnd, halfOffset, physical, outcome, isFromCheck, transactionIdHash, messageIdHash } = header;
  if (found !== END_FOUND_REQUIRED) return { found };
  const group = Buffer.from(frame.subarray(groupStart, groupEnd)).toString();
  return { flag, group, halfOffset, physical, outcome, isFromCheck, transactionIdHash, messageIdHash };
}

test('scanEndHeader reads what Java and Go clients send', (t) => {
  const both = (id: string): Record<string, number> => ({ transactionIdHash: javaHash(id), messageIdHash: javaHash(id) });
  t.same(scan(jsonFrame(JAVA)), {
    flag: 2,
    group: 'PG',
    halfOffset: 12,
    physical: 4_294_967_300,
    outcome: 8,
    isFromCheck: false,
    ...both('7F01'),
  });
  t.same(scan(jsonFrame(GO)), { flag: 2, group: 'PG', halfOffset: 0, physical: 7, outcome: 12, isFromCheck: true, ...both('A') });
  t.same(scan(jsonFrame(JAVA.replace(',"transactionId":"7F01"', '')))?.['transactionIdHash'], 0, 'nor its other name');
  t.same(scan(jsonFrame(JAVA.replace('"fromTransactionCheck":"false",', '')))?.['isFromCheck'], false, 'need not be there');
  t.end();
});

test('scanEndHeader leaves to the exact way what is not plain', (t) => {
  for (const [what, by] of [
    ['"4294967300"', '"4294967300000000"'],
    ['"4294967300"', '"x"'],
    ['"12"', '""'],
    ['"8"', '"1e1"'],
    ['"false"', '"no"'],
    ['"PG"', '"P\\u0047"'],
    ['"PG"', 'null'],
    ['"msgId":"7F01",', ''],
    ['"msgId":"7F01"', '"msgId":"7\\u004601"'],
    ['"transactionId":"7F01"', '"transactionId":"7\\u004601"'],
    ['"flag":2', '"flag": 2'],
    ['"flag":2', '"flag":"2"'],
  ] as const) {
    const found = scan(jsonFrame(JAVA.replace(what, by)));
    t.ok(found === null || 'found' in found, `${what} is ${by}`);
  }
  const ext = { producerGroup: 'PG', tranStateTableOffset: '1', commitLogOffset: '2', commitOrRollback: '8', msgId: 'x' };
  const binary = encodeCommand({ code: 37, opaque: 1, flag: 2, ext, serializeType: SERIALIZE_ROCKETMQ });
  t.equal(scan(binary), null, 'the binary header');
  t.end();
});

test('scanEndHeader, when it understands, says what the decoder says', (t) => {
  const value = fc.oneof(fc.nat().map(String), fc.string({ maxLength: 6 }), fc.constantFrom('true', 'false', '8', '12', '-1', '00', ''));
  const places = ['tranStateTableOffset', 'commitLogOffset'] as const;
  const names = ['producerGroup', ...places, 'commitOrRollback', 'msgId', 'transactionId', 'fromTransactionCheck'] as const;
  fc.assert(
    fc.property(fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] }), (ext) => {
      const frame = encodeCommand({ code: 37, opaque: 1, flag: 2, ext: ext as Record<string, string> });
      const found = scan(frame);
      if (found === null || 'found' in found) return true;
      const decoded = decodeEndTransactionRequest(decodeCommand(frame, 0, frame.length).ext);
      const { producerGroup, tranStateTableOffset, commitLogOffset, commitOrRollback, fromTransactionCheck } = decoded;
      return (
        found['transactionIdHash'] === javaHash(decoded.transactionId ?? '') &&
        found['messageIdHash'] === javaHash(decoded.msgId) &&
        found['group'] === producerGroup &&
        found['halfOffset'] === tranStateTableOffset &&
        found['physical'] === commitLogOffset &&
        found['outcome'] === commitOrRollback &&
        found['isFromCheck'] === fromTransactionCheck
      );
    }),
    { numRuns: 2000 },
  );
  t.end();
});

test('scanEndHeader reads no byte outside the frame, and throws for none', (t) => {
  const frame = jsonFrame(JAVA);
  for (let end = 8; end < frame.length; end++) t.notOk(scanEndHeader(frame, 0, end, new EndHeader()));
  for (let at = 8; at < frame.length; at++) {
    for (const byte of [0, 0x22, 0x5c, 0x7b, 0x7d, 0xff]) {
      const bad = Buffer.from(frame);
      bad[at] = byte;
      scanEndHeader(bad, 0, bad.length, new EndHeader());
    }
  }
  t.pass('over each byte');
  t.end();
});
