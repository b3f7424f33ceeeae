/**
 * REGISTER_BROKER (103): a broker with its topics, at its start, every 30 s and when topics change. The topics are split over the
 * shards that own their routes; the broker itself is told to all. Answered when all have it: with the master's addresses for a
 * slave, and the order layout when there is one. 1 for a wrong checksum, a bad listener map, or more than the name server holds.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.registerBroker`.
 */
import { encodeKvTable } from '../../../../protocol/remoting/bodies/kv-table.ts';
import { decodeRegisterBrokerBody, registerBodyCrc32 } from '../../../../protocol/remoting/bodies/register-broker-body.ts';
import type { TopicConfig } from '../../../../protocol/remoting/bodies/topic-config.ts';
import { BodyError, FieldError } from '../../../../protocol/remoting/errors.ts';
import { decodeRegisterBrokerRequest } from '../../../../protocol/remoting/requests/register-broker.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import { parseListeners } from '../../../broker/listener-map.ts';
import type { BrokerRegistration, RegisteredTopic } from '../../../name-server/broker-registration.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import { HEARTBEAT_TIMEOUT_DEFAULT_MS, HEARTBEAT_TIMEOUT_MAX_MS, HEARTBEAT_TIMEOUT_MIN_MS } from '../../../name-server/route-table.ts';
import type { BrokerRegistered, RegisterBroker } from '../../../name-server/shard-actor.ts';
import type { Handler, Request } from '../../request.ts';

const ORDER_NAMESPACE = 'ORDER_TOPIC_CONFIG';
const NAME_MAX = 255;
const QUEUES_MAX = 65_535;
/** A Java broker with compressedRegister deflates the body and says `compressed=false` all the same; no JSON begins like this. */
const ZLIB_BYTE = 0x78;
/** Topics of one message between shards: with the longest names it still fits a ring record. */
const TOPICS_PER_MESSAGE = 100;

export function registerBroker(door: NameServerDoor): Handler {
  return (request) => {
    const { ext, body } = request.command;
    const header = decodeRegisterBrokerRequest(ext);
    if (header.bodyCrc32 !== 0 && registerBodyCrc32(body) !== header.bodyCrc32) throw new BodyError('crc32 not match');
    const table = body.length === 0 ? null : decodeRegisterBrokerBody(body, header.compressed || body[0] === ZLIB_BYTE);
    const topics = table === null ? [] : Array.from(table.topics.values(), checkedTopic);
    const timeoutMs = header.heartbeatTimeoutMillis ?? HEARTBEAT_TIMEOUT_DEFAULT_MS;
    const registration: BrokerRegistration = {
      clusterName: named('clusterName', header.clusterName),
      brokerName: named('brokerName', header.brokerName),
      brokerAddr: named('brokerAddr', header.brokerAddr),
      brokerId: header.brokerId,
      haServerAddr: header.haServerAddr.slice(0, NAME_MAX),
      heartbeatTimeoutMs: Math.min(HEARTBEAT_TIMEOUT_MAX_MS, Math.max(HEARTBEAT_TIMEOUT_MIN_MS, timeoutMs)),
      enableActingMaster: header.enableActingMaster ?? false,
      zoneName: (ext.get('__ZONE_NAME') ?? '').slice(0, NAME_MAX),
      listeners: checkedListeners(ext.get('advertisedListeners') ?? ''),
      version: table?.dataVersion ?? { stateVersion: 0, timestamp: 0, counter: 0 },
      topicCount: topics.length,
      shard: door.shard,
      connection: request.connection.id,
      serial: door.nextSerial(),
    };
    send(door, request, registration, split(door, topics));
    door.keepBroker(request.connection);
  };
}

/** A field of ours that a Java broker does not send and a Java name server passes over. */
function checkedListeners(text: string): string {
  const parsed = parseListeners(text);
  if (typeof parsed === 'string') throw new FieldError('advertisedListeners', `advertisedListeners: ${parsed}`);
  return text;
}

function named(name: string, value: string): string {
  if (value.length === 0 || value.length > NAME_MAX)
    throw new BodyError(`${name} has ${value.length} characters, 1 to ${NAME_MAX} are taken`);
  return value;
}

/** What a route may carry; a topic beyond is no topic of a broker that is sound. */
function checkedTopic({ topicName, readQueueNums, writeQueueNums, perm, topicSysFlag }: TopicConfig): RegisteredTopic {
  if (topicName.length === 0 || topicName.length > NAME_MAX)
    throw new BodyError(`A topic's name has ${topicName.length} characters, 1 to ${NAME_MAX} are taken`);
  if (!(readQueueNums >= 0 && readQueueNums <= QUEUES_MAX && writeQueueNums >= 0 && writeQueueNums <= QUEUES_MAX)) {
    throw new BodyError(`Topic ${topicName} has ${readQueueNums} and ${writeQueueNums} queues, 0 to ${QUEUES_MAX} are taken`);
  }
  return { topicName, readQueueNums, writeQueueNums, perm, topicSysFlag };
}

/** The topics of each shard. */
function split(door: NameServerDoor, topics: readonly RegisteredTopic[]): RegisteredTopic[][] {
  const parts: RegisteredTopic[][] = door.shards.map(() => []);
  for (const topic of topics) parts[door.shardOf(topic.topicName)]!.push(topic);
  return parts;
}

/** Every shard gets the broker with its first topics, then the rest of them; answered by the first refusal, or at the end. */
function send(door: NameServerDoor, request: Request, registration: BrokerRegistration, parts: readonly RegisteredTopic[][]): void {
  let waiting = 0;
  let refusal: BrokerRegistered | null = null;
  let last: BrokerRegistered | null = null;
  const onReply = (reply: BrokerRegistered): void => {
    waiting--;
    last = reply;
    if (reply.code !== SUCCESS) refusal ??= reply;
    if (waiting > 0) return;
    if (refusal !== null) request.answer(refusal.code, refusal.remark);
    else answer(door, request, last);
  };
  for (let shard = 0; shard < parts.length; shard++) {
    const topics = parts[shard]!;
    for (let from = 0; from === 0 || from < topics.length; from += TOPICS_PER_MESSAGE) {
      waiting++;
      const build = (replyTo: RegisterBroker['replyTo']): RegisterBroker => ({
        kind: 'register-broker',
        registration,
        topics: topics.slice(from, from + TOPICS_PER_MESSAGE),
        replyTo,
      });
      door.ask<BrokerRegistered>(request, shard, build, onReply);
    }
  }
}

function answer(door: NameServerDoor, request: Request, { masterAddr, haServerAddr }: BrokerRegistered): void {
  const ext = masterAddr === '' ? null : { haServerAddr, masterAddr };
  door.readNamespace(request, ORDER_NAMESPACE, (values) => {
    request.answer(SUCCESS, null, ext, values === null ? null : encodeKvTable(values));
  });
}
