/**
 * Sends, pulls and offsets by raw requests: what whole-broker tests do most. Owns nothing but the client it is given.
 * Answers come back whole, whatever their code.
 */
import type { RawFrame } from './raw-frame.ts';
import { decodeMessages, encodeProperties, type RawMessage } from './raw-message.ts';
import type { RemotingClient, RequestOptions } from './remoting-client.ts';

export type SendOptions = RequestOptions & {
  queueId?: number;
  properties?: Readonly<Record<string, string>>;
  isBatch?: boolean;
  /** Header fields that replace or (undefined) remove those of a right send. */
  fields?: Readonly<Record<string, string | undefined>>;
  isOneway?: boolean;
};

function sendFields(topic: string, options: SendOptions): Record<string, string> {
  const fields: Record<string, string | undefined> = {
    a: 'PG_test',
    b: topic,
    c: 'TBW102',
    d: '4',
    e: String(options.queueId ?? 0),
    f: '0',
    g: String(Date.now()),
    h: '0',
    i: encodeProperties(options.properties ?? {}),
    j: '0',
    k: 'false',
    m: String(options.isBatch ?? false),
    ...options.fields,
  };
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) kept[name] = value;
  return kept;
}

/** Request 310, or 320 for a batch. */
export function sendMessage(
  client: RemotingClient,
  topic: string,
  body: Uint8Array | string,
  options: SendOptions = {},
): Promise<RawFrame> {
  const { encoding, timeoutMs, version, language } = options;
  const request: RequestOptions = {
    body: typeof body === 'string' ? Buffer.from(body) : body,
    ...(encoding === undefined ? {} : { encoding }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(version === undefined ? {} : { version }),
    ...(language === undefined ? {} : { language }),
  };
  return client.request(options.isBatch === true ? 320 : 310, sendFields(topic, options), request);
}

/** Request 310, one-way. */
export function sendOneway(client: RemotingClient, topic: string, body: string, options: SendOptions = {}): void {
  client.oneway(310, sendFields(topic, options), { body: Buffer.from(body) });
}

export type PullOptions = RequestOptions & {
  group?: string;
  max?: number;
  /** 0: answered at once; else held until there is a message, at most this long. */
  holdMs?: number;
  expression?: string;
  /** Default TAG. */
  expressionType?: string;
  /** The subscription that heartbeats registered, of this version, instead of one in the header. */
  registered?: number;
};

export type Pulled = { frame: RawFrame; messages: RawMessage[]; next: number };

/** Request 11 with its subscription in the header. */
export async function pullMessages(
  client: RemotingClient,
  topic: string,
  queueId: number,
  offset: number,
  options: PullOptions = {},
): Promise<Pulled> {
  const holdMs = options.holdMs ?? 0;
  const frame = await client.request(
    11,
    {
      consumerGroup: options.group ?? 'CG_test',
      topic,
      queueId: String(queueId),
      queueOffset: String(offset),
      maxMsgNums: String(options.max ?? 32),
      sysFlag: String((options.registered === undefined ? 4 : 0) | (holdMs > 0 ? 2 : 0)),
      commitOffset: '0',
      suspendTimeoutMillis: String(holdMs),
      subscription: options.expression ?? '*',
      subVersion: String(options.registered ?? 0),
      expressionType: options.expressionType ?? 'TAG',
    },
    { timeoutMs: holdMs + 10_000, ...(options.encoding === undefined ? {} : { encoding: options.encoding }) },
  );
  return { frame, messages: frame.code === 0 ? decodeMessages(frame.body) : [], next: Number(frame.ext?.['nextBeginOffset'] ?? -1) };
}

/** Every message of a queue from `offset` to its end. */
export async function readQueue(client: RemotingClient, topic: string, queueId: number, offset: number = 0): Promise<RawMessage[]> {
  const all: RawMessage[] = [];
  for (let at = offset; ; ) {
    const { frame, messages, next } = await pullMessages(client, topic, queueId, at);
    all.push(...messages);
    if (frame.code === 19 || (frame.code === 21 && next === at)) return all;
    if (frame.code !== 0 && frame.code !== 20 && frame.code !== 21)
      throw new Error(`Pull at ${at} of ${topic}/${queueId}: ${frame.code} ${frame.remark}`);
    if (next <= at && frame.code !== 21) throw new Error(`Pull at ${at} of ${topic}/${queueId} stands still`);
    at = next;
  }
}

/** 30 GET_MAX_OFFSET or 31 GET_MIN_OFFSET. */
export async function queueOffset(client: RemotingClient, code: 30 | 31, topic: string, queueId: number): Promise<number> {
  const frame = await client.request(code, { topic, queueId: String(queueId) });
  if (frame.code !== 0) throw new Error(`Offset of ${topic}/${queueId}: ${frame.code} ${frame.remark}`);
  return Number(frame.ext?.['offset']);
}

/** The body of a heartbeat of one consumer, or of a producer alone. */
export function heartbeatBody(
  clientId: string,
  group: string,
  topics: readonly string[],
  subscription: { subString?: string; expressionType?: string; tagsSet?: readonly string[]; codeSet?: readonly number[] } = {},
): Buffer {
  const consumers =
    topics.length === 0
      ? []
      : [
          {
            groupName: group,
            consumeType: 'CONSUME_PASSIVELY',
            messageModel: 'CLUSTERING',
            consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
            unitMode: false,
            subscriptionDataSet: topics.map((topic) => ({
              topic,
              subString: '*',
              tagsSet: [],
              codeSet: [],
              subVersion: 1,
              classFilterMode: false,
              expressionType: 'TAG',
              ...subscription,
            })),
          },
        ];
  return Buffer.from(JSON.stringify({ clientID: clientId, producerDataSet: [{ groupName: 'PG_test' }], consumerDataSet: consumers }));
}
