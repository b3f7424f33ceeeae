/**
 * What simulated clients ask of the broker, in RocketMQ's words, as promises: null means that no answer came. One function a request. What
 * keeps account of an answer does so in `onAnswer`, the moment it comes: a promise may go on later, when the broker has died meanwhile.
 */

import { type BrokerIdentity, registerCommand } from '../actors/registration/register-command.ts';
import type { TableVersion, TopicConfig } from '../actors/topic/topic-config.ts';
import { POP_CK, parseProperties } from '../model/message-property.ts';
import { decodeMessageRecords, type MessageRecord } from '../model/message-record.ts';
import { decodeAssignments, encodeQueryAssignment } from '../protocol/remoting/bodies/query-assignment.ts';
import type { RemotingCommand } from '../protocol/remoting/command.ts';
import { formatReceipt } from '../protocol/remoting/receipt.ts';
import {
  ACK_MESSAGE,
  CONSUMER_SEND_MSG_BACK,
  END_TRANSACTION,
  GET_MAX_OFFSET,
  GET_MIN_OFFSET,
  HEART_BEAT,
  POP_MESSAGE,
  PULL_MESSAGE,
  QUERY_ASSIGNMENT,
  QUERY_CONSUMER_OFFSET,
  RECALL_MESSAGE,
  RESUME_CHECK_HALF_MESSAGE,
  SEND_MESSAGE_V2,
  SET_MESSAGE_REQUEST_MODE,
  UPDATE_CONSUMER_OFFSET,
} from '../protocol/remoting/request-code.ts';
import type { SimClient } from './sim-client.ts';

export const FOUND = 0;
const ANSWER_MS = 3_000;

export function ask(
  client: SimClient,
  code: number,
  ext: Record<string, string>,
  body: Uint8Array | null = null,
  timeoutMs: number = ANSWER_MS,
  onAnswer: (answer: RemotingCommand | null) => void = () => {},
): Promise<RemotingCommand | null> {
  return new Promise((resolve) =>
    client.request(code, ext, body, timeoutMs, (answer) => {
      onAnswer(answer);
      resolve(answer);
    }),
  );
}

export type SendFields = {
  readonly topic: string;
  readonly queueId: number;
  readonly body: Uint8Array;
  readonly properties?: Readonly<Record<string, string>>;
  readonly isBatch?: boolean;
  readonly bornMs: number;
  /** Queues that a topic nobody knows gets. */
  readonly queues: number;
  readonly sysFlag?: number;
  readonly group?: string;
  /** Another request than SEND_MESSAGE_V2, with the same fields. */
  readonly code?: number;
};

export function send(
  client: SimClient,
  fields: SendFields,
  onAnswer: (answer: RemotingCommand | null) => void,
): Promise<RemotingCommand | null> {
  const properties = Object.entries(fields.properties ?? {}).map(([name, value]) => `${name}\x01${value}\x02`);
  const ext = {
    a: fields.group ?? 'PG',
    b: fields.topic,
    c: 'TBW102',
    d: String(fields.queues),
    e: String(fields.queueId),
    f: String(fields.sysFlag ?? 0),
    g: String(fields.bornMs),
    h: '0',
    i: properties.join(''),
    j: '0',
    k: 'false',
    m: String(fields.isBatch ?? false),
  };
  return ask(client, fields.code ?? SEND_MESSAGE_V2, ext, fields.body, 6_000, onAnswer);
}

export type PullFilter = { readonly type: 'TAG' | 'SQL92'; readonly expression: string };
const ALL: PullFilter = { type: 'TAG', expression: '*' };

export type Pulled = { readonly code: number; readonly next: number; readonly max: number; readonly records: readonly MessageRecord[] };

export async function pull(
  client: SimClient,
  options: { group: string; topic: string; queueId: number; offset: number; max: number; holdMs: number; filter?: PullFilter },
  onFound: (pulled: Pulled) => void = () => {},
): Promise<Pulled | null> {
  const { group, topic, queueId, offset, max, holdMs, filter = ALL } = options;
  const ext = {
    consumerGroup: group,
    topic,
    queueId: String(queueId),
    queueOffset: String(offset),
    maxMsgNums: String(max),
    sysFlag: String(holdMs > 0 ? 6 : 4),
    commitOffset: '0',
    suspendTimeoutMillis: String(holdMs),
    subscription: filter.expression,
    subVersion: '0',
    expressionType: filter.type,
  };
  let pulled: Pulled | null = null;
  await ask(client, PULL_MESSAGE, ext, null, holdMs + ANSWER_MS, (answer) => {
    if (answer === null) return;
    const next = Number(answer.ext.get('nextBeginOffset') ?? -1);
    const end = Number(answer.ext.get('maxOffset') ?? -1);
    pulled = { code: answer.code, next, max: end, records: answer.code === FOUND ? decodeMessageRecords(answer.body) : [] };
    if (answer.code === FOUND) onFound(pulled);
  });
  return pulled;
}

