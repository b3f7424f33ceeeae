/**
 * A broker's writing side in one thread, for tests of storage: messages go to the log, their units to the queues, their keys
 * to the index, as the sequencer and the store worker do it. Knows what it wrote and what was synced.
 */
import { javaHash } from '../../model/java-hash.ts';
import { encodeMessageRecord } from '../../model/message-record.ts';
import { QUEUE_UNIT_BYTES, writeQueueUnit } from '../../storage/consume-queue/queue-unit.ts';
import type { Disk } from '../../storage/file.ts';
import { indexKeyHash } from '../../storage/index/key-hash.ts';
import { closeStore, type OpenedStore, type OpenStoreOptions, openStore, writeCheckpoint } from '../../storage/open-store.ts';
import { storeLayout } from '../../storage/store-layout.ts';

export const TEST_SEGMENT_BYTES = 64 * 1024;
export const TEST_INDEX_SHAPE = { slots: 500, entries: 2000 };
export const TEST_UNITS_PER_FILE = 50;

export type Written = {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly position: number;
  readonly size: number;
  readonly body: string;
  readonly key: string;
};

export function testStoreOptions(disk: Disk, root: string, damages: string[] = []): OpenStoreOptions {
  return {
    disk,
    layout: storeLayout(root),
    segmentBytes: TEST_SEGMENT_BYTES,
    now: () => 1_700_000_000_000,
    processId: 1,
    delayMsOf: (level) => level * 1000,
    onDamage: (damage) => damages.push(`${damage.path} ${damage.position}: ${damage.reason}`),
    indexShape: TEST_INDEX_SHAPE,
    unitsPerFile: TEST_UNITS_PER_FILE,
  };
}

export class StoreWriter {
  readonly disk: Disk;
  readonly options: OpenStoreOptions;
  readonly store: OpenedStore;
  readonly written: Written[] = [];
  synced: number;
  storeTimestamp: number;

  private constructor(options: OpenStoreOptions) {
    this.disk = options.disk;
    this.options = options;
    this.store = openStore(options);
    this.synced = this.store.end;
    this.storeTimestamp = Math.max(1_700_000_000_000, this.store.lastStoreTimestamp);
  }

  static open(options: OpenStoreOptions): StoreWriter {
    return new StoreWriter(options);
  }

  append(topic: string, queueId: number, body: string, key: string): Written {
    const { log, queues, index } = this.store;
    const queue = queues.queue(topic, queueId);
    const queueOffset = queue.maxOffset;
    // Large steps: the checkpoint's safety margin is three seconds, and must not cover whole segments.
    this.storeTimestamp += 700;
    const fields = {
      topic,
      queueId,
      queueOffset,
      storeTimestamp: this.storeTimestamp,
      body: Buffer.from(body),
      properties: `KEYS\x01${key}\x02TAGS\x01Tag${queueId}\x02`,
    };
    let position = log.maxOffset;
    let bytes = encodeMessageRecord({ ...fields, physicalOffset: position });
    if (bytes.length + 8 > log.roomAt(position)) {
      position = log.writeBlank(position);
      bytes = encodeMessageRecord({ ...fields, physicalOffset: position });
    }
    log.write(bytes, 0, bytes.length, position);
    const unit = new Uint8Array(QUEUE_UNIT_BYTES);
    writeQueueUnit(unit, 0, position, bytes.length, javaHash(`Tag${queueId}`));
    queues.append(queue, unit, 0, QUEUE_UNIT_BYTES, queueOffset);
    index?.put(indexKeyHash(topic, key), position, this.storeTimestamp);
    const written = { topic, queueId, queueOffset, position, size: bytes.length, body, key };
    this.written.push(written);
    return written;
  }

  sync(): void {
    const { log } = this.store;
    log.sync(this.synced, log.maxOffset);
    this.synced = log.maxOffset;
  }

  checkpoint(): void {
    this.sync();
    writeCheckpoint(
      { ...this.store, disk: this.disk, layout: this.options.layout },
      { position: this.synced, storeTimestamp: this.storeTimestamp },
    );
  }

  close(): void {
    const facts = { position: this.store.log.maxOffset, storeTimestamp: this.storeTimestamp, syncedPosition: this.synced };
    closeStore({ ...this.store, disk: this.disk, layout: this.options.layout }, facts);
  }
}
