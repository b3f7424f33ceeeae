import { test } from 'tap';
import { decodeBatchAck, encodeBatchAck } from '../../../protocol/remoting/bodies/batch-ack.ts';
import { formatReceipt, msgOffsetInfo, orderCountInfo, parseReceipt, startOffsetInfo } from '../../../protocol/remoting/receipt.ts';
import {
  decodeAckMessageRequest,
  decodeChangeInvisibleTimeRequest,
  decodeChangeInvisibleTimeResponse,
  encodeAckMessageRequest,
  encodeChangeInvisibleTimeRequest,
  encodeChangeInvisibleTimeResponse,
} from '../../../protocol/remoting/requests/ack-message.ts';
import {
  decodeNotificationRequest,
  decodePeekMessageRequest,
  decodePollingInfoRequest,
  encodeNotificationRequest,
  encodePeekMessageRequest,
  encodePollingInfoRequest,
} from '../../../protocol/remoting/requests/notification.ts';
import {
  decodePopMessageRequest,
  decodePopMessageResponse,
  encodePopMessageRequest,
  encodePopMessageResponse,
} from '../../../protocol/remoting/requests/pop-message.ts';
import { thrown } from '../../support/thrown.ts';

test('parseReceipt reads what the Java client puts together, and names what is no receipt', async (t) => {
  const text = '10 1700000000000 60000 3 1 broker-a 2 12';
  const receipt = parseReceipt(text, 12);
  t.same(receipt, {
    startOffset: 10,
    popTime: 1700000000000,
    invisibleMs: 60000,
    reviveQueueId: 3,
    retry: 1,
    brokerName: 'broker-a',
    queueId: 2,
    offset: 12,
  });
  t.equal(formatReceipt(receipt), text);
  t.equal(parseReceipt('10 1 2 3 0 b 2', 11).offset, 11, 'without its last word it is of the message asked for');
  for (const bad of [
    '',
    'x',
    '1 2 3 4 5',
    '1 2 3 4 9 b 0 1',
    '1 2 3 4 0 b x 1',
    'a 2 3 4 0 b 0 1',
    `${'9'.repeat(600)} 2 3 4 0 b 0 1`,
    '1 2 3 4 0 b 0 1 7',
  ]) {
    t.match(
      thrown(() => parseReceipt(bad, 0)),
      { field: /extraInfo/ },
      bad.slice(0, 40),
    );
  }
});

test('the texts of a pop’s answer are Java’s', async (t) => {
  const queues = [
    { retry: 0, queueId: 1, startOffset: 5, offsets: [5, 6, 9], attempts: null },
    { retry: 2, queueId: 0, startOffset: 7, offsets: [7], attempts: null },
  ] as const;
  t.equal(startOffsetInfo(queues), '0 1 5;2 0 7');
  t.equal(msgOffsetInfo(queues), '0 1 5,6,9;2 0 7');
  t.equal(orderCountInfo(queues), '');
  const ordered = [{ retry: 0, queueId: 1, startOffset: 5, offsets: [5, 6], attempts: [2, 0] }] as const;
  t.equal(orderCountInfo(ordered), '0 qo1%5 2;0 1 0');
});

test('decodeBatchAck reads short names and whole ones, and refuses what is too much', async (t) => {
  const ack = {
    group: 'G',
    topic: 'T',
    retry: 1,
    startOffset: 100,
    queueId: 2,
    reviveQueueId: 3,
    popTime: 4,
    invisibleMs: 5,
    offsets: [100, 109],
  } as const;
  const bytes = encodeBatchAck('b', [ack]);
  t.match(bytes.toString(), /"b":"AQI="/, 'bits 0 and 9');
  t.same(decodeBatchAck(bytes), { brokerName: 'b', acks: [ack] });
  const long = {
    consumerGroup: 'G',
    topic: 'T',
    retry: '1',
    startOffset: 100,
    queueId: 2,
    reviveQueueId: 3,
    popTime: 4,
    invisibleTime: 5,
    bitSet: 'AQI=',
  };
  t.same(decodeBatchAck(Buffer.from(JSON.stringify({ brokerName: 'b', acks: [long] }))).acks, [ack]);
  const bad = (item: Record<string, unknown>): Error =>
    thrown(() => decodeBatchAck(Buffer.from(JSON.stringify({ acks: [item] })))) as Error;
  t.match(bad({ c: 'G', t: 'T', r: '7', b: '' }).message, /r of an item/);
  t.match(bad({ c: 'G', t: 'T', b: Buffer.alloc(9000).toString('base64') }).message, /72000 bits/);
  t.match(bad({ t: 'T', b: '' }).message, /c of/);
  t.match((thrown(() => decodeBatchAck(Buffer.from(JSON.stringify({ acks: new Array(5000).fill(long) })))) as Error).message, /5000 items/);
});

test('headers of pops and their kin go both ways', async (t) => {
  const texts = (ext: object): Map<string, string> =>
    new Map(
      Object.entries(ext)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => [name, String(value)]),
    );
  const queue = { consumerGroup: 'G', topic: 'T', queueId: -1 };
  const pop = {
    ...queue,
    maxMsgNums: 32,
    invisibleTime: 1,
    pollTime: 2,
    bornTime: 3,
    initMode: 0,
    expType: 'TAG',
    exp: 'a',
    order: true,
    attemptId: 'x',
  };
  t.same(decodePopMessageRequest(texts(encodePopMessageRequest(pop))), pop);
  const answer = {
    popTime: 1,
    invisibleTime: 2,
    reviveQid: 3,
    restNum: 4,
    startOffsetInfo: '0 1 2',
    msgOffsetInfo: '0 1 2',
    orderCountInfo: null,
  };
  t.same(decodePopMessageResponse(texts(encodePopMessageResponse(answer))), answer);
  const ack = { ...queue, queueId: 1, extraInfo: '1 2', offset: 3 };
  t.same(decodeAckMessageRequest(texts(encodeAckMessageRequest(ack))), ack);
  const change = { ...ack, invisibleTime: 9 };
  t.same(decodeChangeInvisibleTimeRequest(texts(encodeChangeInvisibleTimeRequest(change))), change);
  const changed = { popTime: 1, invisibleTime: 2, reviveQid: 3 };
  t.same(decodeChangeInvisibleTimeResponse(texts(encodeChangeInvisibleTimeResponse(changed))), changed);
  const notification = { ...queue, pollTime: 1, bornTime: 2, order: false, attemptId: null };
  t.same(decodeNotificationRequest(texts(encodeNotificationRequest(notification))), notification);
  t.same(decodePeekMessageRequest(texts(encodePeekMessageRequest({ ...queue, maxMsgNums: 5 }))), { ...queue, maxMsgNums: 5 });
  t.same(decodePollingInfoRequest(texts(encodePollingInfoRequest(queue))), queue);
  t.match(
    thrown(() => decodePopMessageRequest(new Map())),
    { field: 'consumerGroup' },
  );
});
