/** A process that appends messages to a store on the real disk and says each one that is written, until it is killed. Argument: the store's directory. */
import { NodeDisk } from '../../storage/node-disk.ts';
import { StoreWriter, testStoreOptions } from './store-writer.ts';

const disk = new NodeDisk();
const root = process.argv[2] ?? '';
disk.lock(`${root}/lock`);
const writer = StoreWriter.open(testStoreOptions(disk, root));
let count = 0;

function round(): void {
  const lines: string[] = [];
  for (let index = 0; index < 20; index++, count++) {
    const body = `${process.pid}-${count}-${'x'.repeat((count * 37) % 900)}`;
    const { topic, queueId, queueOffset } = writer.append(`Topic${count % 3}`, count % 2, body, `key${count % 10}`);
    lines.push(`${topic} ${queueId} ${queueOffset} ${body}\n`);
  }
  if (count % 100 === 0) writer.checkpoint();
  process.stdout.write(lines.join(''));
  setImmediate(round);
}
round();
