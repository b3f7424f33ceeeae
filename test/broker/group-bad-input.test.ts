/** What a started broker says to group requests that are wrong: a code and a remark, nothing changed, and the next frame is served. */
import tap, { test } from 'tap';
import { heartbeatBody, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign } from '../support/broker-under-test.ts';

tap.setTimeout(240_000);

const LONG = 'x'.repeat(20_000);
/** Names as paths, as what objects inherit, as separators of our own files, too long, blank, or no text that a name may be. */
const HOSTILE = ['../../etc/passwd', '__proto__', 'constructor', 'a@b', 'a;b', '%RETRY%', '{"a":1}', ' ', '', LONG, 'é\u0000'] as const;
const NUMBERS = ['-9223372036854775808', '9223372036854775807', '99999999999999999999', '1e9', 'NaN', '', '0x10', '-1'] as const;

type Case = {
  readonly code: number;
  readonly fields: Record<string, string>;
  readonly names: readonly string[];
  readonly numbers: readonly string[];
};

const CASES: readonly Case[] = [
  { code: 208, fields: { consumerGroup: 'G', topic: 'T' }, names: ['consumerGroup', 'topic', 'topicList'], numbers: [] },
  {
    code: 222,
    fields: { topic: 'T', group: 'G', timestamp: '0', isForce: 'true', queueId: '0' },
    names: ['topic', 'group'],
    numbers: ['timestamp', 'queueId', 'offset'],
  },
  { code: 223, fields: { topic: 'T', group: 'G' }, names: ['topic', 'group', 'clientAddr'], numbers: [] },
  { code: 300, fields: { topic: 'T' }, names: ['topic'], numbers: [] },
  { code: 307, fields: { consumerGroup: 'G', clientId: 'nobody' }, names: ['consumerGroup', 'clientId', 'jstackEnable'], numbers: [] },
  {
    code: 309,
    fields: { consumerGroup: 'G', clientId: 'nobody', msgId: '7F00000100002A9F0000000000000000' },
    names: ['consumerGroup', 'clientId', 'msgId', 'topic'],
    numbers: ['topicSysFlag'],
  },
  {
    code: 314,
    fields: { srcGroup: 'G', destGroup: 'H', topic: 'T', offline: 'true' },
    names: ['srcGroup', 'destGroup', 'topic'],
    numbers: [],
  },
  { code: 317, fields: { isOrder: 'false' }, names: ['isOrder'], numbers: [] },
  { code: 343, fields: { group: 'G' }, names: ['group'], numbers: [] },
  { code: 345, fields: { group: 'G', topic: 'T' }, names: ['group', 'topic'], numbers: [] },
  { code: 353, fields: { group: 'G', topic: 'T' }, names: ['group', 'topic'], numbers: [] },
];

const BODIES: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['no JSON', Buffer.from('{"groupName":')],
  ['a list', Buffer.from('[1,2,3]')],
  ['a number', Buffer.from('7')],
  ['a deep one', Buffer.from(`${'['.repeat(5_000)}${']'.repeat(5_000)}`)],
  ['wrong types', Buffer.from('{"groupName":{"a":1},"groupConfigList":7,"topic":[],"consumerGroup":{},"mode":[]}')],
  [
    'a path',
    Buffer.from('{"groupName":"../x","groupConfigList":[{"groupName":"../x"}],"topic":"../x","consumerGroup":"../x","mode":"PULL"}'),
  ],
  [
    'what objects inherit',
    Buffer.from('{"__proto__":{"groupName":"P"},"groupConfigList":[{"__proto__":{"groupName":"P"}}],"constructor":1}'),
  ],
  [
    'a name without end',
    Buffer.from(`{"groupName":"${LONG}","groupConfigList":[{"groupName":"${LONG}"}],"topic":"T","consumerGroup":"${LONG}","mode":"PULL"}`),
  ],
  [
    'numbers out of range',
    Buffer.from('{"groupName":"N","retryQueueNums":1e99,"groupConfigList":[{"groupName":"N","retryMaxTimes":9223372036854775807}]}'),
  ],
];

