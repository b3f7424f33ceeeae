/**
 * Pops, acknowledgements and their kin by raw requests, and receipts put together from a pop's answer as the Java client does it. Shares no code with
 * `protocol/remoting`. Owns nothing but the client it is given; answers come back whole, whatever their code.
 * Source: RocketMQ 5.4 `MQClientAPIImpl.processPopResponse`.
 */
import type { RawFrame } from './raw-frame.ts';
import { decodeMessages, type RawMessage } from './raw-message.ts';
import type { RemotingClient } from './remoting-client.ts';

export type PopOptions = {
  group?: string;
  queueId?: number;
  max?: number;
  invisibleMs?: number;
  holdMs?: number;
  initMode?: number;
  expression?: string;
  expressionType?: string;
  order?: boolean;
  attemptId?: string;
  brokerName?: string;
};

/** A popped message with what is needed to acknowledge it. */
export type PoppedMessage = RawMessage & { receipt: string; storedTopic: string; attempts: number };
export type PopResult = { frame: RawFrame; messages: PoppedMessage[] };

export async function pop(client: RemotingClient, topic: string, options: PopOptions = {}): Promise<PopResult> {
  const { group = 'CG_pop', holdMs = 0, brokerName = 'broker-a' } = options;
  const fields: Record<string, string> = {
    consumerGroup: group,
    topic,
    queueId: String(options.queueId ?? -1),
    maxMsgNums: String(options.max ?? 32),
    invisibleTime: String(options.invisibleMs ?? 60_000),
    pollTime: String(holdMs),
    bornTime: String(Date.now()),
    initMode: String(options.initMode ?? 0),
  };
  if (options.expression !== undefined) {
    fields['exp'] = options.expression;
    fields['expType'] = options.expressionType ?? 'TAG';
  }
  if (options.order !== undefined) fields['order'] = String(options.order);
  if (options.attemptId !== undefined) fields['attemptId'] = options.attemptId;
  const frame = await client.request(200_050, fields, { timeoutMs: holdMs + 10_000 });
  return { frame, messages: frame.code === 0 ? withReceipts(frame, topic, group, brokerName) : [] };
}

function withReceipts(frame: RawFrame, topic: string, group: string, brokerName: string): PoppedMessage[] {
  const ext = frame.ext as Record<string, string>;
  const items = (name: string): Map<string, string> =>
    new Map(
      (ext[name] ?? '')
        .split(';')
        .filter((item) => item !== '')
        .map((item) => item.split(' '))
        .map(([retry, queue, value]) => [`${retry}@${queue}`, value!]),
    );
  const starts = items('startOffsetInfo');
  const offsets = items('msgOffsetInfo');
  const counts = items('orderCountInfo');
  return decodeMessages(frame.body).map((message) => {
    const known = message.properties['POP_CK'];
    const retry = known === undefined ? '0' : known.split(' ')[4]!;
    const key = `${retry}@${message.queueId}`;
    if (!(offsets.get(key) ?? '').split(',').includes(String(message.queueOffset))) {
      throw new Error(`offset ${message.queueOffset} of ${key} is not in ${ext['msgOffsetInfo']}`);
    }
    const words = [starts.get(key), ext['popTime'], ext['invisibleTime'], ext['reviveQid'], retry, brokerName];
    const receipt = known ?? [...words, message.queueId, message.queueOffset].join(' ');
    const joint = retry === '2' ? '+' : '_';
    const storedTopic = retry === '0' ? topic : `%RETRY%${group}${joint}${topic}`;
    const attempts = Number(counts.get(`0@qo${message.queueId}%${message.queueOffset}`) ?? counts.get(key) ?? message.reconsumeTimes);
    return { ...message, receipt, storedTopic, attempts };
  });
}

function receiptFields(message: PoppedMessage, group: string): Record<string, string> {
  const { storedTopic: topic, queueId, receipt, queueOffset } = message;
  return { consumerGroup: group, topic, queueId: String(queueId), extraInfo: receipt, offset: String(queueOffset) };
}

/** @param fields in place of the right ones */
export function ack(
  client: RemotingClient,
  message: PoppedMessage,
  group = 'CG_pop',
  fields: Record<string, string> = {},
): Promise<RawFrame> {
  return client.request(200_051, { ...receiptFields(message, group), ...fields });
}

/** The message with its new receipt, when there is one. */
export async function changeInvisible(
  client: RemotingClient,
  message: PoppedMessage,
  invisibleMs: number,
  group = 'CG_pop',
): Promise<{ frame: RawFrame; message: PoppedMessage }> {
  const frame = await client.request(200_053, { ...receiptFields(message, group), invisibleTime: String(invisibleMs) });
  if (frame.code !== 0) return { frame, message };
  const words = message.receipt.split(' ');
  const { popTime, invisibleTime, reviveQid } = frame.ext as Record<string, string>;
  words.splice(1, 3, popTime!, invisibleTime!, reviveQid!);
  return { frame, message: { ...message, receipt: words.join(' ') } };
}

export function batchAck(client: RemotingClient, messages: readonly PoppedMessage[], group = 'CG_pop'): Promise<RawFrame> {
  const byPop = new Map<string, PoppedMessage[]>();
  for (const message of messages) {
    const key = message.receipt.split(' ').slice(0, 7).join(' ');
    byPop.set(key, [...(byPop.get(key) ?? []), message]);
  }
  const acks = [...byPop].map(([key, list]) => {
    const [so, pt, it, rq, r, , q] = key.split(' ');
    const bits = Buffer.alloc(64);
    for (const { queueOffset } of list) {
      const bit = queueOffset - Number(so);
      bits[bit >> 3]! |= 1 << (bit & 7);
    }
    const [start, pop, invisible] = [Number(so), Number(pt), Number(it)];
    return { c: group, t: list[0]!.topic, r, so: start, q: Number(q), rq: Number(rq), pt: pop, it: invisible, b: bits.toString('base64') };
  });
  return client.request(200_151, {}, { body: Buffer.from(JSON.stringify({ brokerName: 'broker-a', acks })) });
}
