/** Has what a pop took judged by filter plugins: a few messages at a time, so that no batch is answered by half. */
import { PHYSICAL_OFFSET_AT, readInt32, readInt64 } from '../../model/message-record.ts';
import { copyRecords, type PluginDoor } from '../filter/plugin-door.ts';

/** A plugin's thread looks at the clock after so many: a batch of no more is judged as a whole. */
const AT_ONCE = 8;

/** `done` is called once, with the physical offsets of what all plugins let through, or null when not all could be judged by `deadlineMs`. */
export function judgePopped(
  door: PluginDoor,
  plugins: readonly string[],
  group: string,
  records: Uint8Array,
  deadlineMs: number,
  done: (passed: ReadonlySet<number> | null) => void,
): void {
  const passed = new Set<number>();
  const starts: number[] = [];
  let count = 0;
  for (let at = 0; at < records.length; at += readInt32(records, at)) if (count++ % AT_ONCE === 0) starts.push(at);
  let left = starts.length;
  let isWhole = true;
  if (left === 0) done(passed);
  starts.forEach((start, i) => {
    const end = starts[i + 1] ?? records.length;
    const bytes = copyRecords(door, records, start, end);
    const all = Number.MAX_SAFE_INTEGER;
    door.judge(plugins, group, bytes, end - start, all, all, deadlineMs, (kept) => {
      if (kept.count < 0 || kept.next >= 0) isWhole = false;
      else for (let at = 0; at < kept.length; at += readInt32(bytes, at)) passed.add(readInt64(bytes, at + PHYSICAL_OFFSET_AT));
      left--;
      if (left === 0) done(isWhole ? passed : null);
    });
  });
}
