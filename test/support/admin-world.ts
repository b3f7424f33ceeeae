/**
 * What the admin commands look at, made by raw requests and the same at every broker: topics with messages, a group with a member on
 * line that answers the broker's questions, a group without, offsets. Owns its connections. Fails by throwing with the broker's answer.
 */
import { heartbeatBody, sendMessage } from './broker-client.ts';
import { createTopic } from './create-topic.ts';
import type { RawFrame } from './raw-frame.ts';
import { RemotingClient } from './remoting-client.ts';
import { waitUntil } from './wait-until.ts';

export const TOPIC = 'admin_topic';
export const GROUP = 'admin_group';
export const GROUP_OFFLINE = 'admin_group_offline';
export const PRODUCER_GROUP = 'PG_admin';
export const CLIENT_ID = 'admin-client';
const QUEUES = 2;
const MESSAGES = 6;

export class AdminWorld {
  readonly consumer: RemotingClient;
  /** Of the first message: its two ids and where it lies. */
  readonly offsetMsgId: string;
  readonly uniqueKey: string;

  private constructor(consumer: RemotingClient, offsetMsgId: string, uniqueKey: string) {
    this.consumer = consumer;
    this.offsetMsgId = offsetMsgId;
    this.uniqueKey = uniqueKey;
  }

  get commitLogOffset(): string {
    return BigInt(`0x${this.offsetMsgId.slice(-16)}`).toString();
  }

  /** @param nameServer host:port; @param broker host:port, by which the member of the group comes */
  static async make(nameServer: string, broker: string): Promise<AdminWorld> {
    await createTopic(nameServer, TOPIC, QUEUES);
    const client = await RemotingClient.connect(broker);
    client.onPushed = (frame) => answerAsClient(client, frame);
    for (const group of [GROUP, GROUP_OFFLINE]) expectSuccess(await client.request(200, {}, { body: groupConfig(group) }));
    await comeAndGo(broker);
    const sent: { offsetMsgId: string; uniqueKey: string }[] = [];
    for (let index = 0; index < MESSAGES; index++) {
      const uniqueKey = `7F000001${Math.floor(Math.random() * 2 ** 32)
        .toString(16)
        .toUpperCase()
        .padStart(8, '0')}${Date.now().toString(16).toUpperCase().padStart(12, '0')}${String(index).padStart(4, '0')}`;
      const answer = await sendMessage(client, TOPIC, `message ${index}`, {
        queueId: index % QUEUES,
        properties: { KEYS: `key-${index}`, TAGS: index % 2 === 0 ? 'even' : 'odd', UNIQ_KEY: uniqueKey },
      });
      expectSuccess(answer);
      sent.push({ offsetMsgId: answer.ext?.['msgId'] ?? '', uniqueKey });
    }
    await beat(client);
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      await waitUntil('the messages in their queues', async () => {
        const answer = await client.request(30, { topic: TOPIC, queueId: String(queueId) });
        return answer.ext?.['offset'] === String(MESSAGES / QUEUES);
      });
      for (const consumerGroup of [GROUP, GROUP_OFFLINE]) {
        expectSuccess(await client.request(15, { consumerGroup, topic: TOPIC, queueId: String(queueId), commitOffset: '1' }));
      }
    }
    return new AdminWorld(client, sent[0]!.offsetMsgId, sent[0]!.uniqueKey);
  }

  /** Keeps the member known: brokers forget it after two minutes. */
  beat(): Promise<void> {
    return beat(this.consumer);
  }

  async close(): Promise<void> {
    await this.consumer.close();
  }
}

/** The group without a member had one: it has its retry topic. */
async function comeAndGo(broker: string): Promise<void> {
  const client = await RemotingClient.connect(broker);
  expectSuccess(await client.request(34, {}, { body: heartbeatBody('admin-gone', GROUP_OFFLINE, [TOPIC]) }));
  expectSuccess(await client.request(35, { clientID: 'admin-gone', consumerGroup: GROUP_OFFLINE, producerGroup: 'PG_test' }));
  await client.close();
}

async function beat(client: RemotingClient): Promise<void> {
  const body = heartbeatBody(CLIENT_ID, GROUP, [TOPIC]).toString('utf8').replace('PG_test', PRODUCER_GROUP);
  expectSuccess(await client.request(34, {}, { body: Buffer.from(body) }));
}

function groupConfig(groupName: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      groupName,
      consumeEnable: true,
      consumeFromMinEnable: true,
      consumeBroadcastEnable: true,
      retryQueueNums: 1,
      retryMaxTimes: 16,
      brokerId: 0,
      whichBrokerWhenConsumeSlowly: 1,
      notifyConsumerIdsChangedEnable: true,
    }),
  );
}

function expectSuccess(answer: RawFrame): void {
  if (answer.code !== 0) throw new Error(`The world could not be made: code ${answer.code}, ${answer.remark}`);
}

/** What a stock client answers to the broker's questions; notices are one-way. */
function answerAsClient(client: RemotingClient, frame: RawFrame): void {
  if ((frame.flag & 2) !== 0) return;
  const queue = (queueId: number): string => `{"brokerName":"broker-a","queueId":${queueId},"topic":"${TOPIC}"}`;
  switch (frame.code) {
    case 221:
      client.reply(frame, 0, Buffer.from(`{"consumerTable":{},"messageQueueTable":{${queue(0)}:1,${queue(1)}:1}}`));
      return;
    case 307:
      client.reply(
        frame,
        0,
        Buffer.from(
          '{"mqPopTable":{},"mqTable":{},"properties":{"PROP_CONSUME_TYPE":"CONSUME_PASSIVELY","PROP_CLIENT_VERSION":"V5_3_3",' +
            '"PROP_CONSUMER_START_TIMESTAMP":"1700000000000","PROP_NAMESERVER_ADDR":"127.0.0.1:9876","PROP_CONSUMEORDERLY":"false",' +
            '"PROP_THREADPOOL_CORE_SIZE":"20"},"statusTable":{},"subscriptionSet":[],"userConsumerInfo":{}}',
        ),
      );
      return;
    case 309:
      client.reply(frame, 0, Buffer.from('{"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":1}'));
      return;
    default:
      client.reply(frame, 0);
  }
}
