/**
 * Arrival notices: which queues with held pulls have got messages, collected over a turn of the log worker and told to each owner
 * with one raw record. The owner of a busy queue is told at most once in a while; a full ring is tried again, for the log worker
 * waits for nobody.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';

/** Raw ring record to a shard: handles (int32 each) of queues with held pulls that have got messages. */
export const ARRIVED_RECORD = 1;
/** Handles in one record. */
const HANDLES_MAX = 1024;
/** A full ring is tried again after this long. */
const AGAIN_MS = 2;
/**
 * Held pulls of one queue are woken at most once in this time: a busy queue's consumers get a few messages an answer instead of
 * one, while a message to a quiet queue goes out at once. Who pulls meanwhile is answered at once all the same.
 */
const WAKE_QUEUE_MS = 0.5;
/** The same where several pulls are held: each notice costs an answer, and a new pull, for every one of them. */
const WAKE_SEVERAL_MS = 1.5;

export class ArrivalNotices {
  readonly #thread: ThreadContext;
  readonly #byOwner: Map<number, number[]> = new Map();
  /** By handle: when the owner was told last, and how long after it the next notice waits; 0: none does. */
  readonly #toldAt: Float64Array;
  readonly #apartMs: Float32Array;
  /** Queues told so lately that they wait, with their owners. */
  readonly #waiting: number[] = [];
  #isRetrying = false;
  #isScheduled = false;

  constructor(thread: ThreadContext, queueMax: number) {
    this.#thread = thread;
    this.#toldAt = new Float64Array(queueMax);
    this.#apartMs = new Float32Array(queueMax);
  }

  /** @param isSeveral several pulls are held there */
  add(queue: number, owner: number, isSeveral: boolean): void {
    const apartMs = isSeveral ? WAKE_SEVERAL_MS : WAKE_QUEUE_MS;
    if (this.#apartMs[queue]! > 0) {
      this.#apartMs[queue] = apartMs;
      return;
    }
    const now = this.#thread.monotonicMs();
    if (now - this.#toldAt[queue]! < apartMs) {
      this.#apartMs[queue] = apartMs;
      this.#waiting.push(queue, owner);
      return;
    }
    this.#toldAt[queue] = now;
    this.#put(queue, owner);
  }

  /** Queues whose time has come. */
  #due(): void {
    const now = this.#thread.monotonicMs();
    let kept = 0;
    for (let i = 0; i < this.#waiting.length; i += 2) {
      const queue = this.#waiting[i]!;
      const owner = this.#waiting[i + 1]!;
      if (now - this.#toldAt[queue]! >= this.#apartMs[queue]!) {
        this.#toldAt[queue] = now;
        this.#apartMs[queue] = 0;
        this.#put(queue, owner);
      } else {
        this.#waiting[kept++] = queue;
        this.#waiting[kept++] = owner;
      }
    }
    this.#waiting.length = kept;
    if (kept === 0 || this.#isScheduled) return;
    this.#isScheduled = true;
    this.#thread.schedule(1, () => {
      this.#isScheduled = false;
      this.send();
    });
  }

  #put(queue: number, owner: number): void {
    const queues = this.#byOwner.get(owner);
    if (queues === undefined) this.#byOwner.set(owner, [queue]);
    else queues.push(queue);
  }

  send(): void {
    if (this.#waiting.length > 0) this.#due();
    for (const [owner, queues] of this.#byOwner) {
      while (queues.length > 0) {
        const handles = queues.slice(0, HANDLES_MAX);
        const isSent = this.#thread.sendRecord(owner, ARRIVED_RECORD, handles.length * 4, (_bytes, view, offset) => {
          for (let i = 0; i < handles.length; i++) view.setInt32(offset + i * 4, handles[i]!);
        });
        if (!isSent) {
          this.#later();
          return;
        }
        queues.splice(0, handles.length);
      }
    }
  }

  /** The ring to an owner is full: the log worker does not wait for it. */
  #later(): void {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    this.#thread.schedule(AGAIN_MS, () => {
      this.#isRetrying = false;
      this.send();
    });
  }
}
