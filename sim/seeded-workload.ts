/**
 * What workloads have in common: the world, chance of their own from the scenario's seed, an end of their load, the time until which the last promise is due;
 * messages that say in their bodies who they are; and a queue read from its beginning to its end. A queue that cannot be read is a problem of the world's.
 */
import type { MessageRecord } from '../model/message-record.ts';
import { SeededRandom } from '../runtime/random.ts';
import { type Pulled, pull, queueEnd } from './asking.ts';
import type { SimClient } from './sim-client.ts';
import type { Crash, Workload } from './workload.ts';
import type { World } from './world.ts';

const TRIES_MAX = 20;
const PAUSE_MS = 100;
const PULLED_MAX = 32;
const SMALLEST_BODY_BYTES = 16;

export abstract class SeededWorkload implements Workload {
  abstract readonly name: string;
  readonly world: World;
  readonly random: SeededRandom;
  isStopped = false;
  #dueAtMs = 0;

  /** @param salt gives this kind other numbers than the others have from the same seed */
  constructor(world: World, salt: number) {
    this.world = world;
    this.random = new SeededRandom(world.scenario.seed ^ salt);
  }

  abstract start(): void;
  abstract verify(): Promise<void>;

  stop(): void {
    this.isStopped = true;
  }

  dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** Something was promised for `delayMs` from now. */
  promised(delayMs: number): void {
    this.#dueAtMs = Math.max(this.#dueAtMs, this.world.time.nowMs + delayMs);
  }

  /** Whether a crash may take what was acknowledged and not synced. */
  isForgetful(crash: Crash): boolean {
    return crash.losesUnsynced && !this.world.scenario.syncFlush;
  }

  /** A body that says `id`, of 16 bytes and up to `moreBytes` more. */
  bodyOf(id: string, moreBytes: number): Buffer {
    return Buffer.from(`${id}|`.padEnd(SMALLEST_BODY_BYTES + this.random.below(moreBytes), id.slice(0, 1)));
  }

  /** All that a queue has, in its order. */
  async eachRecord(
    client: SimClient,
    place: { readonly group: string; readonly topic: string; readonly queueId: number },
    take: (record: MessageRecord) => void,
  ): Promise<void> {
    const { topic, queueId } = place;
    const at = (await queueEnd(client, 'min', topic, queueId)) ?? 0;
    const max = (await queueEnd(client, 'max', topic, queueId)) ?? 0;
    for (let offset = at, tries = 0; offset < max; ) {
      const got: Pulled | null = await pull(client, { ...place, offset, max: PULLED_MAX, holdMs: 0 });
      for (const record of got?.records ?? []) take(record);
      if (got !== null && got.next > offset) {
        offset = got.next;
        tries = 0;
      } else if (++tries > TRIES_MAX) {
        this.world.problem(`${topic}/${queueId} cannot be read at ${offset} of ${max}: ${got === null ? 'no answer' : `code ${got.code}`}`);
        return;
      } else await this.world.sleep(PAUSE_MS);
    }
  }
}

/** Who a message says it is. */
export function idOf(record: MessageRecord): string {
  const text = Buffer.from(record.body.buffer, record.body.byteOffset, record.body.length).toString('latin1');
  return text.slice(0, text.indexOf('|'));
}
