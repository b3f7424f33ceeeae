/**
 * Offsets: consumers that commit how far they are, ever further, and ask for it again. What was committed never goes back by itself;
 * after the end of a process, or of the shard that has the group, by what was committed in the last second at most, and by what stood
 * still in that second. A power cut in asynchronous flush takes what was not synced, which offsets are not.
 */
import { commitOffset, committedOffset, pull } from '../asking.ts';
import { SeededWorkload } from '../seeded-workload.ts';
import type { SimClient } from '../sim-client.ts';
import type { Crash } from '../workload.ts';
import type { World } from '../world.ts';

const GROUPS = 3;
/** The promise. */
const LOST_MS_MAX = 1_000;
/** Turns, rings and the save itself. */
const SLACK_MS = 150;

type Commit = { readonly offset: number; readonly ackedAtMs: number };
type Place = {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
  readonly acked: Commit[];
  next: number;
  most: number;
};

export class Offsets extends SeededWorkload {
  readonly name = 'offsets';
  readonly #places: Place[] = [];
  /** Ends of shards and processes so far. */
  #ends = 0;

  constructor(world: World) {
    super(world, 0x7feb352d);
  }

  start(): void {
    for (let i = 0; i < GROUPS; i++) {
      const place: Place = {
        group: `G${i}`,
        topic: 'T0',
        queueId: this.random.below(this.world.scenario.queues),
        acked: [],
        next: 0,
        most: 0,
      };
      this.#places.push(place);
      void this.#commit(place);
    }
  }

  async #commit(place: Place): Promise<void> {
    const client = this.world.client();
    const { group, topic, queueId } = place;
    while (!this.isStopped) {
      await this.world.sleep(this.random.next() * 150);
      // A pull makes the group, and says how far it may commit.
      const got = await pull(client, { group, topic, queueId, offset: place.next, max: 4, holdMs: 0 });
      if (got === null || got.next < place.next || got.code !== 0) continue;
      const offset = got.next;
      place.next = offset;
      place.most = Math.max(place.most, offset);
      const ends = this.#ends;
      await commitOffset(client, { group, topic, queueId, offset }, () => {
        // An answer that was on its way when its shard died is one of the last second's.
        if (ends === this.#ends) place.acked.push({ offset, ackedAtMs: this.world.time.nowMs });
        this.world.count('commits');
      });
      if (this.random.below(4) === 0) await this.#look(client, place);
    }
  }

  /** After a crash at `crash.atMs`: what was acknowledged shortly before may be gone. */
  onCrash(crash: Crash): void {
    if (crash.kind === 'stop') return;
    this.#ends++;
    const isUnsynced = crash.losesUnsynced && !this.world.scenario.syncFlush;
    this.#forget(isUnsynced ? 0 : crash.fencedAtMs);
  }

  onThreadEnd(name: string): void {
    if (!name.startsWith('shard')) return;
    this.#ends++;
    this.#forget(this.world.time.nowMs);
  }

  #forget(atMs: number): void {
    const until = atMs - LOST_MS_MAX - SLACK_MS - this.#stoodStill(atMs);
    for (const place of this.#places) {
      while (place.acked.length > 0 && place.acked.at(-1)!.ackedAtMs > until) place.acked.pop();
      if (atMs === 0) place.next = 0;
    }
  }

  /** What calls and threads took that stood still in the last seconds. */
  #stoodStill(atMs: number): number {
    let sum = 0;
    for (const { atMs: at, ms } of this.world.stillness) if (at > atMs - 8_000) sum += ms;
    return sum;
  }

  async #look(client: SimClient, place: Place): Promise<void> {
    const known = place.acked.at(-1)?.offset ?? -1;
    const lives = this.world.ends;
    await committedOffset(client, place, (offset) => {
      // What it knew may have been taken back since it was asked.
      const floor = lives === this.world.ends ? known : Math.min(known, place.acked.at(-1)?.offset ?? -1);
      const where = `the offset of ${place.group} in ${place.topic}/${place.queueId}`;
      if (offset < floor) this.world.problem(`${where} was ${floor} and is ${offset}`);
      if (offset > place.most) this.world.problem(`${where} is ${offset}, more than ${place.most}, the most that was committed`);
    });
  }

  async verify(): Promise<void> {
    const client = this.world.client();
    for (const place of this.#places) await this.#look(client, place);
  }
}
