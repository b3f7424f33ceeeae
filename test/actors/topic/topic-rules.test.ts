import { test } from 'tap';
import { plainTopic, type TopicConfig } from '../../../actors/topic/topic-config.ts';
import {
  alterAttributes,
  DEFAULT_TOPIC_SETTINGS,
  decideCreateOnSend,
  decideEnsure,
  decideUpdate,
  deleteRefusal,
  systemTopicNames,
  systemTopics,
  type TopicSettings,
  type UpdateTopic,
} from '../../../actors/topic/topic-rules.ts';

const settings = DEFAULT_TOPIC_SETTINGS;

function table(...topics: TopicConfig[]): Map<string, TopicConfig> {
  return new Map([...systemTopics(settings), ...topics].map((topic) => [topic.topicName, topic]));
}

function send(topic: string, queueNums = 4, defaultTopic = 'TBW102') {
  return { topic, defaultTopic, queueNums, topicSysFlag: 0, clientAddress: '127.0.0.1:1' };
}

function update(change: Partial<UpdateTopic> = {}): UpdateTopic {
  return {
    topic: 'Orders',
    readQueueNums: 8,
    writeQueueNums: 8,
    perm: 6,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: '',
    ...change,
  };
}

test('decideCreateOnSend makes a topic in the image of the default topic', async (t) => {
  for (const [queueNums, want] of [
    [4, 4],
    [16, 8],
    [1, 1],
    [0, 1],
    [-3, 1],
  ] as const) {
    const decision = decideCreateOnSend(table(), send('New', queueNums), settings);
    t.same(decision, { kind: 'put', config: plainTopic('New', want) }, `${queueNums} queues proposed, 8 at most: perm 6 without inherit`);
  }
  t.same(decideCreateOnSend(table(plainTopic('New', 2)), send('New'), settings), { kind: 'unchanged' });
  const own = decideCreateOnSend(table({ ...plainTopic('Parent', 3), perm: 5 }), send('New', 4, 'Parent'), settings);
  t.same(own, { kind: 'put', config: { ...plainTopic('New', 3), perm: 4 } }, 'any topic with the inherit bit can be the model');
});

test('decideCreateOnSend refuses with 17, 29 or 1 and says why', async (t) => {
  const off: TopicSettings = { ...settings, autoCreateTopicEnable: false };
  const cases: [string, ReturnType<typeof decideCreateOnSend>, number, RegExp][] = [
    [
      'auto-creation off',
      decideCreateOnSend(table(), send('New'), off),
      17,
      /topic\[New\] not exist.*autoCreateTopicEnable=false.*updateTopic/,
    ],
    ['no such default topic', decideCreateOnSend(table(), send('New', 4, 'Nope'), settings), 17, /"Nope"/],
    ['default topic without inherit', decideCreateOnSend(table(plainTopic('Plain', 4)), send('New', 4, 'Plain'), settings), 17, /perm 6/],
    ['bad characters', decideCreateOnSend(table(), send('a b'), settings), 29, /illegal characters/],
    ['blank', decideCreateOnSend(table(), send(' '), settings), 29, /blank/],
    ['too long', decideCreateOnSend(table(), send('x'.repeat(128)), settings), 29, /127/],
    ['too many', decideCreateOnSend(table(), send('New'), { ...settings, topicsMax: 3 }), 1, /limit is 3/],
  ];
  for (const [title, decision, code, remark] of cases) {
    if (decision.kind !== 'refuse') t.fail(`${title} was not refused`);
    else {
      t.equal(decision.code, code, title);
      t.match(decision.remark, remark, title);
    }
  }
  const retry = decideCreateOnSend(table(), send(`%RETRY%${'g'.repeat(120)}`), off);
  t.equal(retry.kind, 'put', 'a retry topic is made in any case, and may be longer');
});

