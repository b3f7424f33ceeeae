/**
 * One good request of each kind that a ringmq serves, on things that nobody else needs: what tests change field by field to make bad ones. What is
 * named here may be changed and deleted by them, the topic `keeper` and the group `keepers` may not.
 */
import { heartbeatBody } from './broker-client.ts';

export type RequestSeed = {
  readonly code: number;
  readonly to: 'broker' | 'name-server';
  readonly fields: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
};

const topic = 'victim';
const group = 'victims';
const consumerGroup = group;
const queueId = '0';
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

const SENT = {
  producerGroup: 'senders',
  topic,
  defaultTopic: 'TBW102',
  defaultTopicQueueNums: '4',
  queueId,
  sysFlag: '0',
  bornTimestamp: '1700000000000',
  flag: '0',
  properties: 'TAGS\u0001red\u0002',
  reconsumeTimes: '0',
  unitMode: 'false',
  batch: 'false',
};
const SENT_V2 = {
  a: 'senders',
  b: topic,
  c: 'TBW102',
  d: '4',
  e: queueId,
  f: '0',
  g: '1700000000000',
  h: '0',
  i: 'TAGS\u0001red\u0002',
  j: '0',
  k: 'false',
  m: 'false',
};
const PULLED = {
  consumerGroup,
  topic,
  queueId,
  queueOffset: '0',
  maxMsgNums: '1',
  sysFlag: '4',
  commitOffset: '0',
  suspendTimeoutMillis: '0',
  subscription: '*',
  subVersion: '0',
  expressionType: 'TAG',
};
const POPPED = {
  consumerGroup,
  topic,
  queueId: '-1',
  maxMsgNums: '1',
  invisibleTime: '30000',
  pollTime: '0',
  bornTime: '1700000000000',
  initMode: '0',
  expType: 'TAG',
  exp: '*',
  order: 'false',
};
const ACKED = { consumerGroup, topic, queueId, extraInfo: '0 1700000000000 30000 0 0 broker-a 0 0', offset: '0' };
const BROKER = { brokerName: 'broker-x', brokerAddr: '127.0.0.1:1', clusterName: 'ClusterX', brokerId: '0' };
const LOCK = json({ consumerGroup, clientId: 'c', mqSet: [{ topic, brokerName: 'broker-a', queueId: 0 }] });
const TOPIC = { topicName: topic, readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0, order: false, attributes: {} };

const atBroker = (code: number, fields: RequestSeed['fields'] = {}, body?: Uint8Array): RequestSeed => ({
  code,
  to: 'broker',
  fields,
  ...(body === undefined ? {} : { body }),
});
const atNameServer = (code: number, fields: RequestSeed['fields'] = {}, body?: Uint8Array): RequestSeed => ({
  ...atBroker(code, fields, body),
  to: 'name-server',
});

