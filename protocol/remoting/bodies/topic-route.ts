/**
 * Answer of GET_ROUTEINFO_BY_TOPIC (105): the brokers that have a topic, and their queues of it. Keys are quoted and nothing is blank, since the Go
 * client cuts `brokerAddrs` apart by hand. Fails with a BodyError. Source: RocketMQ 5.3 `TopicRouteData`, `BrokerData`, `QueueData`.
 */
import { type BodyReader, bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

export type BrokerData = {
  readonly cluster: string;
  readonly brokerName: string;
  /** `host:port` by broker id; 0 is the master. */
  readonly brokerAddrs: ReadonlyMap<number, string>;
  readonly enableActingMaster: boolean;
  readonly zoneName: string | null;
};

export type QueueData = {
  readonly brokerName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicSysFlag: number;
};

export type TopicRouteData = {
  /** `brokerA:4;brokerB:4` when the topic is ordered. */
  readonly orderTopicConf: string | null;
  readonly queueDatas: readonly QueueData[];
  readonly brokerDatas: readonly BrokerData[];
};

export function decodeTopicRoute(bytes: Uint8Array): TopicRouteData {
  const reader = bodyObject(bytes, 'a TopicRouteData');
  return {
    orderTopicConf: reader.optionalString('orderTopicConf') || null,
    queueDatas: reader.objects('queueDatas').map(readQueueData),
    brokerDatas: reader.objects('brokerDatas').map(readBrokerData),
  };
}

export function encodeTopicRoute(route: TopicRouteData): Uint8Array {
  return jsonBody({
    brokerDatas: route.brokerDatas.map(brokerDataObject),
    filterServerTable: {},
    orderTopicConf: route.orderTopicConf || null,
    queueDatas: route.queueDatas.map((queues) => ({
      brokerName: queues.brokerName,
      perm: queues.perm,
      readQueueNums: queues.readQueueNums,
      topicSysFlag: queues.topicSysFlag,
      writeQueueNums: queues.writeQueueNums,
    })),
  });
}

export function readBrokerData(reader: BodyReader): BrokerData {
  const addresses = [...reader.textTable('brokerAddrs')].map(([id, address]) => [Number(id), address] as const);
  return {
    cluster: reader.optionalString('cluster') ?? '',
    brokerName: reader.string('brokerName'),
    brokerAddrs: new Map(addresses.filter(([id]) => Number.isSafeInteger(id))),
    enableActingMaster: reader.boolean('enableActingMaster', false),
    zoneName: reader.optionalString('zoneName'),
  };
}

/** Its members in Java's order, for use within other bodies. */
export function brokerDataObject(broker: BrokerData): Record<string, unknown> {
  return {
    brokerAddrs: Object.fromEntries(broker.brokerAddrs),
    brokerName: broker.brokerName,
    cluster: broker.cluster,
    enableActingMaster: broker.enableActingMaster,
    zoneName: broker.zoneName,
  };
}

function readQueueData(reader: BodyReader): QueueData {
  return {
    brokerName: reader.string('brokerName'),
    readQueueNums: reader.int('readQueueNums', 0),
    writeQueueNums: reader.int('writeQueueNums', 0),
    perm: reader.int('perm', 0),
    topicSysFlag: reader.int('topicSysFlag', reader.int('topicSynFlag', 0)),
  };
}