/** The first offset of a queue, or the one behind its last. */
export async function queueEnd(client: SimClient, which: 'min' | 'max', topic: string, queueId: number): Promise<number | null> {
  const answer = await ask(client, which === 'min' ? GET_MIN_OFFSET : GET_MAX_OFFSET, { topic, queueId: String(queueId) });
  return answer === null || answer.code !== 0 ? null : Number(answer.ext.get('offset'));
}

/** `onTaken`: the broker said that it has it. */
export async function commitOffset(
  client: SimClient,
  commit: { group: string; topic: string; queueId: number; offset: number },
  onTaken: () => void,
): Promise<void> {
  const { group, topic, queueId, offset } = commit;
  const ext = { consumerGroup: group, topic, queueId: String(queueId), commitOffset: String(offset) };
  await ask(client, UPDATE_CONSUMER_OFFSET, ext, null, ANSWER_MS, (answer) => {
    if (answer?.code === 0) onTaken();
  });
}

/** `onOffset` gets what the broker knows; −1: none. */
export async function committedOffset(
  client: SimClient,
  place: { group: string; topic: string; queueId: number },
  onOffset: (offset: number) => void,
): Promise<void> {
  const { group, topic, queueId } = place;
  const ext = { consumerGroup: group, topic, queueId: String(queueId), setZeroIfNotFound: 'false' };
  await ask(client, QUERY_CONSUMER_OFFSET, ext, null, ANSWER_MS, (answer) => {
    if (answer?.code === 0) onOffset(Number(answer.ext.get('offset')));
    // 22: none is known.
    else if (answer?.code === 22) onOffset(-1);
  });
}

/** Makes the client a member of a producer group. True: the broker said so. */
export async function beatProducer(client: SimClient, clientId: string, group: string): Promise<boolean> {
  const beat = { clientID: clientId, producerDataSet: [{ groupName: group }], consumerDataSet: [] };
  const answer = await ask(client, HEART_BEAT, {}, Buffer.from(JSON.stringify(beat)));
  return answer?.code === 0;
}

/** Makes the client a member of a consumer group that reads `topic`. True: the broker said so. */
export async function beatConsumer(client: SimClient, clientId: string, group: string, topic: string): Promise<boolean> {
  const subscription = { topic, subString: '*', tagsSet: [], codeSet: [], subVersion: 1, classFilterMode: false, expressionType: 'TAG' };
  const consumer = {
    groupName: group,
    consumeType: 'CONSUME_PASSIVELY',
    messageModel: 'CLUSTERING',
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    unitMode: false,
    subscriptionDataSet: [subscription],
  };
  const beat = { clientID: clientId, producerDataSet: [], consumerDataSet: [consumer] };
  const answer = await ask(client, HEART_BEAT, {}, Buffer.from(JSON.stringify(beat)));
  return answer?.code === 0;
}

/** A broker with these topics at the name server that the broker has beside it. True: the name server said that it has them. */
export async function register(
  client: SimClient,
  broker: BrokerIdentity,
  topics: readonly TopicConfig[],
  version: TableVersion,
): Promise<boolean> {
  const { code, ext = {}, body } = registerCommand(broker, 0, topics, version);
  const fields = Object.fromEntries(Object.entries(ext ?? {}).map(([name, value]) => [name, String(value)]));
  const answer = await ask(client, code, fields, body ?? null);
  return answer?.code === 0;
}

export type AssignedQueues = { readonly mode: string; readonly brokerName: string; readonly queueId: number };

/** Which queues the broker gives to a member; null: no answer, or one that changes nothing. */
export async function queryAssignment(
  client: SimClient,
  asked: { readonly topic: string; readonly group: string; readonly clientId: string; readonly isBroadcast: boolean },
): Promise<readonly AssignedQueues[] | null> {
  const { topic, group: consumerGroup, clientId, isBroadcast } = asked;
  const messageModel = isBroadcast ? 'BROADCASTING' : 'CLUSTERING';
  const body = encodeQueryAssignment({ topic, consumerGroup, clientId, strategyName: 'AVG', messageModel });
  const answer = await ask(client, QUERY_ASSIGNMENT, {}, body);
  if (answer?.code !== 0) return null;
  return decodeAssignments(answer.body)?.map(({ queue: { brokerName, queueId }, mode }) => ({ mode, brokerName, queueId })) ?? null;
}

/** `onAnswer` gets the code; null: no answer. */
export async function setRequestMode(
  client: SimClient,
  mode: { readonly topic: string; readonly consumerGroup: string; readonly mode: string; readonly popShareQueueNum: number },
  onAnswer: (code: number | null) => void,
): Promise<void> {
  await ask(client, SET_MESSAGE_REQUEST_MODE, {}, Buffer.from(JSON.stringify(mode)), ANSWER_MS, (answer) => onAnswer(answer?.code ?? null));
}

