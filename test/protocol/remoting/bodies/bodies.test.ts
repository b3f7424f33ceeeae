import { deflateSync } from 'node:zlib';
import { test } from 'tap';
import { decodeBrokerMemberGroup, encodeBrokerMemberGroup } from '../../../../protocol/remoting/bodies/broker-member-group.ts';
import { decodeCheckClientConfig, encodeCheckClientConfig } from '../../../../protocol/remoting/bodies/check-client-config.ts';
import { decodeClusterInfo, encodeClusterInfo } from '../../../../protocol/remoting/bodies/cluster-info.ts';
import { decodeConsumeQueueData, encodeConsumeQueueData } from '../../../../protocol/remoting/bodies/consume-queue-data.ts';
import { decodeConsumeStats, encodeConsumeStats } from '../../../../protocol/remoting/bodies/consume-stats.ts';
import { decodeConsumeStatsList, encodeConsumeStatsList } from '../../../../protocol/remoting/bodies/consume-stats-list.ts';
import { decodeConsumerConnection, encodeConsumerConnection } from '../../../../protocol/remoting/bodies/consumer-connection.ts';
import { decodeConsumerList, encodeConsumerList } from '../../../../protocol/remoting/bodies/consumer-list.ts';
import {
  decodeClientStatus,
  decodeConsumerStatus,
  encodeClientStatus,
  encodeConsumerStatus,
} from '../../../../protocol/remoting/bodies/consumer-status.ts';
import { decodeDataVersion, encodeDataVersion, isSameVersion } from '../../../../protocol/remoting/bodies/data-version.ts';
import {
  decodeGroupForbidden,
  decodeGroupSubscription,
  encodeGroupForbidden,
  encodeGroupSubscription,
} from '../../../../protocol/remoting/bodies/group-answers.ts';
import { decodeGroupList, encodeGroupList } from '../../../../protocol/remoting/bodies/group-list.ts';
import { decodeHeartbeatData, encodeHeartbeatData } from '../../../../protocol/remoting/bodies/heartbeat-data.ts';
import { decodeKvTable, encodeKvTable } from '../../../../protocol/remoting/bodies/kv-table.ts';
import {
  decodeLockBatch,
  decodeLockedQueues,
  encodeLockBatch,
  encodeLockedQueues,
} from '../../../../protocol/remoting/bodies/lock-batch.ts';
import { decodeProducerConnection, encodeProducerConnection } from '../../../../protocol/remoting/bodies/producer-connection.ts';
import { decodeProducerTable, encodeProducerTable } from '../../../../protocol/remoting/bodies/producer-table.ts';
import {
  decodeRegisterBrokerBody,
  encodeDeflatedRegisterBrokerBody,
  encodeRegisterBrokerBody,
  REGISTER_BYTES_MAX,
  registerBodyCrc32,
} from '../../../../protocol/remoting/bodies/register-broker-body.ts';
import {
  decodeResetOffset,
  decodeResetOffsetList,
  encodeResetOffset,
  encodeResetOffsetList,
} from '../../../../protocol/remoting/bodies/reset-offset.ts';
import {
  decodeSubscriptionGroupConfig,
  decodeSubscriptionGroupTable,
  encodeSubscriptionGroupConfig,
  encodeSubscriptionGroupTable,
} from '../../../../protocol/remoting/bodies/subscription-group-config.ts';
import {
  decodeTopicConfig,
  decodeTopicConfigList,
  decodeTopicConfigTable,
  encodeTopicConfig,
  encodeTopicConfigTable,
} from '../../../../protocol/remoting/bodies/topic-config.ts';
import { decodeTopicList, encodeTopicList } from '../../../../protocol/remoting/bodies/topic-list.ts';
import { decodeTopicRoute, encodeTopicRoute } from '../../../../protocol/remoting/bodies/topic-route.ts';
import { decodeTopicStats, encodeTopicStats } from '../../../../protocol/remoting/bodies/topic-stats.ts';
import { BodyError } from '../../../../protocol/remoting/errors.ts';

const MQ = '{"brokerName":"broker-a","queueId":0,"topic":"T"}';
const SUBSCRIPTION =
  '{"classFilterMode":false,"codeSet":[2598919,2598920],"expressionType":"TAG","subString":"TagA || TagB","subVersion":1795225880660,"tagsSet":["TagA","TagB"],"topic":"T"}';
