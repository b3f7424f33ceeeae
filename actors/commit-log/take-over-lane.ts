/**
 * Take-over of a lane: a log worker that died has left its records half sequenced. What it wrote before the log's written end is in the log, even if
 * it did not come to say so: its units are brought up. What it gave a place to and did not write loses the place, and so does an answer that
 * it did not come to give. Runs on the successor's thread before it writes anything. Cannot fail.
 */
import { readInt64 } from '../../model/message-record.ts';
import type { TailWriter } from '../queue/tail-writer.ts';
import { dueTime } from './due-time.ts';
import {
  D_FLAGS,
  D_KEY_HASH,
  D_OFFSET_HI,
  D_OFFSET_LO,
  D_OUTCOME,
  D_PHYSICAL_HI,
  D_PHYSICAL_LO,
  D_POSITION,
  D_QUEUE,
  D_SIZE,
  D_TAG,
  FLAG_BORN_V6,
  FLAG_DELAYED,
  FLAG_NO_DISPATCH,
  FLAG_TIMED,
  type LaneView,
  NO_PLACE,
  OUTCOME_NO_QUEUE,
} from './log-lane.ts';

const TWO_32 = 0x1_0000_0000;

/** @param end the log's written end. Gives the count behind the lane's last record in the log, for `closeLane`. */
export function takeOverLane(lane: LaneView, end: number, queues: TailWriter, delayLevelsMs: readonly number[]): number {
  const words = lane.descriptors;
  const head = lane.published();
  let count = lane.written();
  for (; count !== head; count = (count + 1) | 0) {
    const at = lane.descriptorAt(count);
    // Passed over in the middle of a run: what follows it may be written.
    if (words[at + D_OUTCOME] === OUTCOME_NO_QUEUE) continue;
    const high = words[at + D_PHYSICAL_HI]!;
    const low = words[at + D_PHYSICAL_LO]!;
    const size = words[at + D_SIZE]!;
    if (high === NO_PLACE || high * TWO_32 + (low >>> 0) + size > end) break;
    const handle = words[at + D_QUEUE]!;
    const offset = words[at + D_OFFSET_HI]! * TWO_32 + (words[at + D_OFFSET_LO]! >>> 0);
    const flags = words[at + D_FLAGS]!;
    if ((flags & FLAG_NO_DISPATCH) !== 0 || queues.peek(handle) !== offset) continue;
    let tagLow = words[at + D_TAG]!;
    let tagHigh = tagLow >> 31;
    if ((flags & FLAG_DELAYED) !== 0) {
      const timeAt = (words[at + D_POSITION]! & lane.byteMask) + ((flags & FLAG_BORN_V6) === 0 ? 56 : 68);
      const due = dueTime(delayLevelsMs, tagLow, readInt64(lane.bytes, timeAt));
      tagHigh = Math.floor(due / TWO_32);
      tagLow = due | 0;
    } else if ((flags & FLAG_TIMED) !== 0) tagHigh = words[at + D_KEY_HASH]!;
    queues.take(handle);
    queues.append(handle, offset, high, low, size, tagHigh, tagLow);
  }
  return count;
}

/**
 * Takes back what the dead worker took and did not write, and moves the lane's mark to `count`, so that what it wrote is answered. Behind the units: should
 * this worker end before it has shown them, the next one finds by the mark what has none yet.
 */
export function closeLane(lane: LaneView, count: number): void {
  const head = lane.published();
  for (let left = count; left !== head; left = (left + 1) | 0) {
    const at = lane.descriptorAt(left);
    lane.descriptors[at + D_PHYSICAL_HI] = NO_PLACE;
    // The dead worker may have been about to refuse it: nobody was told.
    lane.descriptors[at + D_OUTCOME] = 0;
  }
  lane.setWritten(count);
}