test('decideUpdate makes, changes, leaves and refuses', async (t) => {
  t.same(decideUpdate(table(), update(), settings), { kind: 'put', config: plainTopic('Orders', 8) });
  t.same(decideUpdate(table(plainTopic('Orders', 8)), update(), settings), { kind: 'unchanged' }, 'the same again');
  t.equal(decideUpdate(table(plainTopic('Orders', 8)), update({ perm: 4 }), settings).kind, 'put');
  const cases: [Partial<UpdateTopic>, number, RegExp][] = [
    [{ topic: 'TBW102' }, 29, /conflict with system topic/],
    [{ topic: 'rmq_sys_mine' }, 29, /conflict with system topic/],
    [{ topic: 'DefaultCluster' }, 29, /conflict with system topic/],
    [{ topic: 'broker-a' }, 29, /conflict with system topic/],
    [{ topic: '../x' }, 29, /illegal/],
    [{ readQueueNums: -1 }, 29, /readQueueNums must be between 0 and 4096, it is -1/],
    [{ writeQueueNums: 4097 }, 29, /writeQueueNums/],
    [{ readQueueNums: 0, writeQueueNums: 0 }, 29, /needs a queue/],
    [{ perm: 16 }, 29, /perm/],
    [{ attributes: '+color=red' }, 1, /unsupported key/],
  ];
  for (const [change, code, remark] of cases) {
    const decision = decideUpdate(table(), update(change), settings);
    if (decision.kind !== 'refuse') t.fail(`${JSON.stringify(change)} was not refused`);
    else {
      t.equal(decision.code, code, JSON.stringify(change));
      t.match(decision.remark, remark);
    }
  }
});

test('alterAttributes adds, alters and deletes as Java does', async (t) => {
  t.same(alterAttributes(null, '+message.type=FIFO', settings), { attributes: { 'message.type': 'FIFO' } });
  t.same(alterAttributes({ 'message.type': 'FIFO' }, '+message.type=DELAY,+reserve.time=5', settings), {
    attributes: { 'message.type': 'DELAY', 'reserve.time': '5' },
  });
  t.same(alterAttributes({ 'message.type': 'FIFO' }, '-message.type', settings), { attributes: {} });
  t.same(alterAttributes({ 'message.type': 'FIFO' }, '', settings), { attributes: { 'message.type': 'FIFO' } });
  const wrong: [Record<string, string> | null, string, RegExp][] = [
    [null, 'message.type=FIFO', /add\/alter attribute format is wrong/],
    [null, 'message.type', /delete attribute format is wrong/],
    [null, '+message.type=FIFO,+message.type=DELAY', /key duplication/],
    [null, '-message.type', /only add attribute is supported/],
    [{}, '-message.type', /nonexistent key/],
    [null, '+message.type=BLUE', /is not one of NORMAL/],
    [null, '+message.type=MIXED', /enableMixedMessageType/],
    [{}, '+queue.type=SimpleCQ', /unchangeable/],
    [null, '+__proto__=x', /unsupported key/],
    [null, `+message.type=${'x'.repeat(5000)}`, /limit is 4096/],
  ];
  for (const [current, text, remark] of wrong) {
    const result = alterAttributes(current, text, settings);
    if (!('code' in result)) t.fail(`${text} was taken`);
    else t.match(result.remark, remark);
  }
});

test('decideEnsure leaves what exists and makes what does not', async (t) => {
  t.same(decideEnsure(table(plainTopic('%RETRY%G', 3)), plainTopic('%RETRY%G', 1), settings), { kind: 'unchanged' });
  t.same(decideEnsure(table(), plainTopic('%DLQ%G', 1), settings), { kind: 'put', config: plainTopic('%DLQ%G', 1) });
  t.equal(decideEnsure(table(), plainTopic('a/b', 1), settings).kind, 'refuse');
});

test('systemTopics are those of a broker of 5.x', async (t) => {
  const topics = new Map(systemTopics(settings).map((topic) => [topic.topicName, topic]));
  t.match(topics.get('TBW102'), { perm: 7, readQueueNums: 8, writeQueueNums: 8 });
  t.match(topics.get('SCHEDULE_TOPIC_XXXX'), { perm: 6, writeQueueNums: 18 });
  t.match(topics.get('DefaultCluster'), { perm: 7 });
  t.match(topics.get('broker-a'), { perm: 7, writeQueueNums: 1 });
  t.ok(topics.has('DefaultCluster_REPLY_TOPIC'));
  t.notOk(topics.has('RMQ_SYS_TRACE_TOPIC'), 'only with traceTopicEnable');
  t.notOk(systemTopics({ ...settings, autoCreateTopicEnable: false }).some((topic) => topic.topicName === 'TBW102'));
  t.ok(systemTopicNames(settings).includes('TBW102'));
  t.equal(deleteRefusal('TBW102', settings)?.code, 29);
  t.equal(deleteRefusal('Orders', settings), null);
});
