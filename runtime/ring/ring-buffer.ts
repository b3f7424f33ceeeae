/**
 * The two ends of one ring (layout in ring-layout.ts). A RingWriter is owned by the producing thread, a RingReader by the consuming one.
 * Nothing is locked: a thread that dies leaves at most a record that was never published, which the next owner overwrites.
 * Fails by RuntimeError only when the memory holds what no writer wrote.
 */
import { RuntimeError } from '../errors.ts';
import {
  DATA_BYTES,
  GENERATION_WORD,
  HEAD_WORD,
  PROGRESS_WORD,
  RECORD_HEADER_BYTES,
  type RingMemory,
  recordBytesMax,
  TAIL_WORD,
  WRAP_MARK,
} from './ring-layout.ts';

/** The producing end. `reserve`, fill, `commit`, …, `publish`. */
export class RingWriter {
  /** The ring's memory, header included: offsets given by `reserve` count from its begin. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly recordMax: number;
  readonly #words: Int32Array;
  readonly #capacity: number;
  readonly #mask: number;
  #head: number;
  #published: number;
  /** The consumer's position as last seen: reading the shared word only when this one says full keeps its cache line still. */
  #seenTail: number;
  #reserved = -1;
  #reservedBytes = 0;

  /** Takes the lane over at its published head: what a dead predecessor had not published is overwritten. */
  constructor(ring: RingMemory, generation = 0) {
    this.#capacity = ring.byteLength - DATA_BYTES;
    this.#mask = this.#capacity - 1;
    this.recordMax = recordBytesMax(this.#capacity);
    this.bytes = ring;
    this.view = new DataView(ring.buffer, ring.byteOffset, ring.byteLength);
    this.#words = new Int32Array(ring.buffer, ring.byteOffset, ring.byteLength / 4);
    // Pairs with `publish` of the predecessor, which ended before this thread was started.
    this.#head = Atomics.load(this.#words, HEAD_WORD);
    this.#published = this.#head;
    this.#seenTail = Atomics.load(this.#words, TAIL_WORD);
    // Pairs with `RingReader.generation`: only shown, nothing breaks without it.
    Atomics.store(this.#words, GENERATION_WORD, generation);
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Whether records wait for `publish`. */
  get hasUnpublished(): boolean {
    return this.#head !== this.#published;
  }

  /** Where `length` bytes of payload may be written, or −1: full, or larger than `recordMax`. */
  reserve(length: number): number {
    if (length > this.recordMax || length < 0) return -1;
    const size = RECORD_HEADER_BYTES + ((length + 7) & ~7);
    const at = this.#head & this.#mask;
    const toEnd = this.#capacity - at;
    const needed = size <= toEnd ? size : toEnd + size;
    if (this.#capacity - ((this.#head - this.#seenTail) | 0) < needed) {
      // Pairs with the store of TAIL in `RingReader.drain`: what lies before it has been read and may be overwritten.
      this.#seenTail = Atomics.load(this.#words, TAIL_WORD);
      if (this.#capacity - ((this.#head - this.#seenTail) | 0) < needed) return -1;
    }
    if (size <= toEnd) {
      this.#reserved = at;
    } else {
      this.#words[(DATA_BYTES + at) >> 2] = WRAP_MARK;
      this.#head = (this.#head + toEnd) | 0;
      this.#reserved = 0;
    }
    this.#reservedBytes = length;
    return DATA_BYTES + this.#reserved + RECORD_HEADER_BYTES;
  }

  /** Ends the record begun by `reserve`. It travels with the next `publish`. `length` may be less than reserved. */
  commit(type: number, length: number = this.#reservedBytes): void {
    const word = (DATA_BYTES + this.#reserved) >> 2;
    this.#words[word] = length;
    this.#words[word + 1] = type;
    this.#head = (this.#head + RECORD_HEADER_BYTES + ((length + 7) & ~7)) | 0;
  }

  /** Shows all committed records to the consumer. False: there was none. */
  publish(): boolean {
    if (this.#head === this.#published) return false;
    this.#published = this.#head;
    // Pairs with the load of HEAD in `RingReader`: everything written before is seen by whoever sees this head.
    // Sequentially consistent against the sleeper's word (wake-up.ts): a weaker store could pass the load that follows it.
    Atomics.store(this.#words, HEAD_WORD, this.#head);
    return true;
  }
}

/** Takes one record: `type` and `length` bytes at `offset` of `bytes`, valid during the call only. */
export interface RecordSink {
  record(bytes: Uint8Array, view: DataView, offset: number, length: number, type: number, fromThread: number): void;
}

/** The consuming end. */
export class RingReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly fromThread: number;
  readonly #words: Int32Array;
  readonly #capacity: number;
  readonly #mask: number;
  readonly #recordMax: number;
  #tail: number;

  /** Goes on behind the record that a predecessor took up last. */
  constructor(ring: RingMemory, fromThread: number) {
    this.fromThread = fromThread;
    this.#capacity = ring.byteLength - DATA_BYTES;
    this.#mask = this.#capacity - 1;
    this.#recordMax = recordBytesMax(this.#capacity);
    this.bytes = ring;
    this.view = new DataView(ring.buffer, ring.byteOffset, ring.byteLength);
    this.#words = new Int32Array(ring.buffer, ring.byteOffset, ring.byteLength / 4);
    this.#tail = Atomics.load(this.#words, PROGRESS_WORD);
    // Pairs with the producer's load of TAIL in `reserve`: gives back what a dead predecessor had taken up.
    Atomics.store(this.#words, TAIL_WORD, this.#tail);
  }

  /** Generation of the producer that attached last. */
  get generation(): number {
    return Atomics.load(this.#words, GENERATION_WORD);
  }

  /** Whether a published record waits. */
  get hasRecords(): boolean {
    // Pairs with `RingWriter.publish`; also the sleeper's recheck after it has declared itself asleep (wake-up.ts).
    return Atomics.load(this.#words, HEAD_WORD) !== this.#tail;
  }

  /** Gives up to `recordsMax` published records to `sink`, in order; gives back how many. A record whose sink throws counts as read. */
  drain(sink: RecordSink, recordsMax: number): number {
    const words = this.#words;
    // Pairs with `RingWriter.publish`: the records before this head are wholly written.
    const head = Atomics.load(words, HEAD_WORD);
    let tail = this.#tail;
    if (tail === head) return 0;
    let released = tail;
    let count = 0;
    try {
      while (tail !== head && count < recordsMax) {
        const at = tail & this.#mask;
        const word = (DATA_BYTES + at) >> 2;
        const length = words[word] as number;
        if (length === WRAP_MARK) {
          tail = (tail + this.#capacity - at) | 0;
          continue;
        }
        const next = (tail + RECORD_HEADER_BYTES + ((length + 7) & ~7)) | 0;
        if (length < 0 || length > this.#recordMax || ((head - next) | 0) < 0) this.#corrupt(at, length);
        tail = next;
        words[PROGRESS_WORD] = next;
        count++;
        sink.record(this.bytes, this.view, DATA_BYTES + at + RECORD_HEADER_BYTES, length, words[word + 1] as number, this.fromThread);
        if (((tail - released) | 0) > this.#capacity >> 2) {
          released = tail;
          // Pairs with the load of TAIL in `reserve`: gives room back early when much is drained at once.
          Atomics.store(words, TAIL_WORD, tail);
        }
      }
    } finally {
      this.#tail = tail;
      words[PROGRESS_WORD] = tail;
      // Pairs with the load of TAIL in `reserve`: without it the ring stays full for ever.
      Atomics.store(words, TAIL_WORD, tail);
    }
    return count;
  }

  #corrupt(at: number, length: number): never {
    throw new RuntimeError('MQ_RUNTIME_RING_CORRUPT', `A ring record at ${at} has the impossible length ${length}`, {
      at,
      length,
      fromThread: this.fromThread,
    });
  }
}