const TOPIC =
  '{"attributes":{"message.type":"NORMAL"},"order":false,"perm":6,"readQueueNums":4,"topicFilterType":"SINGLE_TAG","topicName":"T","topicSysFlag":0,"writeQueueNums":4}';
const VERSION = '{"counter":0,"stateVersion":0,"timestamp":1700000000000}';
const GROUP =
  '{"attributes":{},"brokerId":0,"consumeBroadcastEnable":true,"consumeEnable":true,"consumeFromMinEnable":true,"consumeMessageOrderly":false,"consumeTimeoutMinute":15,"groupName":"G","groupRetryPolicy":{"type":"CUSTOMIZED"},"groupSysFlag":0,"notifyConsumerIdsChangedEnable":true,"retryMaxTimes":16,"retryQueueNums":1,"whichBrokerWhenConsumeSlowly":1}';
const CONNECTION = '{"clientAddr":"127.0.0.1:1234","clientId":"id","language":"JAVA","version":479}';
const TOPIC_TABLE = `{"dataVersion":${VERSION},"mappingDataVersion":{"counter":0,"stateVersion":0,"timestamp":0},"topicConfigTable":{"T":${TOPIC}},"topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":{}}`;

/** A body as Java wrote it, what reads it, and what writes it again. */
type Sample = readonly [string, (bytes: Uint8Array) => unknown, (value: never) => Uint8Array];

const SAMPLES: Readonly<Record<string, Sample>> = {
  TopicRouteData: [
    '{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:10911","1":"127.0.0.2:10911"},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}',
    decodeTopicRoute,
    encodeTopicRoute,
  ],
  ClusterInfo: [
    '{"brokerAddrTable":{"broker-a":{"brokerAddrs":{"0":"127.0.0.1:10911"},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":false}},"clusterAddrTable":{"DefaultCluster":["broker-a"]}}',
    decodeClusterInfo,
    encodeClusterInfo,
  ],
  TopicList: ['{"brokerAddr":"1.1.1.1:1","topicList":["T"]}', decodeTopicList, encodeTopicList],
  KVTable: ['{"table":{"k":"v"}}', decodeKvTable, encodeKvTable],
  DataVersion: [VERSION, decodeDataVersion, encodeDataVersion],
  RegisterBrokerBody: [
    `{"filterServerList":[],"topicConfigSerializeWrapper":${TOPIC_TABLE}}`,
    (bytes) => decodeRegisterBrokerBody(bytes, false),
    encodeRegisterBrokerBody,
  ],
  BrokerMemberGroup: [
    '{"brokerMemberGroup":{"brokerAddrs":{"0":"1.1.1.1:1"},"brokerName":"b","cluster":"c"}}',
    decodeBrokerMemberGroup,
    encodeBrokerMemberGroup,
  ],
  HeartbeatData: [
    `{"clientID":"10.0.0.1@123#456","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"CONSUME_PASSIVELY","groupName":"G","messageModel":"CLUSTERING","subscriptionDataSet":[${SUBSCRIPTION}],"unitMode":false}],"heartbeatFingerprint":0,"producerDataSet":[{"groupName":"PG"}],"withoutSub":false}`,
    decodeHeartbeatData,
    encodeHeartbeatData,
  ],
  ConsumerConnection: [
    `{"connectionSet":[${CONNECTION}],"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","subscriptionTable":{"T":${SUBSCRIPTION}}}`,
    decodeConsumerConnection,
    encodeConsumerConnection,
  ],
  ProducerConnection: [`{"connectionSet":[${CONNECTION}]}`, decodeProducerConnection, encodeProducerConnection],
  GetConsumerListByGroup: ['{"consumerIdList":["id1","id2"]}', decodeConsumerList, encodeConsumerList],
  LockBatch: [`{"clientId":"id","consumerGroup":"G","mqSet":[${MQ}],"onlyThisBroker":false}`, decodeLockBatch, encodeLockBatch],
  LockedQueues: [`{"lockOKMQSet":[${MQ}]}`, decodeLockedQueues, encodeLockedQueues],
  CheckClient: [`{"clientId":"c","group":"G","subscriptionData":${SUBSCRIPTION}}`, decodeCheckClientConfig, encodeCheckClientConfig],
  TopicStatsTable: [
    `{"offsetTable":{${MQ}:{"lastUpdateTimestamp":1,"maxOffset":5,"minOffset":0}},"topicPutTps":0}`,
    decodeTopicStats,
    encodeTopicStats,
  ],
  QueryConsumeQueueResponseBody: [
    `{"filterData":"null","maxQueueIndex":3,"minQueueIndex":0,"queueData":[{"eval":false,"physicOffset":792,"physicSize":206,"tagsCode":-65}],"subscriptionData":${SUBSCRIPTION}}`,
    decodeConsumeQueueData,
    encodeConsumeQueueData,
  ],
  ConsumeStats: [
    `{"consumeTps":1.5,"offsetTable":{${MQ}:{"brokerOffset":10,"consumerOffset":5,"lastTimestamp":1,"pullOffset":6}}}`,
    decodeConsumeStats,
    encodeConsumeStats,
  ],
  ConsumeStatsList: [
    `{"brokerAddr":"127.0.0.1:10911","consumeStatsList":[{"G":[{"consumeTps":0,"offsetTable":{${MQ}:{"brokerOffset":10,"consumerOffset":5,"lastTimestamp":1,"pullOffset":5}}}]},{"H":[]}],"totalDiff":5,"totalInflightDiff":0}`,
    decodeConsumeStatsList,
    encodeConsumeStatsList,
  ],
  GroupList: ['{"groupList":["G"]}', decodeGroupList, encodeGroupList],
  ProducerTableInfo: [
    '{"data":{"PG":[{"clientId":"id","language":"JAVA","lastUpdateTimestamp":1,"remoteIP":"127.0.0.1:1","version":479}]}}',
    decodeProducerTable,
    encodeProducerTable,
  ],
  QuerySubscriptionResponseBody: [
    `{"group":"G","subscriptionData":${SUBSCRIPTION},"topic":"T"}`,
    decodeGroupSubscription,
    encodeGroupSubscription,
  ],
  GroupForbidden: ['{"group":"G","readable":true,"topic":"T"}', decodeGroupForbidden, encodeGroupForbidden],
  ResetOffsetBody: [`{"offsetTable":{${MQ}:7}}`, decodeResetOffset, encodeResetOffset],
  ResetOffsetBodyForC: [
    '{"offsetTable":[{"brokerName":"broker-a","offset":5,"queueId":0,"topic":"T"}]}',
    decodeResetOffsetList,
    encodeResetOffsetList,
  ],
  'GetConsumerStatusBody of a client': [`{"consumerTable":{},"messageQueueTable":{${MQ}:7}}`, decodeClientStatus, encodeClientStatus],
  'GetConsumerStatusBody of the broker': [
    `{"consumerTable":{"id":{${MQ}:7}},"messageQueueTable":{}}`,
    decodeConsumerStatus,
    encodeConsumerStatus,
  ],
  TopicConfig: [TOPIC, decodeTopicConfig, encodeTopicConfig],
  TopicConfigTable: [TOPIC_TABLE, decodeTopicConfigTable, encodeTopicConfigTable],
  SubscriptionGroupConfig: [GROUP, decodeSubscriptionGroupConfig, encodeSubscriptionGroupConfig],
  SubscriptionGroupWrapper: [
    `{"dataVersion":${VERSION},"forbiddenTable":{"G":{"T":4}},"subscriptionGroupTable":{"G":${GROUP}}}`,
    decodeSubscriptionGroupTable,
    encodeSubscriptionGroupTable,
  ],
};

