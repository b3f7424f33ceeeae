/**
 * Serving: gives every shard what it needs to listen, at the start and when a shard was replaced, and has a dead shard's lane drained. The root's,
 * one a broker. Fails by the error of a shard that cannot listen or gives no answer in time.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { ActorSystem } from '../../runtime/actor-system.ts';
import type { DrainLane, LaneDrained } from '../commit-log/commit-log-actor.ts';
import type { ListedQueue } from '../shard/queue-list-actor.ts';
import type { KnownQueues, SendsStopped, Serve, Serving, ShardCommand, StopSends } from '../shard/shard-actor.ts';
import { COMMIT_LOG_PATH, shardPath } from './actor-paths.ts';

/** A shard listens within this time. */
export const SERVE_MAX_MS = 30_000;
const QUEUES_PER_PAGE = 256;
/** Pages in a row, after which other work of the root's has its turn. */
const PAGES_IN_A_ROW = 16;
/** A log worker that is replaced itself drains a dead shard's lane a little later. */
const LANE_DRAIN_MS = 500;
const LANE_DRAIN_TRIES = 20;

export class ServeShards {
  readonly #system: ActorSystem;
  readonly #shards: readonly string[];
  readonly #queues: readonly ListedQueue[];

  /** @param queues that the store has; the first shard is told of them */
  constructor(system: ActorSystem, shards: readonly string[], queues: readonly ListedQueue[]) {
    this.#system = system;
    this.#shards = shards;
    this.#queues = queues;
  }

  /** Gives a shard what it needs and waits until it listens. */
  async one(name: string): Promise<void> {
    const shard: ActorRef<ShardCommand> = this.#system.ref(shardPath(name));
    const generation = this.#system.threadGeneration(name);
    // The first shard has what the others ask for.
    for (let from = 0; name === this.#shards[0] && from < this.#queues.length; from += QUEUES_PER_PAGE) {
      const page = this.#queues.slice(from, from + QUEUES_PER_PAGE);
      const known: KnownQueues = {
        kind: 'known-queues',
        generation,
        topics: page.map((queue) => queue.topic),
        queueIds: page.map((queue) => queue.queueId),
        handles: page.map((queue) => queue.handle),
      };
      while (!shard.tell(known)) await this.pause(1);
      if (from % (PAGES_IN_A_ROW * QUEUES_PER_PAGE) === 0) await this.pause(0);
    }
    const serving = await this.#system.ask<Serving, Serve>(shard, (replyTo) => ({ kind: 'serve', generation, replyTo }), SERVE_MAX_MS);
    if (serving.error !== '') throw new Error(`The shard ${name} cannot listen: ${serving.error}`);
  }

  /** No shard takes sends any more. One that does not answer is dead or stuck: what it published is drained all the same. */
  stopSends(reason: string, maxMs: number): Promise<unknown> {
    return Promise.allSettled(
      this.#shards.map((name) =>
        this.#system.ask<SendsStopped, StopSends>(
          this.#system.ref(shardPath(name)),
          (replyTo) => ({ kind: 'stop-sends', reason, replyTo }),
          maxMs,
        ),
      ),
    );
  }

  /** A dead shard's lane is written to its published end before its successor takes it over. */
  async drainLane(index: number): Promise<void> {
    const log = this.#system.ref<DrainLane>(COMMIT_LOG_PATH);
    for (let tries = LANE_DRAIN_TRIES; ; tries--) {
      try {
        await this.#system.ask<LaneDrained, DrainLane>(log, (replyTo) => ({ kind: 'drain-lane', lane: index, replyTo }), LANE_DRAIN_MS);
        return;
      } catch (error) {
        // No answer: the log worker itself is being replaced.
        if (tries === 0) throw error;
      }
    }
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#system.context.schedule(ms, resolve));
  }
}
