/**
 * The index keys of a record with several KEYS (rare): walks the stored record, for its descriptor has room for one hash only.
 * Source: RocketMQ `IndexService.buildIndex`.
 */

import { javaHashBytes, keyHashSeed } from '../../model/java-hash.ts';
import { RECORD_MAGIC_V2 } from '../../model/message-record.ts';
import { indexHash } from '../../storage/index/key-hash.ts';

const SEPARATOR_NAME = 1;
const SEPARATOR_VALUE = 2;
const BLANK = 32;
const KEYS = [75, 69, 89, 83];

/** Calls `each` with the index hash of every blank-separated item of KEYS of the record at `at`. */
export function forEachKeyHash(bytes: Uint8Array, view: DataView, at: number, each: (hash: number) => void): void {
  const sysFlag = view.getInt32(at + 36);
  const bodyAt = at + 84 + ((sysFlag & 0x10) === 0 ? 0 : 12) + ((sysFlag & 0x20) === 0 ? 0 : 12);
  let cursor = bodyAt + 4 + view.getInt32(bodyAt);
  const isLongTopic = view.getInt32(at + 4) === RECORD_MAGIC_V2;
  const topicBytes = isLongTopic ? view.getUint16(cursor) : bytes[cursor]!;
  cursor += isLongTopic ? 2 : 1;
  const seed = keyHashSeed(javaHashBytes(bytes, cursor, cursor + topicBytes));
  cursor += topicBytes;
  const end = cursor + 2 + view.getUint16(cursor);
  cursor += 2;
  while (cursor < end) {
    let valueEnd = bytes.indexOf(SEPARATOR_VALUE, cursor);
    if (valueEnd < 0 || valueEnd > end) valueEnd = end;
    const isKeys = bytes[cursor + 4] === SEPARATOR_NAME && KEYS.every((byte, i) => bytes[cursor + i] === byte);
    if (isKeys) {
      let item = cursor + 5;
      for (let i = item; i <= valueEnd; i++) {
        if (i < valueEnd && bytes[i] !== BLANK) continue;
        if (i > item) each(indexHash(javaHashBytes(bytes, item, i, seed)));
        item = i + 1;
      }
      return;
    }
    cursor = valueEnd + 1;
  }
}