for (const [name, [text, decode, encode]] of Object.entries(SAMPLES)) {
  test(`${name}: what Java wrote is read, and written again byte for byte`, async (t) => {
    t.equal(Buffer.from(encode(decode(Buffer.from(text)) as never)).toString(), text);
    for (let cut = 0; cut < text.length; cut++) t.throws(() => decode(Buffer.from(text.slice(0, cut))), BodyError, `cut after ${cut}`);
    for (const bad of ['[]', 'null', '1', '"x"', '{{"a":1}:2}']) t.throws(() => decode(Buffer.from(bad)), BodyError, bad);
  });
}

test('decodeTopicRoute and decodeClusterInfo read the bare keys of a Java name server', async (t) => {
  const route = decodeTopicRoute(
    Buffer.from(
      '{"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:10911"},"brokerName":"b","cluster":"C","enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":4,"topicSynFlag":1,"writeQueueNums":4}]}',
    ),
  );
  t.equal(route.brokerDatas[0]?.brokerAddrs.get(0), '127.0.0.1:10911');
  t.equal(route.queueDatas[0]?.topicSysFlag, 1, 'in the spelling of 4.x');
  const cluster = decodeClusterInfo(
    Buffer.from(
      '{"brokerAddrTable":{"b":{"brokerAddrs":{0:"h:1",1:"h:2"},"brokerName":"b","cluster":"C"}},"clusterAddrTable":{"C":["b"]}}',
    ),
  );
  t.same(
    [...(cluster.brokers.get('b')?.brokerAddrs ?? [])],
    [
      [0, 'h:1'],
      [1, 'h:2'],
    ],
  );
});

