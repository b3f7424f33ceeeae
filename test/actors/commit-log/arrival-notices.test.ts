/** When the owners of queues with held pulls are told that messages have come. */
import { test } from 'tap';
import { ARRIVED_RECORD, ArrivalNotices } from '../../../actors/commit-log/arrival-notices.ts';
import type { ThreadContext } from '../../../runtime/thread/thread-context.ts';

class World {
  nowMs = 1_000;
  isFull = false;
  readonly told: { owner: number; handles: number[] }[] = [];
  readonly due: { atMs: number; run: () => void }[] = [];
  readonly notices = new ArrivalNotices(
    {
      monotonicMs: () => this.nowMs,
      schedule: (ms: number, run: () => void) => this.due.push({ atMs: this.nowMs + ms, run }),
      sendRecord: (owner: number, kind: number, bytes: number, write: (bytes: Uint8Array, view: DataView, at: number) => void) => {
        if (this.isFull || kind !== ARRIVED_RECORD) return false;
        const record = new Uint8Array(bytes);
        write(record, new DataView(record.buffer), 0);
        this.told.push({
          owner,
          handles: [...new Int32Array(record.buffer)].map((word) => new DataView(Int32Array.of(word).buffer).getInt32(0)),
        });
        return true;
      },
    } as unknown as ThreadContext,
    8,
  );

  pass(ms: number): void {
    this.nowMs += ms;
    for (const timer of this.due.splice(0)) {
      if (timer.atMs <= this.nowMs) timer.run();
      else this.due.push(timer);
    }
  }

  arrive(queue: number, isSeveral = false): number {
    const before = this.told.length;
    this.notices.add(queue, 1, isSeveral);
    this.notices.send();
    return this.told.length - before;
  }
}

test('ArrivalNotices', async (t) => {
  await t.test('tells a quiet queue at once, a busy one half a millisecond later', async (t) => {
    const world = new World();
    t.equal(world.arrive(3), 1);
    t.same(world.told, [{ owner: 1, handles: [3] }]);
    world.pass(0.2);
    t.equal(world.arrive(3), 0);
    t.equal(world.arrive(4), 1, 'another queue does not wait for it');
    world.pass(0.3);
    world.notices.send();
    t.same(world.told.at(-1)?.handles, [3]);
    world.pass(5);
    t.equal(world.told.length, 3, 'told once');
  });

  await t.test('leaves a queue with several held pulls alone for one and a half milliseconds', async (t) => {
    const world = new World();
    t.equal(world.arrive(3, true), 1);
    world.pass(0.6);
    t.equal(world.arrive(3, true), 0);
    world.pass(0.9);
    world.notices.send();
    t.equal(world.told.length, 2);
  });

  await t.test('goes by the pulls that are held when the next message comes', async (t) => {
    const world = new World();
    world.arrive(3);
    world.pass(0.2);
    world.arrive(3);
    world.pass(0.2);
    world.arrive(3, true);
    world.pass(0.2);
    world.notices.send();
    t.equal(world.told.length, 1, 'several are held by now');
    world.pass(0.9);
    world.notices.send();
    t.equal(world.told.length, 2);
  });

  await t.test('tries a full ring again, and loses nothing', async (t) => {
    const world = new World();
    world.isFull = true;
    t.equal(world.arrive(3), 0);
    world.isFull = false;
    world.pass(2);
    t.same(world.told, [{ owner: 1, handles: [3] }]);
  });
});