test('group requests that are wrong', { skip: isForeign, timeout: 240_000 }, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const client = await broker.connect();
  // Asked where it is (221) it says that it does not know: silence would be waited for, again and again.
  client.onPushed = (frame) => {
    if (frame.code === 221) client.reply(frame, 1);
  };
  for (let index = 0; index < 3; index++) await sendMessage(client, 'T', `m${index}`, { queueId: 0 });
  for (const group of ['G', 'H']) {
    t.equal((await client.request(34, null, { body: heartbeatBody('c1', group, ['T']) })).code, 0);
    const fields = { consumerGroup: group, topic: 'T', queueId: '0', commitOffset: group === 'G' ? '2' : '1' };
    t.equal((await client.request(15, fields)).code, 0);
  }
  /** Offsets, configurations and what is forbidden. */
  const state = async (): Promise<string> => {
    const parts: string[] = [];
    for (const consumerGroup of ['G', 'H']) {
      parts.push((await client.request(14, { consumerGroup, topic: 'T', queueId: '0' })).ext?.['offset'] ?? '');
    }
    const table = JSON.parse((await client.request(201)).body.toString());
    return JSON.stringify([parts, Object.keys(table.subscriptionGroupTable).sort(), table.forbiddenTable]);
  };
  const before = await state();

  for (const { code, fields, names, numbers } of CASES) {
    t.test(`request ${code}`, async (t) => {
      for (const field of Object.keys(fields)) {
        // Right but for what is missing, a change would be made.
        const never: Record<string, string> = code === 222 ? { group: 'never' } : code === 314 ? { srcGroup: 'never' } : {};
        const others: Record<string, string> = { ...fields, ...never };
        delete others[field];
        const answer = await client.request(code, others);
        t.not(answer.code, 3, `without ${field}`);
        if (answer.code !== 0) t.ok((answer.remark ?? '').length > 0, `a remark without ${field}: ${answer.code}`);
      }
      for (const field of names) {
        // A good change with one hostile name would be right to be made.
        const harmless = code === 314 ? { ...fields, srcGroup: 'never' } : code === 222 ? { ...fields, queueId: '77' } : fields;
        for (const value of HOSTILE) {
          const answer = await client.request(code, { ...harmless, [field]: value });
          t.ok(answer.code === 0 || (answer.remark ?? '').length > 0, `${field}=${JSON.stringify(value.slice(0, 20))}: ${answer.code}`);
          t.ok((answer.remark ?? '').length < 45_000, 'the remark is bounded by what was sent');
        }
      }
      for (const field of numbers) {
        for (const value of NUMBERS) {
          const answer = await client.request(code, { ...fields, group: 'never', clientId: 'nobody', [field]: value });
          t.not(answer.code, 0, `${field}=${value}: ${answer.remark}`);
          t.ok((answer.remark ?? '').length > 0);
        }
      }
    });
  }

  for (const code of [200, 225, 401]) {
    t.test(`body of request ${code}`, async (t) => {
      for (const [name, body] of BODIES) {
        const answer = await client.request(code, null, { body });
        t.not(answer.code, 0, `${name}: ${answer.code}`);
        t.ok((answer.remark ?? '').length > 0, name);
      }
    });
  }

  t.test('353 with hostile names forbids nothing', async (t) => {
    for (const value of HOSTILE) {
      for (const fields of [
        { group: value, topic: 'T' },
        { group: 'G', topic: value },
      ]) {
        const answer = await client.request(353, { ...fields, readable: 'false' });
        // Names that a topic may have may be forbidden, and are allowed again.
        if (answer.code === 0) t.equal((await client.request(353, { ...fields, readable: 'true' })).code, 0);
        else t.ok((answer.remark ?? '').length > 0);
      }
    }
  });

  t.test('nothing has changed, and the broker serves on', async (t) => {
    t.equal(await state(), before);
    t.equal((await sendMessage(client, 'T', 'last', { queueId: 0 })).code, 0);
    t.equal(({} as Record<string, unknown>)['groupName'], undefined);
  });
});

test('a commit beyond the end is refused wherever it comes from, for what lies between would never be consumed', {
  skip: isForeign,
  timeout: 120_000,
}, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const client = await broker.connect();
  for (let index = 0; index < 3; index++) await sendMessage(client, 'T', `m${index}`, { queueId: 0 });
  await client.request(34, null, { body: heartbeatBody('c1', 'G', ['T']) });
  const offset = async (): Promise<string | undefined> =>
    (await client.request(14, { consumerGroup: 'G', topic: 'T', queueId: '0' })).ext?.['offset'];
  const commit = (commitOffset: string) => client.request(15, { consumerGroup: 'G', topic: 'T', queueId: '0', commitOffset });
  t.equal((await commit('3')).code, 0, 'the end itself');
  t.match(await commit('4'), { code: 29, remark: /beyond the end 3/ });
  t.match(await commit('9223372036854775807'), { code: 1 });
  const pull = {
    consumerGroup: 'G',
    topic: 'T',
    queueId: '0',
    queueOffset: '0',
    maxMsgNums: '1',
    sysFlag: '1',
    commitOffset: '77',
    suspendTimeoutMillis: '0',
    subVersion: '1',
  };
  t.equal((await client.request(11, pull)).code, 0, 'a pull is served');
  t.match(await client.request(222, { topic: 'T', group: 'G', timestamp: '0', isForce: 'true', queueId: '0', offset: '4' }), { code: 1 });
  t.equal(await offset(), '3');
});