test('decodeHeartbeatData takes the heartbeats of Go, npm and version 2', async (t) => {
  const go = decodeHeartbeatData(
    Buffer.from(
      '{"clientID":"c","producerDataSet":[],"consumerDataSet":[{"groupName":"G","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","subscriptionDataSet":[{"topic":"T","subString":"TagA","tagsSet":["TagA"],"codeSet":["2598919"],"subVersion":9223372036854775807}]}]}',
    ),
  );
  t.match(go.consumers[0]?.subscriptions[0], {
    codeSet: [2_598_919],
    subVersion: Number.MAX_SAFE_INTEGER,
    expressionType: 'TAG',
    classFilterMode: false,
  });
  t.match(go, { fingerprint: 0, isWithoutSubscriptions: false, producers: [] });
  t.match(decodeHeartbeatData(Buffer.from('{"clientID":"c","heartbeatFingerprint":"-7","isWithoutSub":true}')), {
    fingerprint: -7,
    isWithoutSubscriptions: true,
    consumers: [],
  });
  t.throws(() => decodeHeartbeatData(Buffer.from('{"consumerDataSet":[]}')), /clientID of a HeartbeatData is missing/);
  t.throws(
    () => decodeHeartbeatData(Buffer.from('{"clientID":"c","heartbeatFingerprint":3000000000}')),
    /heartbeatFingerprint .* 32-bit integer/,
  );
  const many = JSON.stringify({ clientID: 'c', producerDataSet: Array.from({ length: 1025 }, () => ({ groupName: 'g' })) });
  t.throws(() => decodeHeartbeatData(Buffer.from(many)), /1025 producer groups; 1024 are allowed/);
});

test('decodeRegisterBrokerBody reads the deflated form of 5.x and of 4.x, within bounds', async (t) => {
  const table = decodeTopicConfigTable(Buffer.from(TOPIC_TABLE));
  const bytes = encodeDeflatedRegisterBrokerBody(table);
  t.same(decodeRegisterBrokerBody(bytes, true), table);
  t.ok(registerBodyCrc32(bytes) >= 0);

  const text = (value: string): Buffer => Buffer.concat([int(value.length), Buffer.from(value)]);
  const int = (value: number): Buffer => Buffer.from(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
  const old = deflateSync(Buffer.concat([text('{"counter":3,"timestamp":5}'), int(1), text('T2 8 8 6 SINGLE_TAG'), text('[]')]));
  const read = decodeRegisterBrokerBody(old, true);
  t.same(read.dataVersion, { counter: 3, stateVersion: 0, timestamp: 5 });
  t.match(read.topics.get('T2'), { readQueueNums: 8, perm: 6, topicFilterType: 'SINGLE_TAG' });
  t.same(decodeRegisterBrokerBody(Buffer.from(TOPIC_TABLE), false), table, 'the bare table of very old brokers');

  for (const bad of [
    Buffer.from('xx'),
    deflateSync(int(5)),
    deflateSync(int(-1)),
    deflateSync(Buffer.concat([text('{}'), int(-1)])),
    deflateSync(Buffer.concat([text('{}'), int(2_000_000_000)])),
    deflateSync(Buffer.concat([text('{}'), int(1), text('T 1 2')])),
    deflateSync(Buffer.concat([text('{}'), int(1), text('T x 2 6 SINGLE_TAG')])),
    deflateSync(Buffer.alloc(REGISTER_BYTES_MAX + 1)),
  ])
    t.throws(() => decodeRegisterBrokerBody(bad, true), BodyError);
});

test('decodeTopicConfigList, isSameVersion and defaults', async (t) => {
  t.same(decodeTopicConfigList(Buffer.from(`{"topicConfigList":[${TOPIC}]}`)), [decodeTopicConfig(Buffer.from(TOPIC))]);
  t.match(decodeTopicConfig(Buffer.from('{"topicName":"T"}')), { readQueueNums: 16, perm: 6, order: false });
  const version = decodeDataVersion(Buffer.from(VERSION));
  t.ok(isSameVersion(version, { ...version }));
  t.notOk(isSameVersion(version, { ...version, counter: 1 }));
});
