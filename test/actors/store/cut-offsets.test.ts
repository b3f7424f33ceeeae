/** Committed offsets of messages that a power cut has taken are set back to the ends of their queues, and nothing else is touched. */
import fc from 'fast-check';
import { test } from 'tap';
import { OFFSETS_FILE, OffsetTable } from '../../../actors/consumer-group/offset-table.ts';
import { cutOffsets, cutTable, type QueueEnd } from '../../../actors/store/cut-offsets.ts';
import { loadTable } from '../../../storage/json-table.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';

const LAYOUT = storeLayout('/store');
const FILE = `${LAYOUT.config}/${OFFSETS_FILE}`;
const ENDS: readonly QueueEnd[] = [
  { topic: 'T', queueId: 0, next: 10 },
  { topic: 'T', queueId: 1, next: 3 },
];

function diskWith(text: string | null): MemoryDisk {
  const disk = new MemoryDisk({ seed: 1 });
  disk.makeDirectory('/store');
  disk.makeDirectory(LAYOUT.config);
  if (text !== null) {
    const bytes = Buffer.from(text);
    const file = disk.open(FILE, 'create');
    file.write(bytes, 0, bytes.length, 0);
    file.sync();
    disk.syncDirectory(LAYOUT.config);
  }
  return disk;
}

function offsets(disk: MemoryDisk): unknown {
  return (loadTable(disk, FILE).value as { offsetTable: unknown }).offsetTable;
}

test('cutOffsets sets back what is beyond an end, and that lasts a power cut', (t) => {
  const disk = diskWith('{"offsetTable":{"T@A":{0:10,1:4},"T@B":{0:11},"Gone@A":{"7":1}}}');
  t.same(cutOffsets(disk, LAYOUT, ENDS, 5), { count: 3, isLeft: false });
  disk.cutPower();
  t.same(offsets(disk), { 'T@A': { 0: 10, 1: 3 }, 'T@B': { 0: 10 }, 'Gone@A': { 7: 0 } });
  t.same(cutOffsets(disk, LAYOUT, ENDS, 6), { count: 0, isLeft: false }, 'once');
  t.end();
});

test('cutOffsets writes nothing when all is as it should be, and leaves to others what it cannot read', (t) => {
  for (const text of [
    '{"offsetTable":{"T@A":{"0":10,"1":0}}}',
    '{"offsetTable":{"no group":{"0":1}}}',
    '{"offsetTable":[]}',
    '{',
    '',
    null,
  ]) {
    const disk = diskWith(text);
    t.same(cutOffsets(disk, LAYOUT, ENDS, 5), { count: 0, isLeft: false }, String(text));
    t.notOk(disk.exists(`${FILE}.bak`), 'not replaced');
  }
  t.end();
});

test('cutTable makes no offset larger, and leaves those within their queues', (t) => {
  const name = fc.constantFrom('A', 'B', 'C');
  const entry = fc.record({ group: name, topic: name, queueId: fc.nat(3), offset: fc.nat(50) });
  const end = fc.record({ topic: name, queueId: fc.nat(3), next: fc.nat(50) });
  const ends = fc.uniqueArray(end, { selector: ({ topic, queueId }) => `${topic}/${queueId}` });
  fc.assert(
    fc.property(fc.array(entry), ends, (entries, known) => {
      const table = new OffsetTable();
      const before = new OffsetTable();
      for (const { group, topic, queueId, offset } of entries) {
        table.put(group, topic, queueId, offset);
        before.put(group, topic, queueId, offset);
      }
      cutTable(table, known);
      return entries.every(({ group, topic, queueId }) => {
        const next = known.find((one) => one.topic === topic && one.queueId === queueId)?.next ?? 0;
        return table.get(group, topic, queueId) === Math.min(before.get(group, topic, queueId), next);
      });
    }),
  );
  t.end();
});
