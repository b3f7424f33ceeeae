import fc from 'fast-check';
import { test } from 'tap';
import { decodeCommand, encodeCommand } from '../../../protocol/remoting/command.ts';
import {
  batchResponseMaxBytes,
  PULL_RESPONSE_HEAD_MAX_BYTES,
  SEND_RESPONSE_MAX_BYTES,
  SendResponseWriter,
  writePullResponseHeader,
} from '../../../protocol/remoting/response-writer.ts';

const HOST = Uint8Array.of(10, 0, 0, 8, 0, 0, 0x2a, 0x9f);

function messageId(physicalOffset: number): string {
  return `0A00000800002A9F${physicalOffset.toString(16).toUpperCase().padStart(16, '0')}`;
}

test('SendResponseWriter writes the very bytes that encodeCommand writes, in both forms', async (t) => {
  const writer = new SendResponseWriter(HOST, 'DefaultRegion', true);
  const offset = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 9, 10, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 1e9, 2 ** 53 - 1));
  const id = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ minLength: 250, maxLength: 260 }));
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.integer(),
      fc.constantFrom(0, 10, 11, 12),
      offset,
      fc.nat(),
      offset,
      id,
      (isBinary, opaque, code, physical, queueId, queueOffset, text) => {
        const target = new Uint8Array(SEND_RESPONSE_MAX_BYTES + 7);
        const source = Buffer.from(`x${text}y`);
        const end = writer.write(target, 7, isBinary, opaque, code, physical, queueId, queueOffset, source, 1, source.length - 1);
        const hasId = source.length > 2 && source.length - 2 <= 255;
        const expected = encodeCommand({
          code,
          opaque,
          flag: 1,
          serializeType: isBinary ? 1 : 0,
          ext: {
            MSG_REGION: 'DefaultRegion',
            TRACE_ON: true,
            msgId: messageId(physical),
            queueId,
            queueOffset,
            transactionId: hasId ? source.toString('utf8', 1, source.length - 1) : null,
          },
        });
        const got = target.subarray(7, end);
        // JSON.stringify has short escapes (\n) where the writer has \u000A, so JSON is compared by meaning.
        if (isBinary) return Buffer.compare(got, expected) === 0;
        const [a, b] = [decodeCommand(got, 0, got.length), decodeCommand(expected, 0, expected.length)];
        return (
          a.opaque === opaque &&
          a.flag === 1 &&
          a.version === 493 &&
          a.code === code &&
          JSON.stringify([...a.ext]) === JSON.stringify([...b.ext])
        );
      },
    ),
    { seed: 3, numRuns: 2000 },
  );
  const target = new Uint8Array(SEND_RESPONSE_MAX_BYTES);
  const end = writer.write(target, 0, false, 8, 0, 1_234_567_890_123, 3, 42, Buffer.from('ID'), 0, 2);
  t.equal(
    Buffer.from(target.subarray(8, end)).toString(),
    '{"code":0,"extFields":{"MSG_REGION":"DefaultRegion","TRACE_ON":"true","msgId":"0A00000800002A9F0000011F71FB04CB","queueId":"3","queueOffset":"42","transactionId":"ID"},"flag":1,"language":"JAVA","opaque":8,"serializeTypeCurrentRPC":"JSON","version":493}',
  );
});

test('SendResponseWriter never needs more room than it says', async (t) => {
  const region = '"'.repeat(255);
  const writer = new SendResponseWriter(new Uint8Array(20), region, false);
  const target = new Uint8Array(10_000);
  const id = new Uint8Array(255).fill(1);
  const most = Number.MAX_SAFE_INTEGER;
  for (const isBinary of [true, false]) {
    const end = writer.write(target, 0, isBinary, -0x8000_0000, 12, most, 0x7fff_ffff, most, id, 0, id.length);
    t.ok(end <= SEND_RESPONSE_MAX_BYTES, `${end} bytes`);
    const command = decodeCommand(target, 0, end);
    t.equal(command.ext.get('MSG_REGION'), region);
    t.equal(command.ext.get('transactionId')?.length, 255);
  }
  t.throws(() => new SendResponseWriter(HOST, 'r'.repeat(256), true), /256 bytes; 255 are allowed/);
  t.throws(() => writer.write(target, 0, false, 1, 2, 0, 0, 0, id, 0, 0), /not 2/);
});

test('SendResponseWriter.writeBatch lists the ids of the messages in order', async (t) => {
  const writer = new SendResponseWriter(HOST, 'R', true);
  const offsets = Float64Array.of(0, 255, 2 ** 40);
  for (const isBinary of [true, false]) {
    const target = new Uint8Array(batchResponseMaxBytes(3));
    const end = writer.writeBatch(target, 0, isBinary, 77, 10, offsets, 3, 1, 1000);
    const command = decodeCommand(target, 0, end);
    t.equal(command.code, 10);
    t.equal(command.opaque, 77);
    t.equal(command.ext.get('msgId'), [0, 255, 2 ** 40].map(messageId).join(','));
    t.equal(command.ext.get('queueOffset'), '1000');
    t.notOk(command.ext.has('transactionId'));
  }
});

test('writePullResponseHeader writes the head that Java writes, for a body that follows', async (t) => {
  const fields = {
    code: 0,
    remark: 'FOUND',
    suggestWhichBrokerId: 0,
    nextBeginOffset: 2 ** 45,
    minOffset: 0,
    maxOffset: 2 ** 45 + 1,
    topicSysFlag: 0,
    groupSysFlag: 3,
  };
  const body = Buffer.from('messages');
  for (const isBinary of [true, false]) {
    for (const remark of ['FOUND', '', 'a "quoted" one']) {
      const target = Buffer.alloc(PULL_RESPONSE_HEAD_MAX_BYTES);
      const at = writePullResponseHeader(target, 5, isBinary, -9, { ...fields, remark }, body.length);
      target.set(body, at);
      const { code, suggestWhichBrokerId, nextBeginOffset, minOffset, maxOffset, topicSysFlag, groupSysFlag } = fields;
      const expected = encodeCommand({
        code,
        opaque: -9,
        flag: 1,
        remark: remark === '' ? null : remark,
        ext: { groupSysFlag, maxOffset, minOffset, nextBeginOffset, suggestWhichBrokerId, topicSysFlag },
        body,
        serializeType: isBinary ? 1 : 0,
      });
      t.equal(target.toString('latin1', 5, at + body.length), Buffer.from(expected).toString('latin1'));
    }
  }
  const target = new Uint8Array(10_000);
  const most = Number.MAX_SAFE_INTEGER;
  const worst = {
    code: 32767,
    remark: '',
    suggestWhichBrokerId: -most,
    nextBeginOffset: -most,
    minOffset: -most,
    maxOffset: -most,
    topicSysFlag: -most,
    groupSysFlag: -most,
  };
  t.ok(writePullResponseHeader(target, 0, false, -0x8000_0000, worst, 1) <= PULL_RESPONSE_HEAD_MAX_BYTES);
  t.ok(writePullResponseHeader(target, 0, true, -0x8000_0000, worst, 1) <= PULL_RESPONSE_HEAD_MAX_BYTES);
});
