/**
 * A store directory that a Java broker wrote (test/fixtures/java-store): its files with their full sizes and the places that
 * are not zero, laid out on any disk.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Disk } from '../../storage/file.ts';

type Fixture = { version: string; segmentBytes: number; files: { path: string; bytes: number; pieces: [number, string][] }[] };

/** Writes the store of the Java broker of `version` to `root`; returns its segment size. */
export function layOutJavaStore(disk: Disk, root: string, version: string): number {
  const packed = readFileSync(new URL(`../fixtures/java-store/${version}.json.gz`, import.meta.url));
  const fixture = JSON.parse(gunzipSync(packed).toString()) as Fixture;
  for (const { path, bytes, pieces } of fixture.files) {
    const target = join(root, path);
    disk.makeDirectory(dirname(target));
    const file = disk.open(target, 'create');
    file.truncate(bytes);
    for (const [position, base64] of pieces) {
      const piece = Buffer.from(base64, 'base64');
      file.write(piece, 0, piece.length, position);
    }
    file.close();
  }
  return fixture.segmentBytes;
}
