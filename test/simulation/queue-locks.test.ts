/**
 * Queue locks under faults, from seeds: clients of a group that consume in order lock, renew, unlock, lose their connections and come back,
 * while actors fail, the disk refuses saves and the broker is killed or stopped and started on its tables. Each client counts on a lock as
 * stock clients do: for 30 s from the answer that gave or renewed it, or until it has given it back. Every five seconds at most it commits the
 * offsets of its queues.
 * Checked at every step: no two clients count on one queue. Checked at the end: whoever is left gets every queue.
 */
import { test } from 'tap';
import type { LockQueues, QueuesLocked, QueuesUnlocked, UnlockQueues } from '../../actors/consumer-group/consumer-group-messages.ts';
import type { CommitOffset } from '../../actors/consumer-group/offset-keeper.ts';
import { CLIENT_LOCK_LIFE_MS, GRACE_MS, LOCK_LIFE_MS } from '../../actors/consumer-group/queue-locks.ts';
import { SeededRandom } from '../../runtime/random.ts';
import { GroupWorld } from '../actors/consumer-group/group-world.ts';

const QUEUES = 6;
const CLIENTS = 4;
const STEPS = 300;
const COMMIT_MS = 4_000;
const fresh = Math.floor(Math.random() * 2 ** 31);

/** A stock client: what it counts on, by queue id, until when. */
class Client {
  readonly id: string;
  connection: number;
  readonly locks: Map<number, number> = new Map();

  constructor(index: number) {
    this.id = `client-${index}`;
    this.connection = index;
  }
}

class LockWorld {
  world: GroupWorld;
  readonly clients = Array.from({ length: CLIENTS }, (_, index) => new Client(index));
  /** Of all lives of the broker. */
  ms = 0;
  #lives = 0;
  #connections = CLIENTS;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.world = new GroupWorld(seed, 2);
    this.world.ensure('G');
  }

  advance(ms: number): void {
    for (let left = ms; left > 0; ) {
      const step = Math.min(left, COMMIT_MS);
      this.world.simulation.advance(step);
      this.ms += step;
      left -= step;
      this.#commitOffsets();
    }
  }

  #commitOffsets(): void {
    for (const { locks } of this.clients) {
      for (const [queueId, until] of locks) {
        if (until > this.ms) this.world.group<CommitOffset>('G').tell({ kind: 'commit-offset', topic: 'T', queueId, offset: 0 });
      }
    }
  }

  #ask<T>(run: () => T): T {
    const before = this.world.simulation.clock.monotonicMs();
    const reply = run();
    this.ms += this.world.simulation.clock.monotonicMs() - before;
    return reply;
  }

  lock(client: Client, queueIds: number[]): void {
    const askedAt = this.ms;
    const reply = this.#ask(() =>
      this.world.simulation.ask<QueuesLocked, LockQueues>(
        this.world.group('G'),
        (replyTo) => ({
          kind: 'lock-queues',
          clientId: client.id,
          shard: 0,
          connection: client.connection,
          topics: queueIds.map(() => 'T'),
          queueIds,
          replyTo,
        }),
        1_000,
      ),
    );
    if (reply === undefined) return;
    for (const [index, queueId] of queueIds.entries()) {
      // A client sets its lock's time when the answer is there; the broker's began at most so much earlier.
      if (reply.held[index]) client.locks.set(queueId, Math.max(askedAt, this.ms - 500) + CLIENT_LOCK_LIFE_MS - 1_000);
      else client.locks.delete(queueId);
    }
  }

  unlock(client: Client, queueId: number): void {
    client.locks.delete(queueId);
    this.#ask(() =>
      this.world.simulation.ask<QueuesUnlocked, UnlockQueues>(
        this.world.group('G'),
        (replyTo) => ({ kind: 'unlock-queues', clientId: client.id, topics: ['T'], queueIds: [queueId], replyTo }),
        1_000,
      ),
    );
  }

  /** The client ends, and comes back with another connection. */
  die(client: Client): void {
    client.locks.clear();
    this.#ask(() =>
      this.world.simulation.ask(
        this.world.group<never>('G'),
        (replyTo) => ({ kind: 'unregister', shard: 0, connection: client.connection, replyTo }) as never,
        1_000,
      ),
    );
    client.connection = this.#connections++;
  }

  fail(path: string): void {
    this.world.simulation.ref<never>(path).tell({ kind: path === 'lock-store' ? 'save-locks' : 'copied' } as never);
    this.advance(1_000);
  }

  /** All connections close; in a kill nobody hears of it. Clients come back over new ones, and count on their locks. */
  restart(isKilled: boolean): void {
    if (!isKilled) {
      for (const client of this.clients) {
        this.world
          .group<never>('G')
          .tell({ kind: 'unregister', shard: 0, connection: client.connection, replyTo: this.world.simulation.ref('nobody') } as never);
      }
      this.world.simulation.advance(100);
      this.ms += 100;
    }
    this.world = new GroupWorld(this.#seed + 1_000 * ++this.#lives, 2, true, this.world.saved);
    this.world.ensure('G');
    // A start takes its time, in which the clients' locks grow older; a world's clock begins with it.
    this.ms += this.world.simulation.clock.monotonicMs();
    for (const client of this.clients) client.connection = this.#connections++;
  }

  /** Queues that two clients count on. */
  doubles(): string[] {
    const found: string[] = [];
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      const holders = this.clients.filter(({ locks }) => (locks.get(queueId) ?? 0) > this.ms);
      if (holders.length > 1) found.push(`${queueId}: ${holders.map(({ id }) => id).join(' and ')}`);
    }
    return found;
  }
}