/** A half message that was given up is to be asked about anew; `id` is where it is kept. */
export function resumeCheck(
  client: SimClient,
  id: string,
  onAnswer: (answer: RemotingCommand | null) => void,
): Promise<RemotingCommand | null> {
  return ask(client, RESUME_CHECK_HALF_MESSAGE, { msgId: id }, null, ANSWER_MS, onAnswer);
}

export function endFields(
  place: { group: string; halfOffset: number; physical: number; id: string },
  word: number,
  isFromCheck: boolean,
): Record<string, string> {
  return {
    producerGroup: place.group,
    tranStateTableOffset: String(place.halfOffset),
    commitLogOffset: String(place.physical),
    commitOrRollback: String(word),
    fromTransactionCheck: String(isFromCheck),
    msgId: place.id,
    transactionId: place.id,
  };
}

export function endTransaction(
  client: SimClient,
  fields: Record<string, string>,
  onAnswer: (answer: RemotingCommand | null) => void,
): Promise<RemotingCommand | null> {
  return ask(client, END_TRANSACTION, fields, null, ANSWER_MS, onAnswer);
}

export function endOneway(client: SimClient, fields: Record<string, string>): void {
  client.oneway(END_TRANSACTION, fields, null);
}

/** Gives a message back: it is to come again after `level`, or among the dead letters. */
export function sendBack(
  client: SimClient,
  back: { group: string; physicalOffset: number; level: number; attemptsMax: number },
): Promise<RemotingCommand | null> {
  const { group, physicalOffset, level, attemptsMax } = back;
  const ext = {
    offset: String(physicalOffset),
    group,
    delayLevel: String(level),
    unitMode: 'false',
    maxReconsumeTimes: String(attemptsMax),
  };
  return ask(client, CONSUMER_SEND_MSG_BACK, ext);
}

/** Takes a timed message back. */
export function recall(
  client: SimClient,
  word: { topic: string; recallHandle: string },
  onAnswer: (answer: RemotingCommand | null) => void,
): Promise<RemotingCommand | null> {
  return ask(client, RECALL_MESSAGE, { ...word, producerGroup: 'PG' }, null, ANSWER_MS, onAnswer);
}

export type Popped = {
  readonly record: MessageRecord;
  readonly popTime: number;
  readonly invisibleMs: number;
  /** What acknowledges it. */
  readonly receipt: Readonly<Record<string, string>>;
};

/** `onPopped` gets what came, the moment it comes. */
export async function pop(
  client: SimClient,
  options: { group: string; topic: string; max: number; invisibleMs: number; holdMs: number; nowMs: number; brokerName: string },
  onPopped: (popped: readonly Popped[]) => void,
): Promise<RemotingCommand | null> {
  const { group, topic, max, invisibleMs, holdMs, nowMs, brokerName } = options;
  const ext = {
    consumerGroup: group,
    topic,
    queueId: '-1',
    maxMsgNums: String(max),
    invisibleTime: String(invisibleMs),
    pollTime: String(holdMs),
    bornTime: String(nowMs),
    initMode: '0',
  };
  return await ask(client, POP_MESSAGE, ext, null, holdMs + ANSWER_MS, (answer) => {
    if (answer?.code !== FOUND) return;
    const popTime = Number(answer.ext.get('popTime'));
    const starts = new Map<string, number>();
    for (const item of String(answer.ext.get('startOffsetInfo')).split(';')) {
      const [retry, queueId, start] = item.split(' ');
      starts.set(`${retry} ${queueId}`, Number(start));
    }
    const popped = decodeMessageRecords(answer.body).map((record): Popped => {
      const { queueId, queueOffset } = record;
      // One that comes again brings its receipt along.
      const known = parseProperties(record.properties).get(POP_CK);
      const retry = Number(known?.split(' ')[4] ?? 0);
      const extraInfo =
        known ??
        formatReceipt({
          startOffset: starts.get(`0 ${queueId}`) ?? -1,
          popTime,
          invisibleMs,
          reviveQueueId: Number(answer.ext.get('reviveQid')),
          retry: 0,
          brokerName,
          queueId,
          offset: queueOffset,
        });
      const receipt = {
        consumerGroup: group,
        topic: retry === 0 ? topic : `%RETRY%${group}${retry === 2 ? '+' : '_'}${topic}`,
        queueId: known?.split(' ')[6] ?? String(queueId),
        extraInfo,
        offset: known?.split(' ')[7] ?? String(queueOffset),
      };
      return { record, popTime, invisibleMs, receipt };
    });
    onPopped(popped);
  });
}

export function ackPopped(
  client: SimClient,
  receipt: Readonly<Record<string, string>>,
  onAnswer: (answer: RemotingCommand | null) => void,
): Promise<RemotingCommand | null> {
  return ask(client, ACK_MESSAGE, { ...receipt }, null, ANSWER_MS, onAnswer);
}
