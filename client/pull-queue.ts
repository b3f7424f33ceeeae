/**
 * One queue that a pull consumer has: what was pulled and not yet polled, and how far the program is. A message counts as consumed when the program
 * comes back for more (or commits), so a crash in between repeats it. Bounded by messages and bytes, polled ones included.
 */
import type { MessageQueue } from '../model/queue-id.ts';
import type { SubscriptionData } from '../model/subscription.ts';
import type { ProcessQueueInfo } from '../protocol/remoting/bodies/consumer-running-info.ts';
import type { Member } from './consumer-options.ts';
import type { Message } from './message.ts';
import { QueueProgress } from './queue-progress.ts';
import { QueuePuller } from './queue-puller.ts';

export class PullQueue {
  readonly queue: MessageQueue;
  readonly #puller: QueuePuller;
  readonly #now: () => number;
  #progress: QueueProgress;
  #ready: Message[] = [];
  #first = 0;
  #position: number;
  #isPaused = false;
  #polledAt = 0;

  /** @param onReady called when there is something to poll. */
  constructor(member: Member, queue: MessageQueue, subscription: SubscriptionData, offset: number, onReady: () => void) {
    const { queueBytesMax, queueMessagesMax } = member.settings;
    this.queue = queue;
    this.#now = () => member.core.environment.now();
    this.#progress = new QueueProgress(offset);
    this.#position = offset;
    this.#puller = new QueuePuller(member, queue, subscription, offset, {
      hasRoom: () => !this.#isPaused && this.#progress.messages < queueMessagesMax && this.#progress.bytes < queueBytesMax,
      received: (messages, nextOffset) => {
        for (const message of messages) if (this.#progress.take(message.queueOffset, message.recordBytes)) this.#ready.push(message);
        this.#progress.moveTo(nextOffset);
        if (messages.length > 0) onReady();
      },
      moved: (nextOffset) => this.#restart(nextOffset),
      consumedOffset: () => 0,
    });
  }

  get progress(): QueueProgress {
    return this.#progress;
  }

  /** The offset of the message that the next poll gives. */
  get position(): number {
    return this.#ready[this.#first]?.queueOffset ?? Math.max(this.#position, this.#puller.offset);
  }

  /** For tools. */
  get info(): ProcessQueueInfo {
    return this.#progress.info(false, this.#puller.lastPullAt, this.#polledAt);
  }

  start(): void {
    this.#puller.start();
  }

  stop(): void {
    this.#puller.stop();
  }

  /** What is there is not given out, and no more is pulled. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#puller.wake();
  }

  /** Gives up to `max` messages out, in order. */
  poll(max: number): Message[] {
    if (this.#isPaused) return [];
    const given = this.#ready.slice(this.#first, this.#first + max);
    this.#first += given.length;
    const last = given.at(-1);
    if (last !== undefined) {
      this.#position = last.queueOffset + 1;
      this.#polledAt = this.#now();
    }
    if (this.#first === this.#ready.length) {
      this.#ready = [];
      this.#first = 0;
    }
    return given;
  }

  /** The program is done with a message that it was given; of one from before a seek nothing is noted. */
  done(message: Message, progress: QueueProgress): void {
    progress.done(message.queueOffset);
    this.#puller.wake();
  }

  seek(offset: number): void {
    this.#restart(offset);
    this.#puller.seek(offset);
  }

  #restart(offset: number): void {
    this.#progress = new QueueProgress(offset);
    this.#ready = [];
    this.#first = 0;
    this.#position = offset;
  }
}
