/**
 * First sends of a topic: frames with a send whose topic nobody knows wait here while the registry makes it, or refuses. Owns the frames
 * that wait, per connection and topic, and lets them go in the order in which they came: what comes on the same connection for the same
 * topic meanwhile waits behind them, though the topic may be known by then; everything else goes on. Bounded by PARKED_MAX frames a connection.
 *
 * Refusals: what the registry says; 2 the topic could not be made in time.
 * Source: RocketMQ 5.3 `TopicConfigManager.createTopicInSendMessageMethod`, which makes it while the send's thread waits.
 */
import { utf8Text } from '../../model/utf8.ts';
import * as responseCode from '../../protocol/remoting/response-code.ts';
import type { SendHeader } from '../../protocol/remoting/send-header.ts';
import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { CreateOnSend, TopicReady, TopicRefused } from '../topic/topic-registry-actor.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { type ClientConnection, HOLD_PARKED } from './client-connection.ts';

/** Frames of one connection that may wait. */
const PARKED_MAX = 256;
const CREATE_TIMEOUT_MS = 10_000;
/** So long a topic that was made may take to come into this shard's table. */
const TABLE_MAX_MS = 2_000;
const LOOK_MS = 1;

/** Whom a refusal goes to. */
export type SendAddress = Pick<SendHeader, 'flag' | 'opaque' | 'isBinary'>;

type Waiting = {
  readonly frame: Buffer;
  readonly address: SendAddress;
  /** null: the registry has not answered. */
  answer: 'made' | { readonly code: number; readonly remark: string } | null;
  /** Monotonic ms of the answer. */
  answeredAt: number;
};

export type FirstSendsParts = {
  readonly thread: ThreadContext;
  readonly topics: TopicTable;
  readonly registry: ActorRef<CreateOnSend>;
  /** Takes a frame whose topic is known now. Where it cannot go on it holds the connection itself, for a reason that ends. */
  readonly take: (connection: ClientConnection, frame: Buffer) => void;
  readonly refuse: (connection: ClientConnection, address: SendAddress, code: number, remark: string) => void;
};

export class FirstSends {
  readonly #parts: FirstSendsParts;
  readonly #waiting: Map<ClientConnection, Map<string, Waiting[]>> = new Map();
  /** The queue whose frames go on now: they are not to wait behind themselves. */
  #releasing: Waiting[] | null = null;
  /** Connections whose end is told here. */
  readonly #heard: WeakSet<ClientConnection> = new WeakSet();
  /** Frames wait: who has a send of a known topic asks `mustWait`. */
  isBusy = false;

  constructor(parts: FirstSendsParts) {
    this.#parts = parts;
  }

  /** Whether a send of a known topic has others before it that wait for the topic. */
  mustWait(connection: ClientConnection, topic: string): boolean {
    const queue = this.#waiting.get(connection)?.get(topic);
    return queue !== undefined && queue !== this.#releasing;
  }

