import { test } from 'tap';
import { createAbort, removeAbort, wasAborted } from '../../storage/abort.ts';
import { Checkpoint, recoveryBaseMs } from '../../storage/checkpoint.ts';
import { MemoryDisk } from '../../storage/memory-disk.ts';

const VALUES = {
  physicMs: 1_700_000_000_000,
  logicsMs: 1_700_000_000_001,
  indexMs: 1_700_000_000_002,
  masterFlushedOffset: 3,
  confirmPhysicalOffset: 4,
};

test("Checkpoint is Java's file of 4096 bytes, and lasts a power cut once written", async (t) => {
  for (let seed = 0; seed < 20; seed++) {
    const disk = new MemoryDisk({ seed });
    const first = Checkpoint.open(disk, '/checkpoint');
    t.same(first.values, { physicMs: 0, logicsMs: 0, indexMs: 0, masterFlushedOffset: 0, confirmPhysicalOffset: 0 });
    disk.syncDirectory('/');
    first.write(VALUES);
    disk.cutPower();
    t.equal(disk.sizeOf('/checkpoint'), 4096);
    const again = Checkpoint.open(disk, '/checkpoint');
    t.same(again.values, VALUES);
    again.close();
    const bytes = Buffer.alloc(40);
    disk.open('/checkpoint', 'read').read(bytes, 0, 40, 0);
    t.equal(bytes.toString('hex'), '0000018bcfe568000000018bcfe568010000018bcfe5680200000000000000030000000000000004');
  }
});

test('recoveryBaseMs goes three seconds behind log and queues, as Java does', async (t) => {
  t.equal(recoveryBaseMs(VALUES), 1_699_999_997_000);
  t.equal(recoveryBaseMs({ ...VALUES, logicsMs: 10 }), 0);
});

test('The abort file is there from its creation to its removal, power cuts included', async (t) => {
  for (let seed = 0; seed < 20; seed++) {
    const disk = new MemoryDisk({ seed });
    t.notOk(wasAborted(disk, '/abort'));
    createAbort(disk, '/abort', 4711);
    disk.cutPower();
    t.ok(wasAborted(disk, '/abort'));
    const bytes = Buffer.alloc(4);
    disk.open('/abort', 'read').read(bytes, 0, 4, 0);
    t.equal(bytes.toString(), '4711');
    removeAbort(disk, '/abort');
    disk.cutPower();
    t.notOk(wasAborted(disk, '/abort'));
  }
});
