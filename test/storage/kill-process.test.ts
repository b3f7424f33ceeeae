import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { decodeMessageRecord } from '../../model/message-record.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize } from '../../storage/consume-queue/queue-unit.ts';
import { NodeDisk } from '../../storage/node-disk.ts';
import { StoreWriter, testStoreOptions } from '../support/store-writer.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const APPENDER = fileURLToPath(new URL('../support/append-until-killed.ts', import.meta.url));
const ROUNDS = 3;
const LINES_BEFORE_KILL = 300;

test('openStore finds every message that a killed process said it had written, round after round', async (t) => {
  const { path, remove } = temporaryDirectory();
  t.teardown(remove);
  const disk = new NodeDisk();
  const said: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const child = spawn(process.execPath, [APPENDER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    let isKilled = false;
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (isKilled || text.split('\n').length <= LINES_BEFORE_KILL) return;
      isKilled = true;
      child.kill('SIGKILL');
    });
    await once(child, 'close');
    // The last line may have been cut off.
    said.push(...text.slice(0, text.lastIndexOf('\n')).split('\n'));
    const damages: string[] = [];
    const writer = StoreWriter.open(testStoreOptions(disk, path, damages));
    t.same(damages, []);
    t.equal(writer.store.wasClean, false);
    const wrong = said.filter((line) => bodyAt(writer, line) !== line.split(' ')[3]);
    t.same(wrong, [], `round ${round}: ${said.length} messages`);
    writer.close();
  }
});

function bodyAt(writer: StoreWriter, line: string): string {
  const [topic, queueId, offset] = line.split(' ') as [string, string, string];
  const unit = new Uint8Array(QUEUE_UNIT_BYTES);
  const queue = writer.store.queues.queue(topic, Number(queueId));
  if (Number(offset) >= queue.maxOffset || queue.read(unit, 0, Number(offset), 1) !== 1) return 'no unit';
  const bytes = new Uint8Array(unitSize(unit, 0));
  writer.store.log.read(bytes, 0, bytes.length, unitPhysicalOffset(unit, 0));
  return Buffer.from(decodeMessageRecord(bytes, 0).body).toString();
}
