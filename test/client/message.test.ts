import { deflateSync } from 'node:zlib';
import { test } from 'tap';
import { INFLATED_BYTES_MAX, receiveMessages } from '../../client/message.ts';
import { formatProperties } from '../../model/message-property.ts';
import { encodeMessageRecord, type MessageRecordFields } from '../../model/message-record.ts';

const record = (fields: Partial<MessageRecordFields>): Uint8Array => encodeMessageRecord({ topic: 'T', body: Buffer.from('x'), ...fields });
const properties = (entries: Record<string, string>): string => formatProperties(Object.entries(entries));

test('receiveMessages gives what was stored', async (t) => {
  const bytes = Buffer.concat([
    record({
      queueId: 3,
      queueOffset: 8,
      physicalOffset: 4711,
      storeHost: { address: Uint8Array.of(10, 1, 2, 3), port: 10911 },
      bornHost: { address: Uint8Array.from({ length: 16 }, (_, index) => (index === 15 ? 1 : 0)), port: 5 },
      reconsumeTimes: 2,
      flag: -1,
      properties: properties({ TAGS: 'A', KEYS: 'k1 k2', UNIQ_KEY: 'U', own: 'v' }),
    }),
    record({ body: Buffer.alloc(0) }),
  ]);
  const [first, second] = receiveMessages('broker-a', 'a:1', bytes);
  t.match(first, {
    topic: 'T',
    tag: 'A',
    keys: ['k1', 'k2'],
    messageId: 'U',
    queue: { topic: 'T', brokerName: 'broker-a', queueId: 3 },
    queueOffset: 8,
    physicalOffset: 4711,
    storeHost: '10.1.2.3:10911',
    bornHost: '[0:0:0:0:0:0:0:1]:5',
    reconsumeTimes: 2,
    flag: -1,
    bodyFault: null,
  });
  t.equal(first!.properties.get('own'), 'v');
  t.match(second, { tag: null, keys: [] });
  t.equal(second!.messageId, second!.offsetMessageId, 'without a key the id is the place');
});

test('receiveMessages gives a message of a retry topic under the topic that it was sent to', async (t) => {
  const [message] = receiveMessages('b', 'a:1', record({ topic: '%RETRY%G', properties: properties({ RETRY_TOPIC: 'Orders' }) }));
  t.equal(message!.topic, 'Orders');
  t.equal(message!.queue.topic, '%RETRY%G', 'and says where it lay');
  const [forged] = receiveMessages('b', 'a:1', record({ topic: 'T', properties: properties({ RETRY_TOPIC: 'Orders' }) }));
  t.equal(forged!.topic, 'T', 'elsewhere the property means nothing');
});

test('receiveMessages inflates bodies, and says what is wrong with those that it cannot', async (t) => {
  const body = Buffer.from('ringmq '.repeat(100));
  t.same(receiveMessages('b', 'a:1', record({ body: deflateSync(body), sysFlag: 1 }))[0]!.body, body);
  t.same(receiveMessages('b', 'a:1', record({ body: deflateSync(body), sysFlag: 1 | 0x300 }))[0]!.body, body);
  t.match(receiveMessages('b', 'a:1', record({ body, sysFlag: 1 }))[0]!.bodyFault, /cannot be inflated/);
  t.match(receiveMessages('b', 'a:1', record({ body, sysFlag: 1 | 0x100 }))[0]!.bodyFault, /lz4/);
  const bomb = deflateSync(Buffer.alloc(INFLATED_BYTES_MAX + 1));
  t.match(receiveMessages('b', 'a:1', record({ body: bomb, sysFlag: 1 }))[0]!.bodyFault, /cannot be inflated/, `${bomb.length} bytes`);
});

test('receiveMessages refuses bytes that are no messages', async (t) => {
  const good = record({});
  for (const [what, bytes] of [
    ['a cut record', good.subarray(0, good.length - 1)],
    ['noise', Buffer.alloc(200, 7)],
    ['an offset that no number holds', Buffer.from(good).fill(0xff, 21, 28).fill(0x7f, 20, 21)],
    ['a place that no number holds', Buffer.from(good).fill(0xff, 29, 36).fill(0x7f, 28, 29)],
    ['a record and a rest', Buffer.concat([good, Buffer.from('rest')])],
  ] as const)
    t.throws(() => receiveMessages('b', 'a:1', bytes), { code: 'MQ_CLIENT_BAD_ANSWER' }, what);
  t.same(receiveMessages('b', 'a:1', new Uint8Array(0)), []);
});
