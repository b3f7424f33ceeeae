/**
 * What a consumer answers tools with: both ways, as Java writes it, and the other clients' forms.
 */
import { test } from 'tap';
import { decodeConsumeDirectlyResult, encodeConsumeDirectlyResult } from '../../../../protocol/remoting/bodies/consume-directly-result.ts';
import { decodeConsumerRunningInfo, encodeConsumerRunningInfo } from '../../../../protocol/remoting/bodies/consumer-running-info.ts';
import { encodeMessageBatch } from '../../../../protocol/remoting/bodies/message-batch.ts';

test('encodeConsumerRunningInfo writes what decodeConsumerRunningInfo reads, queues as keys', async (t) => {
  const info = {
    properties: new Map([['PROP_CONSUME_TYPE', 'CONSUME_PASSIVELY']]),
    subscriptions: [{ topic: 'T', subString: '*', tagsSet: [], codeSet: [], subVersion: 7, expressionType: 'TAG', classFilterMode: false }],
    queues: [
      [
        { brokerName: 'b', queueId: 3, topic: 'T' },
        { commitOffset: 5, cachedMsgCount: 2, cachedMsgSizeInMiB: 1, locked: true, lastPullTimestamp: 8, lastConsumeTimestamp: 9 },
      ],
    ] as const,
    status: new Map([['T', { consumeOKTPS: 1.5, consumeFailedTPS: 0, consumeRT: 2, pullTPS: 3 }]]),
  };
  const bytes = encodeConsumerRunningInfo(info);
  t.match(Buffer.from(bytes).toString(), '{"mqTable":{{"brokerName":"b","queueId":3,"topic":"T"}:{"droped":false,"commitOffset":5,');
  t.same(decodeConsumerRunningInfo(bytes), info);
  const empty = decodeConsumerRunningInfo(Buffer.from('{"jstack":"…","mqPopTable":{}}'));
  t.same([empty.queues, empty.status.size, empty.properties.size], [[], 0, 0], 'what a client leaves out');
  for (const body of ['', '[]', '{"mqTable":{"x":1}}', '{"mqTable":7}', '{"properties":[]}'])
    t.throws(() => decodeConsumerRunningInfo(Buffer.from(body)), { code: 'MQ_PROTOCOL_BAD_BODY' }, body);
});

test('decodeConsumeDirectlyResult reads the words of Java and the numbers of Go', async (t) => {
  const result = { consumeResult: 'CR_THROW_EXCEPTION', order: true, autoCommit: false, remark: 'no', spentTimeMills: 12 } as const;
  t.same(decodeConsumeDirectlyResult(encodeConsumeDirectlyResult(result)), result);
  t.equal(decodeConsumeDirectlyResult(Buffer.from('{"consumeResult":1}')).consumeResult, 'CR_LATER');
  for (const body of ['{}', '{"consumeResult":"CR_MAYBE"}', '{"consumeResult":6}', '{"consumeResult":{}}'])
    t.throws(() => decodeConsumeDirectlyResult(Buffer.from(body)), { code: 'MQ_PROTOCOL_BAD_BODY' }, body);
});

test('encodeMessageBatch lays messages back to back, and refuses properties that are too long', async (t) => {
  const bytes = encodeMessageBatch([
    { flag: 1, body: Buffer.from('ab'), properties: 'x\u0001y\u0002' },
    { flag: -1, body: Buffer.alloc(0), properties: '' },
  ]);
  t.equal(
    Buffer.from(bytes).toString('hex'),
    '0000001c' +
      '00000000' +
      '00000000' +
      '00000001' +
      '00000002' +
      '6162' +
      '0004' +
      '78017902' + // first
      '00000016' +
      '00000000' +
      '00000000' +
      'ffffffff' +
      '00000000' +
      '0000', // second
  );
  t.throws(() => encodeMessageBatch([{ flag: 0, body: Buffer.alloc(1), properties: 'x'.repeat(32_768) }]), {
    code: 'MQ_PROTOCOL_BAD_BODY',
  });
});
