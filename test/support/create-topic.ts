/**
 * Creates a topic the way an administrator does: request 17 to every broker that the name server knows, then waits for
 * its route. Fails by throwing with the broker's answer.
 */
import type { RawFrame } from './raw-frame.ts';
import { RemotingClient } from './remoting-client.ts';
import { waitUntil } from './wait-until.ts';

export type TopicRoute = {
  queueDatas: { brokerName: string; readQueueNums: number; writeQueueNums: number; perm: number }[];
  brokerDatas: { brokerName: string; cluster: string; brokerAddrs: Record<string, string> }[];
};

/** Asks the name server for a topic's route; undefined when it knows none. */
export async function routeOf(client: RemotingClient, topic: string): Promise<TopicRoute | undefined> {
  const answer = await client.request(105, { topic, acceptStandardJsonOnly: 'true' });
  if (answer.code === 17) return undefined;
  if (answer.code !== 0) throw new Error(`Route of ${topic}: code ${answer.code}, ${answer.remark}`);
  return JSON.parse(answer.body.toString('utf8')) as TopicRoute;
}

/** Request 17: the topic has so many queues at this broker, readable and writable. */
export function updateTopic(broker: RemotingClient, topic: string, queues: number): Promise<RawFrame> {
  return broker.request(17, {
    topic,
    defaultTopic: 'TBW102',
    readQueueNums: String(queues),
    writeQueueNums: String(queues),
    perm: '6',
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: '0',
    order: 'false',
  });
}

/** @param nameServer host:port */
export async function createTopic(nameServer: string, topic: string, queues: number): Promise<void> {
  const names = await RemotingClient.connect(nameServer);
  try {
    // Every broker that may create topics is registered for this one.
    const brokers = await waitUntil('a broker at the name server', () => routeOf(names, 'TBW102'));
    for (const { brokerAddrs } of brokers.brokerDatas) {
      const master = brokerAddrs['0'];
      if (master === undefined) continue;
      const broker = await RemotingClient.connect(master);
      try {
        const answer = await updateTopic(broker, topic, queues);
        if (answer.code !== 0) throw new Error(`Topic ${topic} at ${master}: code ${answer.code}, ${answer.remark}`);
      } finally {
        await broker.close();
      }
    }
    await waitUntil(`a route of ${topic}`, () => routeOf(names, topic));
  } finally {
    await names.close();
  }
}
