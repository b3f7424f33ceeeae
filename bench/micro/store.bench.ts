/**
 * What the store worker and the reader cost, in CPU time (user and system) per message, in one thread: units and index entries to
 * their files, a checkpoint, cold pulls out of the page cache, the walk of a recovery.
 * Run: node bench/micro/store.bench.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeDisk } from '../../storage/node-disk.ts';
import { StoreUnderTest } from '../../test/support/store-under-test.ts';

const MESSAGES = 200_000;
const BODY_BYTES = 1024;

const directory = mkdtempSync(join(tmpdir(), 'ringmq-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

function measure(name: string, count: number, run: () => void): void {
  const before = process.cpuUsage();
  run();
  const used = process.cpuUsage(before);
  console.log(`${name.padEnd(56)} ${((used.user + used.system) / count).toFixed(3).padStart(8)} µs`);
}

function options(): ConstructorParameters<typeof StoreUnderTest>[2] {
  return {
    segmentBytes: 1 << 30,
    chunkCount: 4096,
    feedEntries: 262_144,
    unitsPerFile: 300_000,
    indexShape: { slots: 5_000_000, entries: 20_000_000 },
  };
}

for (const queues of [1, 8]) {
  const root = join(directory, String(queues));
  const store = new StoreUnderTest(new NodeDisk(), root, options());
  store.open();
  const body = 'x'.repeat(BODY_BYTES);
  let filing = 0;
  for (let number = 0; number < MESSAGES; ) {
    for (let one = 0; one < 400; one++, number++) store.put({ topic: 'T', queueId: number % queues, body, tag: 'A', key: `k${number}` });
    store.sequence();
    if (number % 50_000 !== 0) continue;
    const before = process.cpuUsage();
    store.poll();
    store.advance(20);
    const used = process.cpuUsage(before);
    filing += used.user + used.system;
  }
  console.log(`${queues} queues, ${BODY_BYTES} bytes`);
  console.log(`${'  round: units to files, two index entries'.padEnd(56)} ${(filing / MESSAGES).toFixed(3).padStart(8)} µs`);
  store.flush();
  measure('  checkpoint (of these messages)', MESSAGES, () => store.run(5));
  const reader = store.reader();
  const target = new Uint8Array(new SharedArrayBuffer(4 * 1024 * 1024));
  for (const max of [32, 1024]) {
    for (const warm of [false, true]) {
      const run = (): void => {
        let left = MESSAGES;
        const next = new Array<number>(queues).fill(0);
        while (left > 0) {
          for (let queueId = 0; queueId < queues; queueId++) {
            const handle = store.handle('T', queueId);
            const visibleMax = store.table.next(handle);
            const request = { topic: 'T', queueId, handle, offset: next[queueId]!, max, bytesMax: 4 << 20, codes: [], visibleMax };
            if (request.offset >= visibleMax) continue;
            const { count, nextOffset } = reader.pull(request, target);
            left -= count;
            next[queueId] = nextOffset;
          }
        }
      };
      if (warm) measure(`  cold pulls of ${max}`, MESSAGES, run);
      else run();
    }
  }
  reader.close();
  store.kill();
  const after = new StoreUnderTest(new NodeDisk(), root, options());
  measure('  recovery from the last checkpoint', MESSAGES, () => void after.open());
  after.kill();
}
