/**
 * Disks that fail for real, on loop devices (root on Linux): a write-back error that the kernel reports once, and power cuts. A broker
 * that tries a failed sync again takes the later success for good, and loses what it acknowledged: Java's does. Ours stops at the first
 * failed sync and loses nothing.
 */
import tap, { test } from 'tap';
import { type FileSystem, LoopDisk, missingDisks, missingPowerCut } from '../support/loop-disk.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { pause, waitUntil } from '../support/wait-until.ts';
import { WatchedSenders } from '../support/watched-senders.ts';

tap.setTimeout(300_000);

const MIB = 1024 * 1024;
const ROOM_BYTES = 96 * MIB;
const TOPIC = 'write_back';

for (const fileSystem of ['ext4', 'xfs'] as FileSystem[]) {
  test(`a sync that failed once is never tried again: nothing acknowledged is lost on ${fileSystem}`, {
    skip: missingDisks(fileSystem),
  }, async (t) => {
    const disk = new LoopDisk(fileSystem, ROOM_BYTES);
    t.teardown(() => disk.remove());
    const dataDir = `${disk.path}/store`;
    const ringmq = await startRingmq({ flush: 'sync', dataDir });
    t.teardown(() => ringmq.destroy());
    const senders = new WatchedSenders(ringmq.broker, TOPIC, { bodyBytes: 1024 });
    await waitUntil('sends to be acknowledged', () => senders.acknowledged.size > 500, 60_000);
    const makeRoom = disk.fillBelow();
    const exit = await ringmq.exited(30_000);
    await senders.stop();
    t.equal(exit.code, 70, ringmq.output.slice(-2_000));
    await ringmq.destroy();
    disk.unmount();
    makeRoom();
    disk.mount();
    const again = await startRingmq({ flush: 'sync', dataDir });
    t.teardown(() => again.destroy());
    t.same(await senders.problems(again.broker), [], `${senders.acknowledged.size} acknowledged, 0 lost`);
  });

  test(`a power cut in sync mode loses nothing acknowledged on ${fileSystem}`, {
    skip: missingDisks(fileSystem) || missingPowerCut(),
  }, async (t) => {
    const disk = new LoopDisk(fileSystem, ROOM_BYTES);
    t.teardown(() => disk.remove());
    const dataDir = `${disk.path}/store`;
    const all = new Map<string, string>();
    for (let round = 0; round < 2; round++) {
      const ringmq = await startRingmq({ flush: 'sync', dataDir });
      t.teardown(() => ringmq.destroy());
      const senders = new WatchedSenders(ringmq.broker, TOPIC, { bodyBytes: 512, name: `${round}` });
      await waitUntil('sends to be acknowledged', () => senders.acknowledged.size > 300, 60_000);
      ringmq.signal('SIGSTOP');
      await pause(50);
      disk.cutPower();
      await ringmq.destroy();
      await senders.stop();
      disk.unmount();
      disk.mount();
      for (const [body, place] of senders.acknowledged) all.set(body, place);
      const again = await startRingmq({ flush: 'sync', dataDir });
      t.teardown(() => again.destroy());
      t.same(await senders.problems(again.broker, all), [], `round ${round}: ${all.size} acknowledged, 0 lost`);
      await again.destroy();
    }
  });
}
