/**
 * The timing wheel in a simulation, with its files and what it needs of a broker to append. Its memory and runs are small here, so that the
 * files are needed.
 */
import { join } from 'node:path';
import { WRITTEN_END } from '../../../actors/commit-log/watermarks.ts';
import { recallName } from '../../../actors/timer/recalled-timers.ts';
import { parkTimed } from '../../../actors/timer/timed-message.ts';
import { WheelActor } from '../../../actors/timer/wheel-actor.ts';
import { WHEEL_FILE } from '../../../actors/timer/wheel-checkpoint.ts';
import { WheelCounts } from '../../../actors/timer/wheel-counts.ts';
import { WheelFilesActor } from '../../../actors/timer/wheel-files-actor.ts';
import {
  type QueryWheel,
  type SaveWheel,
  WHEEL_FILES_PATH,
  type WheelCommand,
  type WheelSaved,
  type WheelTold,
} from '../../../actors/timer/wheel-messages.ts';
import { parseProperties } from '../../../model/message-property.ts';
import type { Actor, ActorMessage, ActorRef } from '../../../runtime/actor.ts';
import { loadTable } from '../../../storage/json-table.ts';
import type { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { AppendWorld, ROOT } from '../../support/append-world.ts';

const TIMER = 'rmq_sys_wheel_timer';
export const SMALL = { nearMax: 64, nearLeast: 16, indexLeast: 32 } as const;
const RUN_UNITS = 32;
const SYNC_LOOK_MS = 50;

export type Delivered = {
  readonly body: string;
  readonly queueId: number;
  readonly storedAt: number;
  readonly properties: ReadonlyMap<string, string>;
};

const deaf: Actor<ActorMessage> = {
  receive: (message, context) => {
    if (message.kind === 'end') context.stop();
  },
};

export class WheelWorld extends AppendWorld {
  readonly wheel: ActorRef<WheelCommand>;
  rollAfterMs = 1e12;
  /** Readers see no further than this place of the log. */
  visibleMax: number = Number.POSITIVE_INFINITY;
  /** No record is read; what was asked for is read by `readAgain`. */
  isReaderStill = false;
  #unread: (() => void)[] = [];
  onFlushed: () => void = () => {};
  readonly #javaCheck: Uint8Array | null;
  #wishes = 0;

  /**
   * @param startMs later than what the disk has seen. @param other `hasWheel` false: it is the store of a Java broker; `javaCheck`: what that has
   * left; `areFilesDeaf`: whoever should answer for the files does not, until it is told to end
   */
  constructor(
    disk: MemoryDisk,
    seed: number,
    startMs?: number,
    other: { readonly hasWheel?: boolean; readonly javaCheck?: Uint8Array; readonly areFilesDeaf?: boolean } = {},
  ) {
    super(disk, { seed, startMs, segmentBytes: 1024 * 1024, chunkCount: 256, unitsPerFile: 2000 }, { [TIMER]: 1, T: 2, U: 1 });
    const { store } = this;
    const { simulation } = store;
    this.#javaCheck = other.javaCheck ?? null;
    if (other.areFilesDeaf === true) simulation.spawn(WHEEL_FILES_PATH, () => deaf);
    else this.startFiles();
    this.wheel =
      other.hasWheel !== false
        ? simulation.spawn<WheelCommand>('timer-wheel', () => this.#create(), { mailboxMax: 65_536 })
        : simulation.ref('timer-wheel');
  }

  startFiles(): void {
    const files = { disk: this.disk, directory: storeLayout(ROOT).timerRuns, reader: this.store.reader(), runUnits: RUN_UNITS };
    this.store.simulation.spawn(WHEEL_FILES_PATH, () => new WheelFilesActor(files) as never);
  }

  #create(): WheelActor {
    const { store } = this;
    return new WheelActor({
      topics: this.topics,
      table: store.table,
      append: this.append,
      rollAfterMs: () => this.rollAfterMs,
      visibleEnd: () => Math.min(this.visibleMax, store.marks.read(WRITTEN_END)),
      view: (places, onRecords) => {
        if (this.isReaderStill) this.#unread.push(() => onRecords(this.recordsAt(places)));
        else onRecords(this.recordsAt(places));
      },
      watch: (handle) => void this.owners.set(handle, store.simulation.ref('timer-wheel')),
      load: () => loadTable(this.disk, join(storeLayout(ROOT).config, WHEEL_FILE)).value,
      loadJavaCheck: () => this.#javaCheck,
      sync: true,
      saveEveryMs: 1000,
      reader: 'reader',
      files: WHEEL_FILES_PATH,
      store: store.store.path,
      counts: new WheelCounts(),
      limits: SMALL,
    });
  }

  /** Parks a message for `T`, or a word that takes one back; called back when the log has it. */
  send(body: string, deliverMs: number, stored: (body: string) => void = () => {}, more: Record<string, string> = {}, topic = 'T'): void {
    const message = this.message(topic, body, { UNIQ_KEY: `U${body}`, ...more });
    const parked = parkTimed(message, deliverMs, this.now, this.rollAfterMs, this.topics.get(TIMER)!);
    this.append.append(parked, ({ kind }) => {
      if (kind === 'stored') stored(body);
    });
  }

  /** Parks a message as a Java broker does: nothing of ours in its record or its unit. */
  sendAsJava(body: string, deliverMs: number): void {
    const outMs = String((Math.ceil(deliverMs / 1000) - 1) * 1000);
    const message = this.message(TIMER, body, {
      UNIQ_KEY: `U${body}`,
      TAGS: 'TagA',
      TIMER_OUT_MS: outMs,
      REAL_TOPIC: 'T',
      REAL_QID: '0',
    });
    this.append.append(message, () => {});
  }

  /** @param deliverMs of the message that is taken back */
  recall(body: string, deliverMs: number, stored: (body: string) => void = () => {}): void {
    const ms = (Math.ceil(deliverMs / 1000) - 1) * 1000 + 1;
    this.send(body, ms, stored, { TIMER_DEL_UNIQKEY: recallName('T', `U${body}`), TAGS: '_RECALL_TAG_' });
  }

  override advance(ms: number): void {
    for (let left = ms; left > 0; left -= SYNC_LOOK_MS) {
      this.store.advance(Math.min(left, SYNC_LOOK_MS));
      // The sync worker does what it is asked for.
      if (this.store.syncWishes > this.#wishes) this.flush();
    }
  }

  /** While the sync worker does nothing. */
  advanceUnflushed(ms: number): void {
    this.store.advance(ms);
  }

  /** All that is written is on the disk. */
  flush(): void {
    this.#wishes = this.store.syncWishes;
    this.store.flush();
    this.onFlushed();
  }

  readAgain(): void {
    this.isReaderStill = false;
    for (const read of this.#unread.splice(0)) read();
  }

  save(): void {
    this.store.simulation.ask<WheelSaved, SaveWheel>(this.wheel, (replyTo) => ({ kind: 'save-wheel', replyTo }), 10_000);
  }

  told(): WheelTold {
    return this.store.simulation.ask<WheelTold, QueryWheel>(this.wheel, (replyTo) => ({ kind: 'query-wheel', replyTo }), 10_000)!;
  }

  /** Bytes in the directory of the runs. */
  get runs(): string[] {
    return this.disk.list(storeLayout(ROOT).timerRuns);
  }

  /** What has come to a topic. */
  delivered(topic = 'T'): Delivered[] {
    return this.records(topic).map(({ body, queueId, storeTimestamp, properties }) => ({
      body: Buffer.from(body).toString(),
      queueId,
      storedAt: storeTimestamp,
      properties: parseProperties(properties),
    }));
  }
}