export const REQUEST_SEEDS: readonly RequestSeed[] = [
  atBroker(10, SENT, Buffer.from('x')),
  atBroker(11, PULLED),
  atBroker(12, { topic, key: 'k', maxNum: '8', beginTimestamp: '0', endTimestamp: '9000000000000' }),
  atBroker(14, { consumerGroup, topic, queueId, setZeroIfNotFound: 'true' }),
  atBroker(15, { consumerGroup, topic, queueId, commitOffset: '0' }),
  atBroker(17, {
    topic,
    defaultTopic: 'TBW102',
    readQueueNums: '4',
    writeQueueNums: '4',
    perm: '6',
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: '0',
    order: 'false',
    attributes: '',
  }),
  atBroker(18, {}, json({ topicConfigList: [TOPIC] })),
  atBroker(21, { topicSeq: '0', maxTopicNum: '10' }),
  atBroker(25, {}, Buffer.from('fileReservedTime=72\n')),
  atBroker(26),
  atBroker(28),
  atBroker(29, { topic, queueId, timestamp: '0' }),
  atBroker(30, { topic, queueId, committed: 'true' }),
  atBroker(31, { topic, queueId }),
  atBroker(32, { topic, queueId }),
  atBroker(33, { topic, offset: '0' }),
  atBroker(34, {}, heartbeatBody('c', group, [topic])),
  atBroker(35, { clientID: 'c', producerGroup: 'senders', consumerGroup }),
  atBroker(36, { offset: '0', group, delayLevel: '1', originMsgId: '', originTopic: topic, unitMode: 'false', maxReconsumeTimes: '16' }),
  atBroker(37, {
    producerGroup: 'senders',
    tranStateTableOffset: '0',
    commitLogOffset: '0',
    commitOrRollback: '8',
    fromTransactionCheck: 'false',
    msgId: 'm',
    transactionId: 't',
  }),
  atBroker(38, { consumerGroup }),
  atBroker(41, {}, LOCK),
  atBroker(42, {}, LOCK),
  atBroker(45),
  atBroker(46, {}, json({ clientId: 'c', group, subscriptionData: { topic, subString: '*', expressionType: 'TAG' } })),
  atNameServer(100, { namespace: 'victims', key: 'k', value: 'v' }),
  atNameServer(101, { namespace: 'victims', key: 'k' }),
  atNameServer(102, { namespace: 'victims', key: 'k' }),
  atNameServer(103, { ...BROKER, haServerAddr: '127.0.0.1:2', compressed: 'false', bodyCrc32: '0' }),
  atNameServer(104, BROKER),
  atNameServer(105, { topic, acceptStandardJsonOnly: 'true' }),
  atNameServer(106),
  atBroker(200, {}, json({ groupName: group, retryMaxTimes: 3 })),
  atBroker(201, { groupSeq: '0', maxGroupNum: '10' }),
  atBroker(202, { topic }),
  atBroker(203, { consumerGroup }),
  atBroker(204, { producerGroup: 'senders' }),
  atNameServer(205, { brokerName: 'broker-x' }),
  atNameServer(206),
  atBroker(207, { groupName: group, cleanOffset: 'false' }),
  atBroker(208, { consumerGroup, topic }),
  atBroker(215, { topic }),
  atNameServer(216, { topic, clusterName: 'ClusterX' }),
  atNameServer(217, { topic }, json({ queueDatas: [{ brokerName: 'broker-x', readQueueNums: 4, writeQueueNums: 4, perm: 6 }] })),
  atNameServer(219, { namespace: 'victims' }),
  atBroker(222, { topic, group, timestamp: '0', isForce: 'true', queueId, offset: '0' }),
  atBroker(223, { topic, group, clientAddr: 'c' }),
  atNameServer(224, { cluster: 'ClusterX' }),
  atBroker(225, {}, json({ groupConfigList: [{ groupName: group }] })),
  atBroker(300, { topic }),
  atNameServer(304),
  atBroker(305),
  atBroker(306),
  atBroker(307, { consumerGroup, clientId: 'nobody', jstackEnable: 'false' }),
  atBroker(309, { consumerGroup, clientId: 'nobody', msgId: '7F00000100002A9F0000000000000000', topic, topicSysFlag: '0' }),
  atBroker(310, SENT_V2, Buffer.from('x')),
  atBroker(314, { srcGroup: group, destGroup: 'other_victims', topic, offline: 'true' }),
  atBroker(315, { statsName: 'TOPIC_PUT_NUMS', statsKey: topic }),
  atBroker(316),
  atBroker(317, { isOrder: 'false' }),
  atNameServer(318, {}, Buffer.from('scanNotActiveBrokerInterval=10000\n')),
  atNameServer(319),
  atBroker(320, { ...SENT_V2, m: 'true' }, Buffer.from('00000014000000000000000000000000000000017800', 'hex')),
  atBroker(321, { topic, queueId, index: '0', count: '1', consumerGroup }),
  atNameServer(322, BROKER),
  atBroker(323, { topic, msgId: 'm' }),
  atBroker(324, SENT, Buffer.from('x')),
  atBroker(325, SENT_V2, Buffer.from('x')),
  atNameServer(327, { brokerName: 'broker-x' }),
  atBroker(328),
  atBroker(329),
  atBroker(343, { group }),
  atBroker(345, { group, topic }),
  atBroker(351, { topic }),
  atBroker(352, { group }),
  atBroker(353, { group, topic, readable: 'true' }),
  atBroker(361, PULLED),
  atBroker(370, { producerGroup: 'senders', topic, recallHandle: 'h' }),
  atBroker(400, {}, json({ topic, consumerGroup, clientId: 'c', strategyName: 'AVG', messageModel: 'CLUSTERING' })),
  atBroker(401, {}, json({ topic, consumerGroup, mode: 'PULL', popShareQueueNum: 0 })),
  atNameServer(901, { clusterName: 'ClusterX', brokerName: 'broker-x' }),
  atNameServer(904, BROKER),
  atBroker(200_050, POPPED),
  atBroker(200_051, ACKED),
  atBroker(200_052, { consumerGroup, topic, queueId, maxMsgNums: '1' }),
  atBroker(200_053, { ...ACKED, invisibleTime: '30000' }),
  atBroker(200_054, { consumerGroup, topic, queueId, pollTime: '0', bornTime: '1700000000000' }),
  atBroker(200_055, { consumerGroup, topic, queueId }),
  atBroker(200_151, {}, json({ consumerGroup, brokerName: 'broker-a', acks: [{ t: topic, q: 0, so: 0, pt: 0, it: 30000, b: 'AQ==' }] })),
];
