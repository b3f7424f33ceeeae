/**
 * Popped messages: gathers what one pop takes of several queues, and puts its answer together. One a pop.
 */
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';
import type { PopReply } from './pop-messages.ts';
import type { PopQueue } from './pop-queue.ts';

export class PoppedMessages {
  readonly #retries: number[] = [];
  readonly #queueIds: number[] = [];
  readonly #starts: number[] = [];
  readonly #counts: number[] = [];
  readonly #offsets: number[] = [];
  readonly #attempts: number[] = [];
  readonly #units: Uint8Array[] = [];
  bytes = 0;

  get count(): number {
    return this.#offsets.length;
  }

  /** Whether some of them were stored once more. */
  get hasRetries(): boolean {
    return this.#retries.some((retry) => retry > 0);
  }

  /**
   * @param units of the messages, back to back
   * @param attempts deliveries that each has had before, of an ordered pop; else empty
   */
  add(queue: PopQueue, offsets: readonly number[], units: Uint8Array, bytes: number, attempts: readonly number[]): void {
    this.#retries.push(queue.ledger.retry);
    this.#queueIds.push(queue.ledger.queueId);
    this.#starts.push(offsets[0]!);
    this.#counts.push(offsets.length);
    this.#offsets.push(...offsets);
    this.#attempts.push(...attempts);
    this.#units.push(units);
    this.bytes += bytes;
  }

  reply(
    asked: { readonly ticket: number; readonly invisibleMs: number },
    popTime: number,
    reviveQueueId: number,
    rest: number,
    status: PopReply['status'] = 'found',
  ): PopReply {
    const units = this.#units.length === 1 ? this.#units[0]! : new Uint8Array(this.count * QUEUE_UNIT_BYTES);
    let at = 0;
    for (const part of this.#units.length === 1 ? [] : this.#units) {
      units.set(part, at);
      at += part.length;
    }
    return {
      kind: 'pop-reply',
      ticket: asked.ticket,
      status,
      popTime,
      invisibleMs: asked.invisibleMs,
      reviveQueueId,
      rest,
      retries: this.#retries,
      queueIds: this.#queueIds,
      starts: this.#starts,
      counts: this.#counts,
      offsets: this.#offsets,
      attempts: this.#attempts,
      units,
    };
  }
}
