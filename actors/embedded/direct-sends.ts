/**
 * Direct sends: an application's plain messages, written by its own thread as records into a lane of its own, and answered when the log
 * worker's marks say that they are stored. One a guest. What is not plain (delayed, timed, too long, refused) is left to a shard.
 * Source: RocketMQ 5.3 `SendMessageProcessor`, without the processor.
 */

import { formatMessageId } from '../../model/message-id.ts';
import { QUEUE_ID_AT } from '../../model/message-record.ts';
import type { DirectSendAnswer } from '../../protocol/remoting/link.ts';
import type { SendMessageRequest } from '../../protocol/remoting/requests/send-message.ts';
import { SERVICE_NOT_AVAILABLE, SUCCESS } from '../../protocol/remoting/response-code.ts';
import { LingerGovernor } from '../../runtime/thread/linger-governor.ts';
import type { PollSource, ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import {
  D_FLAGS,
  D_OUTCOME,
  D_POSITION,
  FLAG_ANSWER,
  FLAG_WAIT_SYNC,
  isUnsynced,
  LaneProducer,
  OUTCOME_FENCED,
  type Outcome,
  physicalOffsetOf,
  queueOffsetOf,
} from '../commit-log/log-lane.ts';
import { FLUSHED_END, Watermarks } from '../commit-log/watermarks.ts';
import { hostBytes } from '../gateway/client-connection.ts';
import { RECORD_LANE_FULL, RecordFields, RecordWriter, UniqueKeys } from '../gateway/record-writer.ts';
import { outcomeRemark } from '../gateway/send-answers.ts';
import type { TopicState } from '../topic/topic-table.ts';

/** Characters of properties that are written here; more is refused anyway, by a shard. */
const PROPERTIES_MAX = 32_767;
/** A character takes at most three bytes of UTF-8 for each UTF-16 unit. */
const BYTES_PER_UNIT = 3;

export const SEND_TAKEN = 1;
export const SEND_NO_ROOM = 0;
/** Not for this path: a shard is to have it. */
export const SEND_NOT_PLAIN = -1;

export class DirectSends implements PollSource {
  readonly #thread: ThreadContext;
  readonly #lane: LaneProducer;
  readonly #writer: RecordWriter;
  readonly #marks: Watermarks;
  readonly #fields = new RecordFields();
  readonly #properties = new Uint8Array(PROPERTIES_MAX * BYTES_PER_UNIT);
  readonly #text = new TextEncoder();
  readonly #syncFlush: boolean;
  readonly #host: { readonly address: Uint8Array; readonly port: number };
  readonly #waiting: ((answer: DirectSendAnswer) => void)[];
  readonly #released: () => void;
  readonly #lingers = new LingerGovernor();
  #nextQueue = 0;
  /** Messages and bytes taken into the lane. */
  messages = 0;
  bytes = 0;

  /** @param released the lane has room again */
  constructor(thread: ThreadContext, config: BrokerConfig, memory: BrokerMemory, producer: number, released: () => void) {
    this.#thread = thread;
    this.#released = released;
    this.#lane = new LaneProducer(memory.lanes[producer]!);
    this.#marks = new Watermarks(memory.marks);
    this.#syncFlush = config.flushDiskType === 'SYNC_FLUSH';
    const storeHost = hostBytes(config.advertisedHost, config.listenPort);
    this.#host = { address: storeHost.subarray(0, storeHost.length - 4), port: config.listenPort };
    const uniqueKeys = new UniqueKeys(storeHost, process.pid, producer * 65_536 + thread.generation);
    this.#writer = new RecordWriter(this.#lane, storeHost, config.regionId, config.brokerClusterName, uniqueKeys, () => thread.now());
    this.#waiting = new Array(this.#lane.lane.descriptorMax);
    this.#fields.bornHost = hostBytes('127.0.0.1', 0);
    this.#fields.text = this.#properties;
    const logThread = thread.threadIndex('log');
    thread.addTurnEnd(() => {
      if (!this.#lane.publish()) return;
      const slept = thread.wake(logThread);
      // To look while it wakes up would only take the processor that it may need.
      if (!slept && !this.#lingers.isLooking) this.#lookForAnswer();
    });
  }

  /** Records that are not answered. */
  get pending(): number {
    return this.#lane.pending;
  }

  /** Writes a record for a message that its topic's lease allows. The body is copied within the call. */
  write(topic: TopicState, request: SendMessageRequest, body: Uint8Array, done: (answer: DirectSendAnswer) => void): number {
    const { properties } = request;
    if (properties !== null && properties.length > PROPERTIES_MAX) return SEND_NOT_PLAIN;
    const fields = this.#fields;
    fields.topic = topic;
    fields.queueId = request.queueId >= 0 ? request.queueId : this.#anyQueue(topic);
    fields.messageFlag = request.flag;
    fields.sysFlag = request.sysFlag;
    fields.bornTimestamp = request.bornTimestamp;
    fields.reconsumeTimes = request.reconsumeTimes ?? 0;
    fields.body = body;
    fields.bodyStart = 0;
    fields.bodyEnd = body.length;
    fields.propertiesStart = 0;
    fields.propertiesEnd = properties === null ? 0 : this.#text.encodeInto(properties, this.#properties).written;
    const count = this.#lane.head;
    const size = this.#writer.write(fields, FLAG_ANSWER, 0, 0, 0);
    if (size === RECORD_LANE_FULL) return SEND_NO_ROOM;
    if (size <= 0) return SEND_NOT_PLAIN;
    this.#waiting[count & this.#lane.lane.descriptorMask] = done;
    this.messages++;
    this.bytes += size;
    this.#thread.requestTurn();
    return SEND_TAKEN;
  }

  #anyQueue(topic: TopicState): number {
    this.#nextQueue = (this.#nextQueue + 1) & 0x3fffffff;
    return this.#nextQueue % Math.max(1, topic.writeQueues);
  }

  /** Answers what is written, in sync-flush mode what is on disk, in the lane's order; its room is free then. */
  poll(): boolean {
    const lane = this.#lane;
    const written = lane.lane.written();
    let count = lane.tail;
    if (count === written) return false;
    const words = lane.lane.descriptors;
    const flushed = this.#syncFlush ? this.#marks.read(FLUSHED_END) : Number.POSITIVE_INFINITY;
    const isFenced = this.#marks.fenced;
    const first = count;
    while (count !== written) {
      const at = lane.lane.descriptorAt(count);
      const outcome = isFenced ? OUTCOME_FENCED : (words[at + D_OUTCOME] as Outcome);
      if (!isFenced && (words[at + D_FLAGS]! & FLAG_WAIT_SYNC) !== 0 && isUnsynced(words, at, flushed)) break;
      const slot = count & lane.lane.descriptorMask;
      const done = this.#waiting[slot]!;
      this.#waiting[slot] = ignore;
      done(outcome === 0 ? this.#stored(at) : refused(outcome, this.#marks));
      count = (count + 1) | 0;
    }
    if (count === first) return false;
    lane.release(count);
    this.#lingers.came(this.#thread.monotonicMs());
    if (lane.pending > 0) this.#lookForAnswer();
    else this.#thread.linger(0);
    this.#released();
    return true;
  }

  /** The log worker answers within microseconds if it is awake: the application's other events have their turn meanwhile. */
  #lookForAnswer(): void {
    this.#thread.linger(this.#lingers.begin(this.#thread.monotonicMs()));
  }

  #stored(at: number): DirectSendAnswer {
    const { descriptors: words, view, byteMask } = this.#lane.lane;
    const queueId = view.getInt32((words[at + D_POSITION]! & byteMask) + QUEUE_ID_AT);
    const queueOffset = queueOffsetOf(words, at);
    const response = { msgId: formatMessageId(this.#host, physicalOffsetOf(words, at)), queueId, queueOffset, transactionId: null };
    return { code: SUCCESS, remark: null, response };
  }
}

function ignore(): void {}

function refused(outcome: Outcome, marks: Watermarks): DirectSendAnswer {
  return { code: SERVICE_NOT_AVAILABLE, remark: outcomeRemark(outcome, marks), response: null };
}
