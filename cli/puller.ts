/**
 * Reads queues without belonging to any group: pulls as RocketMQ's own tools do (`TOOLS_CONSUMER`), commits nothing. One loop a queue; a lost
 * connection is waited out. Source: RocketMQ 5.3 `PrintMessageSubCommand`.
 */
import { refusal } from '../client/answers.ts';
import { ClientError } from '../client/errors.ts';
import { decodeMessageRecords, type MessageRecord } from '../model/message-record.ts';
import type { MessageQueue } from '../model/queue-id.ts';
import { EXPRESSION_TAG } from '../model/subscription.ts';
import { PULL_SUBSCRIPTION_FLAG, PULL_SUSPEND_FLAG } from '../model/system-flag.ts';
import { PULL_MESSAGE } from '../protocol/remoting/request-code.ts';
import { decodePullMessageResponse, encodePullMessageRequest } from '../protocol/remoting/requests/pull-message.ts';
import { PULL_NOT_FOUND, PULL_OFFSET_MOVED, PULL_RETRY_IMMEDIATELY, SUCCESS } from '../protocol/remoting/response-code.ts';
import { type Cluster, requestName } from './cluster.ts';

const GROUP = 'TOOLS_CONSUMER';
const HOLD_MS = 15_000;
/** Beyond the hold: what a slow broker may take. A Java broker looks at its held pulls every five seconds. */
const ANSWER_MS = 10_000;
const RETRY_PAUSE_MS = 1000;
const MESSAGES_MAX = 256;

export type PullerOptions = {
  readonly cluster: Cluster;
  readonly queue: MessageQueue;
  readonly address: () => string | undefined;
  readonly from: number;
  /** Reads up to here; undefined: for ever. */
  readonly end: number | undefined;
  readonly expression: string;
  readonly signal: AbortSignal;
  /** Takes messages in order; the next pull waits for it. False: no more. */
  readonly onMessages: (records: readonly MessageRecord[]) => Promise<boolean> | boolean;
  readonly onTrouble: (text: string) => void;
};

/** Resolves at the end, at a false of `onMessages`, or when `signal` is aborted. Rejects when the broker refuses. */
export async function pullQueue(options: PullerOptions): Promise<void> {
  const { cluster, queue, address, end, expression, signal, onMessages, onTrouble } = options;
  let offset = options.from;
  while (!signal.aborted && (end === undefined || offset < end)) {
    const target = address();
    try {
      if (target === undefined) throw new ClientError('MQ_CLIENT_NO_ROUTE', `Broker ${queue.brokerName} is not registered any more`);
      const ext = encodePullMessageRequest({
        consumerGroup: GROUP,
        topic: queue.topic,
        queueId: queue.queueId,
        queueOffset: offset,
        maxMsgNums: MESSAGES_MAX,
        sysFlag: PULL_SUBSCRIPTION_FLAG | (end === undefined ? PULL_SUSPEND_FLAG : 0),
        commitOffset: 0,
        suspendTimeoutMillis: end === undefined ? HOLD_MS : 0,
        subscription: expression,
        subVersion: 0,
        expressionType: EXPRESSION_TAG,
        maxMsgBytes: null,
      });
      const timeoutMs = (end === undefined ? HOLD_MS : 0) + ANSWER_MS;
      const answer = await cluster.core.request(target, { code: PULL_MESSAGE, ext }, timeoutMs);
      if (answer.code === SUCCESS) {
        const records = decodeMessageRecords(answer.body).filter((record) => record.queueOffset >= offset);
        const goesOn = await onMessages(end === undefined ? records : records.filter((record) => record.queueOffset < end));
        if (!goesOn) return;
      } else if (answer.code !== PULL_NOT_FOUND && answer.code !== PULL_RETRY_IMMEDIATELY && answer.code !== PULL_OFFSET_MOVED)
        throw refusal(requestName(PULL_MESSAGE), target, answer);
      offset = decodePullMessageResponse(answer.ext).nextBeginOffset;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ClientError) || error.code === 'MQ_CLIENT_REFUSED') throw error;
      onTrouble(error.message);
      await cluster.core.pause(RETRY_PAUSE_MS);
      cluster.core.routes.doubt(queue.topic);
      // Whoever does not answer keeps the old route: the next turn tries again.
      await cluster.core.routes.find(queue.topic).catch((failure: unknown) => {
        if (!(failure instanceof ClientError)) throw failure;
      });
    }
  }
}
