/** A store under power cuts: whatever the seed, what was synced is there, and nothing is there that was never written. */
import { type Test, test } from 'tap';
import { decodeMessageRecord, type MessageRecord } from '../../model/message-record.ts';
import { NO_MESSAGE_SIZE, QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize } from '../../storage/consume-queue/queue-unit.ts';
import { DiskError } from '../../storage/errors.ts';
import { indexKeyHash } from '../../storage/index/key-hash.ts';
import { MemoryDisk } from '../../storage/memory-disk.ts';
import type { OpenStoreOptions } from '../../storage/open-store.ts';
import { StoreWriter, testStoreOptions, type Written } from '../support/store-writer.ts';

const ROUNDS = 6;

function chanceFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 0x1_0000_0000;
  };
}

/** Everything a consumer could read, checked against what was ever written; returns the places that hold a message. */
function readAll(t: Test, writer: StoreWriter, ever: Map<string, Set<string>>, seed: number): Map<string, string> {
  const { log, queues } = writer.store;
  const found = new Map<string, string>();
  const unit = new Uint8Array(QUEUE_UNIT_BYTES);
  for (const queue of queues.queues()) {
    for (let offset = queue.minOffset; offset < queue.maxOffset; offset++) {
      if (queue.read(unit, 0, offset, 1) !== 1) t.fail(`seed ${seed}: ${queue.topic} ${queue.queueId} has no unit ${offset}`);
      const size = unitSize(unit, 0);
      if (size === NO_MESSAGE_SIZE) continue;
      const position = unitPhysicalOffset(unit, 0);
      if (size <= 0 || position + size > log.maxOffset)
        t.fail(`seed ${seed}: unit ${offset} leads to ${position}, ${size}; the log ends at ${log.maxOffset}`);
      const bytes = new Uint8Array(size);
      log.read(bytes, 0, size, position);
      const record = decoded(bytes, `seed ${seed}: ${queue.topic}/${queue.queueId}/${offset} at ${position}`);
      const place = `${record.topic}/${record.queueId}/${record.queueOffset}`;
      if (place !== `${queue.topic}/${queue.queueId}/${offset}`)
        t.fail(`seed ${seed}: unit ${queue.topic}/${queue.queueId}/${offset} leads to ${place}`);
      const body = Buffer.from(record.body).toString();
      if (!ever.get(place)?.has(body)) t.fail(`seed ${seed}: ${place} holds what was never written there`);
      found.set(place, body);
    }
  }
  return found;
}

function decoded(bytes: Uint8Array, where: string): MessageRecord {
  try {
    return decodeMessageRecord(bytes, 0);
  } catch (error) {
    throw new Error(`${where} is no record`, { cause: error });
  }
}

function placeOf(written: Written): string {
  return `${written.topic}/${written.queueId}/${written.queueOffset}`;
}

/** Opens the store; before that, some openings fail in the middle and the machine goes down. */
function openOrCrash(disk: MemoryDisk, options: OpenStoreOptions, chance: () => number, cut: 'power' | 'kill'): StoreWriter {
  while (chance() < 0.33) {
    const call = (['write', 'sync', 'truncate', 'remove', 'sync-directory'] as const)[Math.floor(chance() * 5)] ?? 'write';
    disk.fail({ call, errno: 'EIO', after: Math.floor(chance() * 20), times: 1_000_000, isCut: chance() < 0.5 });
    try {
      StoreWriter.open(options);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
    if (cut === 'power') disk.cutPower();
    else disk.killProcess();
  }
  return StoreWriter.open(options);
}

function crashRun(t: Test, seed: number, cut: 'power' | 'kill'): void {
  const chance = chanceFrom(seed);
  const disk = new MemoryDisk({ seed });
  const options = testStoreOptions(disk, '/store');
  const safe = new Map<string, Written>();
  const ever = new Map<string, Set<string>>();
  for (let round = 0; round < ROUNDS; round++) {
    // Opening is cut off too, every third time.
    const writer = openOrCrash(disk, options, chance, cut);
    const found = readAll(t, writer, ever, seed);
    for (const [place, written] of safe) {
      if (found.get(place) !== written.body)
        t.fail(`seed ${seed} round ${round}: synced ${place} at ${written.position} is ${found.get(place) ?? 'gone'}`);
      const positions = writer.store.index?.query(indexKeyHash(written.topic, written.key), 1000, 0, Number.MAX_SAFE_INTEGER) ?? [];
      if (positions.filter((position) => position === written.position).length !== 1)
        t.fail(
          `seed ${seed} round ${round}: key ${written.key} of ${place} leads to [${positions.join()}], not once to ${written.position}`,
        );
    }
    for (const position of [...writer.store.queues.queues()].map((queue) => queue.maxPhysicalOffset()))
      if (position > writer.store.end) t.fail(`seed ${seed}: a queue reaches behind the log`);
    const firstOfRound = writer.written.length;
    try {
      // The crash comes in the middle of some call, or between two.
      if (chance() < 0.7) {
        const call = (['write', 'sync', 'truncate', 'rename', 'sync-directory'] as const)[Math.floor(chance() * 5)] ?? 'write';
        const after = Math.floor(chance() * (call === 'write' ? 300 : 8));
        disk.fail({ call, errno: 'EIO', after, times: 1_000_000, isCut: chance() < 0.5, doneBytes: Math.floor(chance() * 200) });
      }
      const steps = 20 + Math.floor(chance() * 150);
      for (let step = 0; step < steps; step++) {
        const topic = `Topic${Math.floor(chance() * 3)}`;
        const body = `${round}-${step}-${'x'.repeat(Math.floor(chance() * chance() * 3000))}`;
        const queueId = Math.floor(chance() * 2);
        // What may be on the disk after this call, whether the call returns or not.
        const place = `${topic}/${queueId}/${writer.store.queues.queue(topic, queueId).maxOffset}`;
        ever.set(place, (ever.get(place) ?? new Set()).add(body));
        writer.append(topic, queueId, body, `key-${Math.floor(chance() * 40)}`);
        const act = chance();
        if (act < 0.1) writer.sync();
        else if (act < 0.14) writer.checkpoint();
      }
      // Without its snapshot, or after somebody else has written, the store is opened by its checkpoint.
      if (chance() < 0.3) writer.close();
      if (chance() < 0.25) disk.remove('/store/config/queueTable.snapshot');
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
    for (const written of writer.written.slice(firstOfRound))
      if (cut === 'kill' || written.position + written.size <= writer.synced) safe.set(placeOf(written), written);
    if (cut === 'power') disk.cutPower();
    else disk.killProcess();
  }
}

test('openStore keeps every synced message through power cuts, and shows none that was never written', async (t) => {
  for (let seed = 1; seed <= 80; seed++) crashRun(t, seed, 'power');
  t.pass('80 seeds');
});

test('openStore keeps every written message through deaths of the process', async (t) => {
  for (let seed = 1001; seed <= 1050; seed++) crashRun(t, seed, 'kill');
  t.pass('50 seeds');
});
