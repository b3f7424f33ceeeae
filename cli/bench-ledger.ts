/**
 * What became of each message of a benchmark. Pure; times are parameters. A body begins with the run's id and the message's number, so that other
 * messages of the topic do not count:
 *
 *   0  run     8   random, the same in all bodies of a run
 *   8  number  4   from 0
 *  12  filler  n
 */
import { LatencyHistogram, type Percentiles } from './latency-histogram.ts';

const RUN_BYTES = 8;
const NUMBER_AT = RUN_BYTES;
export const BODY_BYTES_MIN = 12;

const ACKNOWLEDGED = 1;
const RECEIVED = 2;

export type BenchFindings = {
  readonly sent: number;
  readonly failed: number;
  readonly received: number;
  /** Acknowledged and never seen. */
  readonly lost: number;
  /** Seen more than once. */
  readonly duplicates: number;
  /** Seen after one of the same queue that was sent later. */
  readonly outOfOrder: number;
  readonly sendLatency: Percentiles | null;
  readonly endToEndLatency: Percentiles | null;
};

export class BenchLedger {
  readonly #run: Uint8Array;
  readonly #bodyBytes: number;
  readonly #sentAtMs: Float64Array;
  readonly #states: Uint8Array;
  readonly #lastOfQueue: Map<string, number> = new Map();
  readonly #sendLatency = new LatencyHistogram();
  readonly #endToEndLatency = new LatencyHistogram();
  #sent = 0;
  #failed = 0;
  #received = 0;
  #receivedAcknowledged = 0;
  #duplicates = 0;
  #outOfOrder = 0;

  /** @param run RUN_BYTES random bytes. */
  constructor(run: Uint8Array, messages: number, bodyBytes: number) {
    this.#run = run;
    this.#bodyBytes = bodyBytes;
    this.#sentAtMs = new Float64Array(messages);
    this.#states = new Uint8Array(messages);
  }

  get answered(): number {
    return this.#sent + this.#failed;
  }

  get received(): number {
    return this.#received;
  }

  /** Whether every acknowledged message has been seen. */
  get isComplete(): boolean {
    return this.#receivedAcknowledged === this.#sent;
  }

  /** The body of message `number`, which is sent now. */
  begin(number: number, nowMs: number): Uint8Array {
    const body = new Uint8Array(this.#bodyBytes);
    body.set(this.#run);
    new DataView(body.buffer).setUint32(NUMBER_AT, number);
    this.#sentAtMs[number] = nowMs;
    return body;
  }

  acknowledged(number: number, nowMs: number): void {
    this.#sent++;
    this.#sendLatency.record(nowMs - (this.#sentAtMs[number] as number));
    const state = this.#states[number] as number;
    this.#states[number] = state | ACKNOWLEDGED;
    // It may be seen before its acknowledgement.
    if ((state & RECEIVED) !== 0) this.#receivedAcknowledged++;
  }

  failed(): void {
    this.#failed++;
  }

  /** A message that came out of `queue`. */
  seen(body: Uint8Array, queue: string, nowMs: number): void {
    if (body.length !== this.#bodyBytes || !this.#run.every((byte, index) => body[index] === byte)) return;
    const number = new DataView(body.buffer, body.byteOffset).getUint32(NUMBER_AT);
    if (number >= this.#states.length) return;
    const state = this.#states[number] as number;
    if ((state & RECEIVED) !== 0) {
      this.#duplicates++;
      return;
    }
    this.#states[number] = state | RECEIVED;
    this.#received++;
    if ((state & ACKNOWLEDGED) !== 0) this.#receivedAcknowledged++;
    this.#endToEndLatency.record(nowMs - (this.#sentAtMs[number] as number));
    const last = this.#lastOfQueue.get(queue) ?? -1;
    if (number < last) this.#outOfOrder++;
    else this.#lastOfQueue.set(queue, number);
  }

  findings(): BenchFindings {
    return {
      sent: this.#sent,
      failed: this.#failed,
      received: this.#received,
      lost: this.#sent - this.#receivedAcknowledged,
      duplicates: this.#duplicates,
      outOfOrder: this.#outOfOrder,
      sendLatency: this.#sendLatency.percentiles(),
      endToEndLatency: this.#endToEndLatency.percentiles(),
    };
  }
}
