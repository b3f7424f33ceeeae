/**
 * What the sends that are no plain ones are made of, one of them as it waits, and the properties that it is stored with. Types, and one pure function.
 */
import {
  CLUSTER,
  MSG_REGION,
  POP_CK,
  RINGMQ_DELIVER_MS,
  RINGMQ_WAKE_MS,
  TRACE_SWITCH,
  UNIQ_KEY,
  WAIT_STORE_MSG_OK,
} from '../../model/message-property.ts';
import type { SendResponseWriter } from '../../protocol/remoting/response-writer.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { InnerAppend, InnerMessage } from '../commit-log/inner-append.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { ClientConnection } from './client-connection.ts';
import type { TimerLimits } from './decide-unusual-send.ts';
import type { UniqueKeys } from './record-writer.ts';

/** One send, out of its frame. */
export type Sent = {
  readonly connection: ClientConnection;
  readonly opaque: number;
  readonly isOneway: boolean;
  readonly isBinary: boolean;
  readonly version: number;
  readonly maxReconsumeTimes: number;
  readonly clientProperties: ReadonlyMap<string, string>;
  readonly message: InnerMessage;
};

/** Whom an answer goes to. */
export type Head = Pick<Sent, 'connection' | 'opaque' | 'isOneway' | 'isBinary'>;

/** What a group says of what its consumers give back. */
export type Group = { readonly retryMaxTimes: number; readonly hasLocks: boolean };

/** What unusual sends are made of. */
export type UnusualSendParts = {
  readonly thread: ThreadContext;
  readonly append: InnerAppend;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly writer: SendResponseWriter;
  readonly uniqueKeys: UniqueKeys;
  readonly region: string;
  readonly cluster: string;
  readonly delayLevels: number;
  readonly rejectTransactionMessage: boolean;
  readonly timers: TimerLimits & { readonly rollAfterMs: number; readonly isRecallEnabled: boolean };
  readonly brokerName: string;
  /** How long a message waits for room in the lane, and for the log's word. */
  readonly laneWaitMs: number;
  readonly answerMs: number;
};

/** Set by the broker, or for it alone. */
const BROKERS_OWN: ReadonlySet<string> = new Set([
  MSG_REGION,
  CLUSTER,
  TRACE_SWITCH,
  POP_CK,
  WAIT_STORE_MSG_OK,
  RINGMQ_DELIVER_MS,
  RINGMQ_WAKE_MS,
]);

/** The properties as a plain send's are stored: the broker's own are added, those that are for it alone go. */
export function storedProperties(parts: UnusualSendParts, properties: ReadonlyMap<string, string>): Map<string, string> {
  const { region, cluster, uniqueKeys, thread } = parts;
  const stored = new Map([[MSG_REGION, region]]);
  for (const [name, value] of properties) if (!BROKERS_OWN.has(name)) stored.set(name, value);
  if (!stored.has(UNIQ_KEY)) stored.set(UNIQ_KEY, uniqueKeys.next(thread.now()));
  return stored.set(CLUSTER, cluster).set(TRACE_SWITCH, 'true');
}
