/**
 * The timer actor in a simulation, with what it needs of a broker to append.
 */
import { join } from 'node:path';
import { WRITTEN_END } from '../../../actors/commit-log/watermarks.ts';
import { DELAY_OFFSETS_FILE } from '../../../actors/timer/delay-offsets-json.ts';
import { parkMessage } from '../../../actors/timer/delayed-message.ts';
import { type DelayOffsetsSaved, type SaveDelayOffsets, TimerActor, type TimerCommand } from '../../../actors/timer/timer-actor.ts';
import type { ActorRef } from '../../../runtime/actor.ts';
import { loadTable } from '../../../storage/json-table.ts';
import type { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { AppendWorld, ROOT } from '../../support/append-world.ts';

export const LEVELS_MS = [1000, 5000] as const;
const SCHEDULE = 'SCHEDULE_TOPIC_XXXX';

export type Delivery = { readonly body: string; readonly queueId: number; readonly storedAt: number };

const SYNC_LOOK_MS = 50;

export class TimerWorld extends AppendWorld {
  readonly timer: ActorRef<TimerCommand>;
  /** Reads that the timer's messages took. */
  views = 0;

  /** @param startMs later than what the disk has seen */
  constructor(disk: MemoryDisk, seed: number, startMs?: number) {
    super(disk, { delayLevelsMs: LEVELS_MS, seed, startMs }, { [SCHEDULE]: LEVELS_MS.length, T: 2 });
    this.timer = this.store.simulation.spawn<TimerCommand>('timer', () => this.#create(), { mailboxMax: 65_536 });
  }

  #create(): TimerActor {
    const { store } = this;
    return new TimerActor({
      delayLevelsMs: LEVELS_MS,
      topics: this.topics,
      table: store.table,
      append: this.append,
      visibleEnd: () => store.marks.read(WRITTEN_END),
      view: (places, onRecords) => {
        this.views++;
        onRecords(this.recordsAt(places));
      },
      watch: (handle) => void this.owners.set(handle, store.simulation.ref('timer')),
      load: () => loadTable(this.disk, join(storeLayout(ROOT).config, DELAY_OFFSETS_FILE)).value,
      sync: true,
      saveEveryMs: 1000,
      reader: 'reader',
      store: store.store.path,
    });
  }

  /** Parks a message for `T`; true in `stored` when the log has it. */
  send(body: string, level: number, stored: Set<string> = new Set(), topic = 'T'): void {
    const message = this.message(topic, body, { DELAY: String(level) });
    this.append.append(parkMessage(message, level, LEVELS_MS.length, this.topics.get(SCHEDULE)!), ({ kind }) => {
      if (kind === 'stored') stored.add(body);
    });
  }

  override advance(ms: number): void {
    for (let left = ms; left > 0; left -= SYNC_LOOK_MS) {
      this.store.advance(Math.min(left, SYNC_LOOK_MS));
      // The sync worker does what it is asked for.
      if (this.store.syncWishes > 0) this.store.flush();
    }
  }

  saveNow(): DelayOffsetsSaved | undefined {
    return this.store.simulation.ask<DelayOffsetsSaved, SaveDelayOffsets>(
      this.timer,
      (replyTo) => ({ kind: 'save-delay-offsets', replyTo }),
      10_000,
    );
  }

  /** What has come to `T`. */
  delivered(): Delivery[] {
    return this.records('T').map(({ body, queueId, storeTimestamp }) => ({
      body: Buffer.from(body).toString(),
      queueId,
      storedAt: storeTimestamp,
    }));
  }
}
