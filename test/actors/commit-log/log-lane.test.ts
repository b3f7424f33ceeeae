import { test } from 'tap';
import {
  allocateLane,
  D_FLAGS,
  D_PHYSICAL_HI,
  D_POSITION,
  D_SIZE,
  LaneProducer,
  LaneView,
  NO_PLACE,
} from '../../../actors/commit-log/log-lane.ts';

const MIB = 1 << 20;

test('LaneProducer publishes records by one count, whole and in order', (t) => {
  const memory = allocateLane(MIB, 16);
  const producer = new LaneProducer(memory);
  const consumer = new LaneView(memory);
  for (const size of [100, 200, 300]) {
    t.ok(producer.reserve(size) >= 0, 'there is room');
    const at = producer.commit(size);
    producer.lane.descriptors[at + D_FLAGS] = size;
  }
  t.equal(consumer.published(), 0, 'nothing shows before it is published');
  t.ok(producer.publish(), 'there was something to publish');
  t.equal(consumer.published(), 3, 'all three at once');
  t.notOk(producer.publish(), 'and only once');
  const positions = [0, 1, 2].map((count) => consumer.descriptors[consumer.descriptorAt(count) + D_POSITION]);
  t.same(positions, [0, 100, 300], 'back to back, so that one write takes them');
  t.equal(consumer.descriptors[consumer.descriptorAt(0) + D_PHYSICAL_HI], NO_PLACE, 'none has a place in the log yet');
  t.end();
});

test('LaneProducer refuses what does not fit until records are released', (t) => {
  const producer = new LaneProducer(allocateLane(MIB, 8));
  const size = 200 * 1024;
  for (let i = 0; i < 5; i++) {
    t.ok(producer.reserve(size) >= 0);
    producer.commit(size);
  }
  t.equal(producer.reserve(size), -1, 'the sixth would overwrite the first');
  producer.release(2);
  t.equal(producer.reserve(size), 0, 'from the beginning again, for a record never straddles the end');
  t.equal(producer.pending, 3);
  producer.commit(size);
  t.equal(producer.reserve(size), size, 'the second one behind it');
  producer.commit(size);
  t.equal(producer.reserve(size), -1, 'and no third');
  t.end();
});

test('LaneProducer refuses more records than there are descriptors', (t) => {
  const producer = new LaneProducer(allocateLane(MIB, 4));
  for (let i = 0; i < 4; i++) {
    t.ok(producer.reserve(10) >= 0);
    producer.commit(10);
  }
  t.equal(producer.reserve(10), -1);
  t.end();
});

test('LaneProducer takes back a batch of which nothing was published', (t) => {
  const producer = new LaneProducer(allocateLane(MIB, 8));
  producer.reserve(10);
  producer.commit(10);
  const begin = producer.head;
  producer.reserve(20);
  producer.commit(20);
  producer.reserve(30);
  producer.commit(30);
  producer.rollBack(begin);
  t.equal(producer.head, 1);
  t.equal(producer.reserve(5), 10, 'the room is free again');
  t.end();
});

test('LaneView says that bytes are no longer whole once the producer may overwrite them', (t) => {
  const memory = allocateLane(MIB, 64);
  const producer = new LaneProducer(memory);
  const reader = new LaneView(memory);
  const size = 100 * 1024;
  const lapRecords = 10;
  for (let i = 0; i < lapRecords; i++) {
    producer.reserve(size);
    producer.commit(size);
  }
  t.ok(reader.intact(0), 'nothing was overwritten yet');
  producer.release(lapRecords);
  producer.reserve(size);
  t.notOk(reader.intact(0), 'said before the first byte changes');
  t.ok(reader.intact(9 * size), 'the newest ones are still whole');
  t.end();
});

test('LaneProducer wraps its positions past 2^32 and its counts past 2^31', (t) => {
  const memory = allocateLane(MIB, 64);
  // A former life that ended just before both wraps.
  const view = new LaneView(memory);
  const count = 0x7fff_fffe;
  Atomics.store(view.control, 0, count);
  Atomics.store(view.control, 16, count);
  Atomics.store(view.control, 32, -4 * MIB);
  Atomics.store(view.control, 48, 1);
  const last = view.descriptorAt(count - 1);
  view.descriptors[last + D_POSITION] = -1000;
  view.descriptors[last + D_SIZE] = 500;
  const producer = new LaneProducer(memory);
  const released: number[] = [];
  for (let i = 0; i < 40; i++) {
    const index = producer.reserve(300_000);
    if (index < 0) {
      producer.release((producer.tail + 1) | 0);
      released.push(i);
      continue;
    }
    producer.commit(300_000);
    producer.publish();
    t.equal(view.published(), producer.head, 'the count is what the consumer sees');
  }
  t.ok(producer.head < 0, 'the count has wrapped');
  t.ok(producer.pending <= 3 && producer.pending > 0, 'and the difference is still right');
  t.end();
});

test('LaneProducer turns early when its records are released as fast as they come, and not before', (t) => {
  const memory = allocateLane(32 * MIB, 1024);
  const producer = new LaneProducer(memory);
  const size = MIB;
  const index = (): number => {
    const at = producer.reserve(size);
    if (at >= 0) producer.commit(size);
    return at / MIB;
  };
  const places = [];
  for (let i = 0; i < 10; i++) {
    places.push(index());
    producer.release(producer.head);
  }
  t.same(places, [0, 1, 2, 3, 4, 5, 6, 7, 0, 1], 'the first 8 MiB only');
  t.ok(new LaneView(memory).intact(3 * MIB), 'what lies behind the new records is whole');
  t.notOk(new LaneView(memory).intact(0), 'what they overwrote is not');
  const slow = new LaneProducer(allocateLane(32 * MIB, 1024));
  const far = [];
  for (let i = 0; i < 33; i++) {
    const at = slow.reserve(size);
    if (at >= 0) slow.commit(size);
    far.push(at / MIB);
  }
  t.same(far.slice(6, 10), [6, 7, 8, 9], 'nothing is released: on into the rest');
  t.ok(far[32]! < 0, 'until it is full');
  t.end();
});