  /** The send of a topic that nobody knows: the registry is asked. False: the connection is to be read no further for now. */
  create(connection: ClientConnection, header: SendHeader, topic: string, bytes: Uint8Array, start: number, end: number): boolean {
    const waiting = this.#park(connection, header, topic, bytes, start, end);
    const defaultTopic = utf8Text(header.text, header.defaultTopicStart, header.defaultTopicEnd);
    const queueNums = header.defaultTopicQueueNums;
    const sysFlag = header.isUnitMode ? 1 : 0;
    const clientAddress = `${connection.remoteAddress}:${connection.remotePort}`;
    this.#parts.thread.ask<TopicReady | TopicRefused, CreateOnSend>(
      this.#parts.registry,
      (replyTo) => ({ kind: 'create-on-send', topic, defaultTopic, queueNums, clientAddress, sysFlag, replyTo }),
      CREATE_TIMEOUT_MS,
      (reply) => this.#answered(connection, topic, waiting, reply),
    );
    return !connection.isHeld;
  }

  /** The send of a topic that is known, behind those that wait for it. False: the connection is to be read no further for now. */
  follow(connection: ClientConnection, header: SendHeader, topic: string, bytes: Uint8Array, start: number, end: number): boolean {
    const waiting = this.#park(connection, header, topic, bytes, start, end);
    waiting.answer = 'made';
    waiting.answeredAt = this.#parts.thread.monotonicMs();
    return !connection.isHeld;
  }

  #park(connection: ClientConnection, header: SendHeader, topic: string, bytes: Uint8Array, start: number, end: number): Waiting {
    let topics = this.#waiting.get(connection);
    if (topics === undefined) {
      topics = new Map();
      this.#waiting.set(connection, topics);
      this.isBusy = true;
      if (!this.#heard.has(connection)) {
        this.#heard.add(connection);
        connection.onClose(() => this.#forget(connection));
      }
    }
    // A copy: `slice` of a Buffer would be a view of the read buffer, which the next chunk overwrites.
    const frame = Buffer.from(bytes.subarray(start, end));
    const address = { flag: header.flag, opaque: header.opaque, isBinary: header.isBinary };
    const waiting: Waiting = { frame, address, answer: null, answeredAt: 0 };
    const queue = topics.get(topic);
    if (queue === undefined) topics.set(topic, [waiting]);
    else queue.push(waiting);
    if (++connection.parked >= PARKED_MAX) connection.hold(HOLD_PARKED);
    return waiting;
  }

  #answered(connection: ClientConnection, topic: string, waiting: Waiting, reply: TopicReady | TopicRefused | undefined): void {
    const late = `the topic[${topic}] could not be made within ${CREATE_TIMEOUT_MS} ms; send again later`;
    if (reply === undefined) waiting.answer = { code: responseCode.SYSTEM_BUSY, remark: late };
    else waiting.answer = reply.kind === 'topic-ready' ? 'made' : { code: reply.code, remark: reply.remark };
    waiting.answeredAt = this.#parts.thread.monotonicMs();
    this.#release(connection, topic);
  }

  /**
   * Lets go what may. The registry's answer may come ahead of the topic in this shard's table (both are in the same ring, but the table has a
   * mailbox), and a frame that found the lane full has the others wait behind it: then it is looked at again shortly.
   */
  #release(connection: ClientConnection, topic: string): void {
    const { thread, topics, take, refuse } = this.#parts;
    const queue = this.#waiting.get(connection)?.get(topic);
    if (queue === undefined || this.#releasing !== null) return;
    this.#releasing = queue;
    let done = 0;
    let looksAgain = false;
    for (; done < queue.length && connection.isOpen; done++) {
      const { answer, answeredAt, frame, address } = queue[done]!;
      if (answer === null) break;
      const isKnown = topics.get(topic) !== undefined;
      looksAgain = connection.isStalled || (answer === 'made' && !isKnown && thread.monotonicMs() - answeredAt < TABLE_MAX_MS);
      if (looksAgain) break;
      if (answer !== 'made') refuse(connection, address, answer.code, answer.remark);
      else if (isKnown) take(connection, frame);
      else refuse(connection, address, responseCode.SYSTEM_BUSY, `the topic[${topic}] was made and is gone again; send again later`);
    }
    this.#releasing = null;
    queue.splice(0, done);
    if (connection.isOpen) connection.parked -= done;
    if (queue.length === 0) this.#remove(connection, topic);
    if (looksAgain) thread.schedule(LOOK_MS, () => this.#release(connection, topic));
    if (done > 0 && connection.parked < PARKED_MAX) connection.resume(HOLD_PARKED);
    thread.requestTurn();
  }

  #remove(connection: ClientConnection, topic: string): void {
    const topics = this.#waiting.get(connection);
    topics?.delete(topic);
    if (topics?.size === 0) this.#forget(connection);
  }

  #forget(connection: ClientConnection): void {
    this.#waiting.delete(connection);
    this.isBusy = this.#waiting.size > 0;
  }
}