for (const seed of [1, 2, 3, 4, 5, fresh]) {
  test(`no two clients count on one queue, whatever fails (seed ${seed})`, async (t) => {
    const locks = new LockWorld(seed);
    const random = new SeededRandom(seed);
    let granted = 0;
    for (let step = 0; step < STEPS; step++) {
      const client = locks.clients[random.below(CLIENTS)]!;
      const dice = random.below(100);
      if (dice < 45) {
        // What it holds is renewed with it, as clients do.
        const wanted = new Set(client.locks.keys());
        for (let n = 0; n < 2; n++) wanted.add(random.below(QUEUES));
        locks.lock(client, [...wanted]);
        granted += client.locks.size;
      } else if (dice < 60) {
        const [held] = client.locks.keys();
        if (held !== undefined) locks.unlock(client, held);
      } else if (dice < 68) locks.die(client);
      else if (dice < 71) locks.fail('consumer-group/G');
      else if (dice < 73) locks.fail('lock-store');
      else if (dice < 78) locks.restart(dice < 76);
      else locks.advance(random.below(12_000));
      const doubles = locks.doubles();
      if (doubles.length > 0) t.fail(`step ${step}: ${doubles.join(', ')}`);
    }
    t.ok(granted > 50, `${granted} locks were given`);
    locks.advance(LOCK_LIFE_MS);
    const last = locks.clients[0]!;
    locks.lock(
      last,
      Array.from({ length: QUEUES }, (_, queueId) => queueId),
    );
    t.equal(last.locks.size, QUEUES, 'in the end every queue can be had');
  });
}

test('a lock whose unlock was lost with the broker is free after ten seconds, and whoever waits for it is told', async (t) => {
  const locks = new LockWorld(8);
  const [gone, busy, next] = locks.clients as [Client, Client, Client];
  locks.lock(gone, [0, 1]);
  locks.lock(busy, [2]);
  // Nobody hears it give them up.
  gone.locks.clear();
  locks.restart(true);
  for (const one of [gone, next]) locks.world.heartbeat('G', one.connection, { clientId: one.id });
  locks.advance(5_000);
  locks.world.notices();
  locks.lock(next, [0, 1, 2, 3]);
  t.same([...next.locks.keys()], [3], 'they may be consumed');
  locks.advance(GRACE_MS - 1_000);
  t.same(locks.world.notices(), [], 'not yet');
  locks.advance(1_000);
  t.same(locks.world.notices(), [next.connection]);
  locks.lock(next, [0, 1, 2, 3]);
  t.same([...next.locks.keys()].sort(), [0, 1, 3], 'but for the one that somebody consumes');
});

test('a client that unlocks is taken at its word on the disk too, and one that goes before its answer holds nothing', async (t) => {
  const locks = new LockWorld(9);
  const [first, second] = locks.clients as [Client, Client];
  locks.lock(first, [0, 1]);
  locks.unlock(first, 0);
  locks.advance(1_000);
  locks.restart(true);
  locks.lock(second, [0, 1]);
  t.same([...second.locks.keys()], [0], 'killed a second after the unlock');

  locks.restart(true);
  const { simulation } = locks.world;
  const [group, nobody] = [locks.world.group<never>('G'), simulation.ref<never>('nobody')];
  const { connection } = first;
  // Its question waits for the locks to be read; its connection does not.
  group.tell({ kind: 'lock-queues', clientId: 'x', shard: 0, connection, topics: ['T'], queueIds: [4], replyTo: nobody } as never);
  group.tell({ kind: 'unregister', shard: 0, connection, replyTo: nobody } as never);
  locks.advance(100);
  locks.lock(second, [4]);
  t.ok(second.locks.has(4), 'free at once');
});

test('a disk that takes nothing keeps nobody from consuming in order', async (t) => {
  const locks = new LockWorld(7);
  locks.world.saveError = 'disk full';
  const [first, second] = locks.clients as [Client, Client];
  locks.lock(first, [0, 1]);
  t.same([...first.locks.keys()], [0, 1]);
  locks.lock(second, [0, 2]);
  t.same([...second.locks.keys()], [2], 'and nobody takes it from it');
  locks.world.saveError = null;
  locks.advance(2_000);
  locks.restart(true);
  locks.lock(second, [0]);
  t.notOk(second.locks.has(0), 'saved when the disk has room again');
});
