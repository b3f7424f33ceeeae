/**
 * One queue that a push consumer has: what was pulled of it, what its handlers do with it, and how far it is. Concurrent: each message is a job of its
 * own. Orderly: one after another, and only while the broker's lock is held. Ends with `stop`: what has not begun is dropped, for it
 * comes again to whoever gets the queue. Source: RocketMQ 5.3 `ConsumeMessageConcurrentlyService`, `ConsumeMessageOrderlyService`.
 */
import type { MessageQueue } from '../model/queue-id.ts';
import type { SubscriptionData } from '../model/subscription.ts';
import type { ProcessQueueInfo } from '../protocol/remoting/bodies/consumer-running-info.ts';
import type { Member } from './consumer-options.ts';
import type { HandlerSlots } from './handler-slots.ts';
import type { Message } from './message.ts';
import { QueueProgress } from './queue-progress.ts';
import { QueuePuller } from './queue-puller.ts';

/** Offsets between the first message that is not done and the last one pulled. */
const SPAN_MAX = 2_000;
/** An orderly queue looks for its lock again after this. */
const LOCK_POLL_MS = 100;

export type PushQueueOwner = {
  readonly member: Member;
  readonly slots: HandlerSlots;
  /** Null: concurrent. Else asked before each message. */
  readonly isLocked: ((queue: MessageQueue) => boolean) | null;
  isPaused(): boolean;
  /** Resolves when the message is done with, whatever became of it; true: it counts as consumed. False: try it again, after a pause. */
  consume(message: Message, attempt: number): Promise<boolean>;
  pulled(topic: string, messages: number): void;
  /** How long to wait before a message is tried again here, in milliseconds. */
  readonly againMs: number;
};

export class PushQueue {
  readonly queue: MessageQueue;
  readonly #owner: PushQueueOwner;
  readonly #puller: QueuePuller;
  #progress: QueueProgress;
  #waiting: Message[] = [];
  #isStopped = false;
  #ordered: Promise<void> | null = null;
  #consumedAt = 0;

  constructor(owner: PushQueueOwner, queue: MessageQueue, subscription: SubscriptionData, offset: number) {
    this.queue = queue;
    this.#owner = owner;
    this.#progress = new QueueProgress(offset);
    this.#puller = new QueuePuller(owner.member, queue, subscription, offset, {
      hasRoom: () => this.#hasRoom(),
      received: (messages, nextOffset) => this.#received(messages, nextOffset),
      moved: (nextOffset) => this.#restart(nextOffset),
      consumedOffset: () => this.#progress.consumedOffset,
    });
  }

  get progress(): QueueProgress {
    return this.#progress;
  }

  /** For tools. */
  get info(): ProcessQueueInfo {
    return this.#progress.info(this.#owner.isLocked?.(this.queue) ?? false, this.#puller.lastPullAt, this.#consumedAt);
  }

  start(): void {
    this.#puller.start();
  }

  /** Pulls on when there is room. */
  wake(): void {
    this.#puller.wake();
  }

  /** Goes on at `offset`; what is held no longer counts. */
  seek(offset: number): void {
    this.#restart(offset);
    this.#puller.seek(offset);
  }

  /** No more is pulled and no more begins; resolves when an orderly handler that runs has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#puller.stop();
    this.#waiting = [];
    if (this.#ordered !== null) await this.#ordered;
  }

  #hasRoom(): boolean {
    const { queueBytesMax, queueMessagesMax } = this.#owner.member.settings;
    const { bytes, messages, span } = this.#progress;
    if (this.#owner.isPaused() || messages >= queueMessagesMax || bytes >= queueBytesMax) return false;
    return this.#owner.isLocked !== null || span < SPAN_MAX;
  }

  #restart(offset: number): void {
    this.#progress = new QueueProgress(offset);
    this.#waiting = [];
  }

  #received(messages: readonly Message[], nextOffset: number): void {
    const progress = this.#progress;
    const isOrdered = this.#owner.isLocked !== null;
    this.#owner.pulled(this.queue.topic, messages.length);
    for (const message of messages) {
      if (!progress.take(message.queueOffset, message.recordBytes)) continue;
      if (isOrdered) this.#waiting.push(message);
      else void this.#consume(message, progress);
    }
    progress.moveTo(nextOffset);
    if (isOrdered && this.#waiting.length > 0) this.#ordered ??= this.#consumeInOrder();
  }

  async #consume(message: Message, progress: QueueProgress): Promise<void> {
    const { againMs, member, slots } = this.#owner;
    for (let attempt = 0; ; attempt++) {
      await slots.enter();
      let isDone: boolean;
      try {
        if (this.#isStopped || progress !== this.#progress) return;
        isDone = await this.#owner.consume(message, attempt);
      } finally {
        slots.leave();
      }
      if (isDone) break;
      await member.core.pause(againMs);
      if (member.core.isClosed) return;
    }
    this.#consumedAt = member.core.environment.now();
    progress.done(message.queueOffset);
    this.#puller.wake();
  }

  async #consumeInOrder(): Promise<void> {
    const { againMs, isLocked, member, slots } = this.#owner;
    let attempt = 0;
    for (;;) {
      const progress = this.#progress;
      const message = this.#waiting[0];
      if (message === undefined || this.#isStopped || member.core.isClosed) break;
      if (isLocked?.(this.queue) === false) {
        await member.core.pause(LOCK_POLL_MS);
        continue;
      }
      await slots.enter();
      let isDone: boolean;
      try {
        if (this.#isStopped || progress !== this.#progress || isLocked?.(this.queue) === false) continue;
        isDone = await this.#owner.consume(message, attempt);
      } finally {
        slots.leave();
      }
      // A seek meanwhile has made another list.
      if (progress !== this.#progress) {
        attempt = 0;
      } else if (isDone) {
        attempt = 0;
        this.#waiting.shift();
        this.#consumedAt = member.core.environment.now();
        progress.done(message.queueOffset);
        this.#puller.wake();
      } else {
        attempt++;
        await member.core.pause(againMs);
      }
    }
    this.#ordered = null;
  }
}
