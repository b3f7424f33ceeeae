/**
 * The stock `ali-ons` client, which has no types of its own, with the part of them that tests need. Its producers and
 * consumers of one instance name share one connection set within a process, and its timers keep a process alive for half
 * a minute after `close`: programs around it end by `process.exit`.
 */
import { createRequire } from 'node:module';

export type AliSendResult = {
  sendStatus: string;
  msgId: string;
  offsetMsgId?: string;
  messageQueue: { topic: string; brokerName: string; queueId: number };
  queueOffset: number;
};

export type AliMessage = {
  topic: string;
  tags: string;
  /** Set as a list, read as one string with blanks between. */
  get keys(): string;
  set keys(keys: string[]);
  body: Buffer;
  msgId: string;
  queueId: number;
  queueOffset: number;
  reconsumeTimes: number;
  bornTimestamp: number;
  storeTimestamp: number;
  delayTimeLevel: number;
  properties: Record<string, string>;
};

export type AliOptions = {
  nameSrv: string | readonly string[];
  /** Asked for a list of name servers when there is no `nameSrv`; required all the same. */
  httpclient: object;
  logger: Record<string, (...args: unknown[]) => void>;
  producerGroup?: string;
  consumerGroup?: string;
  instanceName?: string;
  isBroadcast?: boolean;
  consumeFromWhere?: string;
  consumeTimestamp?: string;
  rebalanceInterval?: number;
  /** Spelled as the client does. */
  pollNameServerInteval?: number;
  heartbeatBrokerInterval?: number;
  persistConsumerOffsetInterval?: number;
  maxMessageSize?: number;
  maxReconsumeTimes?: number;
};

export type AliProducer = {
  ready(): Promise<void>;
  send(message: AliMessage): Promise<AliSendResult>;
  close(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): void;
};

export type AliConsumer = {
  ready(): Promise<void>;
  subscribe(topic: string, expression: string, handler: (message: AliMessage) => Promise<void>): void;
  processQueueTable: Map<string, { messageQueue: { topic: string; queueId: number } }>;
  close(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): void;
};

type AliOns = {
  Producer: new (options: AliOptions) => AliProducer;
  Consumer: new (options: AliOptions) => AliConsumer;
  Message: new (topic: string, tags: string, body: string | Buffer) => AliMessage;
};

export const aliOns: AliOns = createRequire(import.meta.url)('ali-ons') as AliOns;

const ignore = (): void => undefined;

/** A logger that says nothing: the client tells of each turn of its timers. */
export const silentLogger: AliOptions['logger'] = { info: ignore, debug: ignore, warn: ignore, error: ignore };
