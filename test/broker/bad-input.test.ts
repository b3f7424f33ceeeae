/** What a started broker says to input that is wrong: the right code, a remark, and the next frame is served. */
import tap, { test } from 'tap';
import { pullMessages, queueOffset, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign, uniqueName } from '../support/broker-under-test.ts';
import { encodeRawFrame } from '../support/raw-frame.ts';
import { waitUntil, within } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(120_000);

test('bad input', { timeout: 120_000 }, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const topic = uniqueName('bad');
  const keeper = await broker.connect();
  t.equal((await sendMessage(keeper, topic, 'good')).code, 0);

  const frames: Record<string, () => Buffer> = {
    'a frame over 16 MiB': () => Buffer.from('0100000100000000', 'hex'),
    'the largest length': () => Buffer.from('7fffffff00000000', 'hex'),
    'a negative length': () => Buffer.from('ffffffff00000000', 'hex'),
    'a length too small for its header': () => Buffer.from('0000000300000000', 'hex'),
    'a header beyond its frame': () => Buffer.from('0000001000ffffff00000000000000000000000000', 'hex'),
    'an unknown serializer': () => {
      const frame = encodeRawFrame({ code: 34, opaque: 1 });
      frame.writeUInt8(9, 4);
      return frame;
    },
    'a header that is no JSON': () => Buffer.from(`0000000c00000008${Buffer.from('{{{{{{{{').toString('hex')}`, 'hex'),
    'a binary header with lengths beyond it': () => {
      const frame = encodeRawFrame({ code: 34, opaque: 1, encoding: 'binary', ext: { a: 'b' } });
      frame.writeInt32BE(0x7fffffff, 8 + 17);
      return frame;
    },
  };
  // The Java broker waits for the bytes of a frame that is too long before it closes.
  for (const [name, bytes] of isForeign ? [] : Object.entries(frames)) {
    t.test(`${name} closes the connection and no other`, async (t) => {
      const client = await broker.connect();
      client.write(bytes());
      await within('the end of the connection', client.closed, 5_000);
      t.equal((await sendMessage(keeper, topic, 'still here')).code, 0, 'another connection is served');
    });
  }

  type Case = { name: string; codes: number[]; remark?: RegExp; send(): ReturnType<typeof sendMessage> };
  const missing: Case[] = ['a', 'b', 'e', 'f', 'g'].map((field) => ({
    name: `a send without its field ${field}`,
    codes: [1],
    ...(isForeign
      ? {}
      : {
          remark: new RegExp(
            `\\b(${field}|${{ a: 'producerGroup', b: 'topic', e: 'queueId', f: 'sysFlag', g: 'bornTimestamp' }[field]})\\b`,
          ),
        }),
    send: () => sendMessage(keeper, topic, 'x', { fields: { [field]: undefined } }),
  }));
  const cases: Case[] = [
    ...(isForeign ? [] : missing),
    { name: 'a send whose queue is no number', codes: [1], send: () => sendMessage(keeper, topic, 'x', { fields: { e: 'two' } }) },
    { name: 'a body over 4 MiB', codes: [13], send: () => sendMessage(keeper, topic, Buffer.alloc(4 * 1024 * 1024 + 1)) },
    {
      name: 'properties over 32767 bytes',
      codes: [13],
      send: () => sendMessage(keeper, topic, 'x', { properties: { big: 'x'.repeat(32_768) } }),
    },
    { name: 'a topic with characters that are not allowed', codes: [29], send: () => sendMessage(keeper, 'no blanks please!', 'x') },
    { name: 'a topic of 128 characters', codes: [13, 29], send: () => sendMessage(keeper, 'x'.repeat(128), 'x') },
    { name: 'an empty topic', codes: [29], send: () => sendMessage(keeper, '', 'x', isForeign ? {} : { fields: { b: '' } }) },
    { name: 'a queue out of range', codes: [29], send: () => sendMessage(keeper, topic, 'x', { queueId: 99 }) },
    { name: 'a system topic', codes: [16, 29], send: () => sendMessage(keeper, 'SCHEDULE_TOPIC_XXXX', 'x') },
    {
      name: 'a batch whose items are cut off',
      codes: [1, 13],
      send: () => sendMessage(keeper, topic, Buffer.from('000000ff00000000', 'hex'), { isBatch: true }),
    },
  ];
  for (const { name, codes, remark, send } of cases) {
    t.test(`${name} is refused and nothing is stored`, async (t) => {
      const before = await queueOffset(keeper, 30, topic, 0);
      const answer = await send();
      t.ok(codes.includes(answer.code), `code ${answer.code}, expected ${codes.join(' or ')}: ${answer.remark}`);
      t.ok((answer.remark ?? '').length > 0, 'with a remark');
      if (remark !== undefined) t.match(answer.remark, remark, 'that names the field');
      // The Java broker's end of a queue follows its answers at a distance.
      if (!isForeign) t.equal(await queueOffset(keeper, 30, topic, 0), before, 'the queue ends where it did');
      t.equal((await sendMessage(keeper, topic, 'next')).code, 0, 'the next frame is served');
    });
  }

  t.test('a queue of −1 is a queue of the broker’s choice', async (t) => {
    t.equal((await sendMessage(keeper, topic, 'x', { queueId: -1 })).code, 0);
  });

  t.test('a pull without a topic is refused with 1', async (t) => {
    const answer = await keeper.request(11, {
      consumerGroup: 'g',
      queueId: '0',
      queueOffset: '0',
      maxMsgNums: '1',
      sysFlag: '4',
      commitOffset: '0',
      suspendTimeoutMillis: '0',
      subVersion: '0',
    });
    t.ok(isForeign || answer.code === 1, `code ${answer.code}: ${answer.remark}`);
    t.equal((await pullMessages(keeper, topic, 0, 0)).frame.code, 0, 'and the next one served');
  });

  t.test('a frame that comes in single bytes is served', async (t) => {
    const client = await broker.connect();
    const frame = encodeRawFrame({ code: 30, opaque: 77, ext: { topic, queueId: '0' } });
    for (const byte of frame) {
      client.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitUntil('the answer', () => client.unexpected.some(({ opaque, code }) => opaque === 77 && code === 0));
    t.pass('answered');
  });

  t.test('a connection that ends within a frame disturbs nobody', async (t) => {
    const client = await broker.connect();
    client.write(encodeRawFrame({ code: 310, opaque: 1, ext: {}, body: Buffer.alloc(1000) }).subarray(0, 300));
    await client.close();
    t.equal((await sendMessage(keeper, topic, 'after')).code, 0);
  });
});

test('auto-creation switched off', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { args: ['--set', 'autoCreateTopicEnable=false'] });
  const client = await broker.connect();
  const answer = await sendMessage(client, uniqueName('unknown'), 'x');
  t.equal(answer.code, 17, `an unknown topic: ${answer.remark}`);
});
