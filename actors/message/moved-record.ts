/**
 * Moved record: a stored record as it is stored once more, in another topic, made of its bytes: a half message that is committed, a parked
 * message whose time has come. Pure; one object is filled again and again. Only records of the first version with IPv4 hosts; what is not
 * plain its user leaves to the general way, which makes objects.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { javaHashBytes, keyHashSeed } from '../../model/java-hash.ts';
import {
  BODY_AT,
  BODY_LENGTH_AT,
  MAGIC_AT,
  PHYSICAL_OFFSET_AT,
  QUEUE_ID_AT,
  QUEUE_OFFSET_AT,
  RECORD_FIXED_BYTES,
  RECORD_MAGIC_V1,
  readInt32,
  readInt64,
  SYS_FLAG_AT,
  TOPIC_V1_BYTES_MAX,
  TOTAL_SIZE_AT,
  writeInt32,
} from '../../model/message-record.ts';
import { type PropertyNames, PropertyRanges } from '../../model/property-ranges.ts';
import { BORN_HOST_V6_FLAG, STORE_HOST_V6_FLAG } from '../../model/system-flag.ts';
import { indexHash } from '../../storage/index/key-hash.ts';

const V6 = BORN_HOST_V6_FLAG | STORE_HOST_V6_FLAG;

export class MovedRecord {
  readonly ranges: PropertyRanges;
  bytes: Uint8Array = new Uint8Array(0);
  /** Where it begins and ends in `bytes`. */
  at = 0;
  end = 0;
  #bodyEnd = 0;
  #propertiesAt = 0;

  constructor(names: PropertyNames) {
    this.ranges = new PropertyRanges(names);
  }

  /** Reads the record at `at`, whose lengths were checked. False: it is for the general way. */
  read(bytes: Uint8Array, at: number): boolean {
    if (readInt32(bytes, at + MAGIC_AT) !== RECORD_MAGIC_V1 || (readInt32(bytes, at + SYS_FLAG_AT) & V6) !== 0) return false;
    this.bytes = bytes;
    this.at = at;
    this.end = at + readInt32(bytes, at + TOTAL_SIZE_AT);
    this.#bodyEnd = at + BODY_AT + readInt32(bytes, at + BODY_LENGTH_AT);
    this.#propertiesAt = this.#bodyEnd + 1 + bytes[this.#bodyEnd]! + 2;
    return this.ranges.read(bytes, this.#propertiesAt, this.end);
  }

  get size(): number {
    return this.end - this.at;
  }

  get queueOffset(): number {
    return readInt64(this.bytes, this.at + QUEUE_OFFSET_AT);
  }

  get sysFlag(): number {
    return readInt32(this.bytes, this.at + SYS_FLAG_AT);
  }

  isOfTopic(name: Uint8Array): boolean {
    if (this.bytes[this.#bodyEnd] !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (this.bytes[this.#bodyEnd + 1 + i] !== name[i]) return false;
    return true;
  }

  /** Java's hash of a value; 0 when there is none. */
  hashOf(meaning: number): number {
    const { ranges } = this;
    return ranges.has(meaning) ? javaHashBytes(this.bytes, ranges.start(meaning), ranges.end(meaning)) : 0;
  }

  /** Of a unique key, as the index wants it; −1 when there is none. @param topicHash of the topic that it goes to */
  indexHashOf(meaning: number, topicHash: number): number {
    const { ranges } = this;
    if (!ranges.has(meaning)) return -1;
    return indexHash(javaHashBytes(this.bytes, ranges.start(meaning), ranges.end(meaning), keyHashSeed(topicHash)));
  }

  /** Whether a topic's name fits a record of this kind. */
  static fits(topic: Uint8Array): boolean {
    return topic.length <= TOPIC_V1_BYTES_MAX;
  }

  /** Size in another topic, without the properties of two meanings (−1: none is left out), and with a tail to them. */
  movedSize(topic: Uint8Array, without: number, orWithout: number, tailBytes: number): number {
    return RECORD_FIXED_BYTES + this.#bodyEnd - this.at - BODY_AT + topic.length + this.propertiesBytes(without, orWithout, tailBytes);
  }

  propertiesBytes(without: number, orWithout: number, tailBytes: number): number {
    return this.end - this.#propertiesAt - this.#itemBytes(without) - this.#itemBytes(orWithout) + tailBytes;
  }

  #itemBytes(meaning: number): number {
    // What ends it goes with it.
    return meaning < 0 || !this.ranges.has(meaning) ? 0 : this.ranges.end(meaning) + 1 - this.ranges.itemStart(meaning);
  }

  /** Writes it so to `target`, from `start` on; offsets are left open. */
  writeMoved(
    topic: Uint8Array,
    queueId: number,
    without: number,
    orWithout: number,
    tail: Uint8Array,
    target: Uint8Array,
    start: number,
  ): void {
    const { bytes, ranges } = this;
    const propertiesBytes = this.propertiesBytes(without, orWithout, tail.length);
    let at = copyBytes(bytes, this.at, this.#bodyEnd, target, start);
    writeInt32(target, start + TOTAL_SIZE_AT, this.movedSize(topic, without, orWithout, tail.length));
    writeInt32(target, start + QUEUE_ID_AT, queueId);
    target.fill(0xff, start + QUEUE_OFFSET_AT, start + PHYSICAL_OFFSET_AT + 8);
    target[at] = topic.length;
    at = copyBytes(topic, 0, topic.length, target, at + 1);
    target[at] = propertiesBytes >>> 8;
    target[at + 1] = propertiesBytes;
    at += 2;
    const isOneGone = without >= 0 && ranges.has(without);
    const isOtherGone = orWithout >= 0 && ranges.has(orWithout);
    const isInOrder = !isOneGone || !isOtherGone || ranges.start(without) < ranges.start(orWithout);
    let from = this.#propertiesAt;
    for (let i = 0; i < 2; i++) {
      const gone = (i === 0) === isInOrder ? without : orWithout;
      if (gone < 0 || !ranges.has(gone)) continue;
      at = copyBytes(bytes, from, ranges.itemStart(gone), target, at);
      from = ranges.end(gone) + 1;
    }
    at = copyBytes(bytes, from, this.end, target, at);
    copyBytes(tail, 0, tail.length, target, at);
  }
}
