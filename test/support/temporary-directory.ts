/** A directory of its own for a test, removed with everything in it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'ringmq-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
