import { test } from 'tap';
import { decodeQueueTable, encodeQueueTable, isTableOf, type QueueTable } from '../../../storage/consume-queue/queue-table.ts';

const TABLE: QueueTable = {
  position: 123_456_789_012,
  logMin: 1_073_741_824,
  indexEnd: -1,
  checkpoint: { physicMs: 1_700_000_000_001, logicsMs: 2, indexMs: 3 },
  formerCheckpoint: { physicMs: 4, logicsMs: 5, indexMs: 6 },
  topics: new Map([
    [
      'TopicA',
      [
        { queueId: 0, min: 5, max: 9_000_000_000 },
        { queueId: 7, min: 0, max: 0 },
      ],
    ],
    ['中文', []],
  ]),
};

test("encodeQueueTable and decodeQueueTable are each other's inverse", async (t) => {
  t.same(decodeQueueTable(encodeQueueTable(TABLE)), TABLE);
  t.same(decodeQueueTable(encodeQueueTable({ ...TABLE, topics: new Map() }))?.topics.size, 0);
});

test('decodeQueueTable takes nothing that is torn or flipped', async (t) => {
  const bytes = encodeQueueTable(TABLE);
  for (let size = 0; size < bytes.length; size++) if (decodeQueueTable(bytes.subarray(0, size)) !== null) t.fail(`${size} bytes`);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    // The CRC has 31 bits in 32: its top bit is 0.
    if (decodeQueueTable(flipped) !== null) t.fail(`bit ${bit}`);
  }
  t.pass('all');
});

test('isTableOf knows the checkpoint that it was written with, or just before', async (t) => {
  t.ok(isTableOf(TABLE, TABLE.checkpoint));
  t.ok(isTableOf(TABLE, TABLE.formerCheckpoint));
  t.notOk(isTableOf(TABLE, { physicMs: 1_700_000_000_001, logicsMs: 2, indexMs: 4 }), 'somebody else wrote since');
});
