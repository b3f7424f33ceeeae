/** A process that takes a store's lock, says so, and holds it until it is ended. Started by a test with the lock file's path. */
import { NodeDisk } from '../../storage/node-disk.ts';

const path = process.argv[2] ?? '';
try {
  const release = new NodeDisk().lock(path);
  process.stdout.write('held\n');
  process.stdin.on('data', () => {
    release();
    process.exit(0);
  });
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(3);
}
