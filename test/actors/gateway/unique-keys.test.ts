import { test } from 'tap';
import { UniqueKeys } from '../../../actors/gateway/record-writer.ts';
import { monthAround } from '../../../runtime/clock.ts';

/** As Java's `MessageClientIDSetter.getNearlyTimeFromID`, for a key of the running month. */
const timeOf = (key: string, nowMs: number): number => monthAround(nowMs).startMs + Number.parseInt(key.slice(20, 28), 16);

test('UniqueKeys holds address, process, shard, the time within the month, and a counter', async (t) => {
  const keys = new UniqueKeys(Uint8Array.of(127, 0, 0, 1), 0x1234, 7);
  for (const now of [1_600_000_000_000, 1_600_000_000_001, Date.UTC(2026, 1, 28, 23, 59), Date.UTC(2026, 2, 3), Date.UTC(2026, 0, 15)]) {
    const key = keys.next(now);
    t.match(key, /^7F000001123400000007[0-9A-F]{12}$/);
    t.equal(timeOf(key, now), now, 'tools look for the message around the time that its key says');
  }
  t.not(keys.next(5), keys.next(5));
});
