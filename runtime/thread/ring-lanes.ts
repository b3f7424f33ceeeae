/**
 * Ring lanes: one thread's ends of all its rings: a writer to each other thread, a reader from each, and a ring to itself when it needs one. One a
 * thread. Publishes once a turn and wakes whoever sleeps on what was published. Fails by UNKNOWN_THREAD for a thread that does not exist.
 */
import { RuntimeError } from '../errors.ts';
import { type RecordSink, RingReader, RingWriter } from '../ring/ring-buffer.ts';
import { createRing } from '../ring/ring-layout.ts';
import type { ThreadParts } from './thread-parts.ts';
import { wake } from './wake-up.ts';

/** Records taken from one ring before the others have theirs. */
const RECORDS_A_RING = 256;
/** Records taken in a turn: not more than a mailbox of the usual size takes, should all be for one actor. */
const RECORDS_A_TURN = 1024;
/** Shorter records are copied by a loop: a view for `set` would cost more than the copy. */
const COPIED_BY_LOOP_MAX = 128;

export type RingLanesParts = Pick<ThreadParts, 'index' | 'generation' | 'words' | 'ringBytes' | 'ringsIn' | 'ringsOut'>;

export class RingLanes {
  /** How often a record was refused because its ring was full. */
  full = 0;
  readonly #parts: RingLanesParts;
  readonly #words: Int32Array;
  readonly #index: number;
  readonly #writers: (RingWriter | undefined)[];
  readonly #readers: RingReader[] = [];
  #first = 0;
  /** Indices of threads whose ring holds unpublished records. */
  readonly #unpublished: number[] = [];
  readonly #isUnpublished: Uint8Array;

  constructor(parts: RingLanesParts) {
    this.#parts = parts;
    this.#words = parts.words;
    this.#index = parts.index;
    this.#writers = parts.ringsOut.map((ring) => (ring === undefined ? undefined : new RingWriter(ring, parts.generation)));
    this.#isUnpublished = new Uint8Array(parts.ringsOut.length);
    parts.ringsIn.forEach((ring, from) => {
      if (ring !== undefined) this.#readers.push(new RingReader(ring, from));
    });
  }

  /** Whether records wait for `publish`. */
  get hasUnpublished(): boolean {
    return this.#unpublished.length > 0;
  }

  /** Whether another thread has published something that `drain` would find. */
  get hasRecords(): boolean {
    const readers = this.#readers;
    for (let i = 0; i < readers.length; i++) if ((readers[i] as RingReader).hasRecords) return true;
    return false;
  }

  /** A record that `write` fills in place. False: the ring is full. */
  write(thread: number, type: number, length: number, write: (bytes: Uint8Array, view: DataView, offset: number) => void): boolean {
    const writer = this.#writerTo(thread);
    const offset = writer.reserve(length);
    if (offset < 0) return this.#refuse(writer, thread);
    write(writer.bytes, writer.view, offset);
    writer.commit(type);
    this.#note(thread);
    return true;
  }

  /** A record of the first `length` bytes of `from`. False: the ring is full. */
  copy(thread: number, type: number, from: Uint8Array, length: number): boolean {
    const writer = this.#writerTo(thread);
    const offset = writer.reserve(length);
    if (offset < 0) return this.#refuse(writer, thread);
    const to = writer.bytes;
    if (length > COPIED_BY_LOOP_MAX) to.set(from.subarray(0, length), offset);
    else for (let i = 0; i < length; i++) to[offset + i] = from[i] as number;
    writer.commit(type);
    this.#note(thread);
    return true;
  }

  /** Gives what other threads have published to `sink`, a bounded number, each ring its share. True: there was something. */
  drain(sink: RecordSink): boolean {
    const readers = this.#readers;
    let left = RECORDS_A_TURN;
    // Another ring is first each time: the last one must not starve when the bound is reached before it.
    if (++this.#first >= readers.length) this.#first = 0;
    for (let i = 0, at = this.#first; i < readers.length && left > 0; i++) {
      left -= (readers[at] as RingReader).drain(sink, Math.min(left, RECORDS_A_RING));
      if (++at === readers.length) at = 0;
    }
    return left < RECORDS_A_TURN;
  }

  /** Shows what was written since the last time, and wakes who sleeps on it. */
  publish(): void {
    const unpublished = this.#unpublished;
    if (unpublished.length === 0) return;
    for (let i = 0; i < unpublished.length; i++) {
      const thread = unpublished[i] as number;
      this.#isUnpublished[thread] = 0;
      this.#show(this.#writers[thread] as RingWriter, thread);
    }
    unpublished.length = 0;
  }

  #show(writer: RingWriter, thread: number): void {
    // The head is stored before the sleeper's word is loaded: see wake-up.ts.
    if (writer.publish() && thread !== this.#index) wake(this.#words, thread);
  }

  /** What is there must become visible now: only the consumer can make room. */
  #refuse(writer: RingWriter, thread: number): false {
    this.full++;
    this.#show(writer, thread);
    return false;
  }

  #note(thread: number): void {
    if (this.#isUnpublished[thread] === 1) return;
    this.#isUnpublished[thread] = 1;
    this.#unpublished.push(thread);
  }

  #writerTo(thread: number): RingWriter {
    const writer = this.#writers[thread];
    if (writer !== undefined) return writer;
    if (thread !== this.#index) throw new RuntimeError('MQ_RUNTIME_UNKNOWN_THREAD', `There is no thread ${thread}`, { thread });
    // Records to oneself are rare: their ring is made when the first is sent.
    const ring = createRing(this.#parts.ringBytes);
    const own = new RingWriter(ring, this.#parts.generation);
    this.#writers[thread] = own;
    this.#readers.push(new RingReader(ring, thread));
    return own;
  }
}
