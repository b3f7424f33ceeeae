import { test } from 'tap';
import { type KnownQueues, type ServedShard, type Serving, ShardActor, type ShardCommand } from '../../../actors/shard/shard-actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';
import type { ThreadContext } from '../../../runtime/thread/thread-context.ts';

const SHARD: ServedShard = { listen: () => Promise.resolve(), refuseSends: () => {}, stopSends: () => {} };

test('ShardActor takes nothing for itself that was meant for the thread that it replaces', async (t) => {
  const simulation = new Simulation({ seed: 1 });
  const thread = { generation: 2, requestTurn: () => {} } as unknown as ThreadContext;
  const assembled: string[][] = [];
  const shard = simulation.spawn<ShardCommand>(
    () =>
      new ShardActor(thread, (known) => {
        assembled.push(known.flatMap(({ topics }) => topics));
        return SHARD;
      }),
  );
  const root = simulation.probe<Serving>();
  const known = (generation: number, topic: string): KnownQueues => ({
    kind: 'known-queues',
    generation,
    topics: [topic],
    queueIds: [0],
    handles: [0],
  });
  // The former thread has read the first page and died.
  shard.tell(known(1, 'second page'));
  shard.tell({ kind: 'serve', generation: 1, replyTo: root.ref });
  simulation.advance(1);
  t.same(assembled, [], 'it would begin queues at offset 0 that the first page names');
  shard.tell(known(2, 'first page'));
  shard.tell(known(2, 'second page'));
  shard.tell({ kind: 'serve', generation: 2, replyTo: root.ref });
  simulation.advance(1);
  await Promise.resolve();
  simulation.advance(1);
  t.same(assembled, [['first page', 'second page']]);
  t.same(root.received, [{ kind: 'serving', error: '' }]);
});
