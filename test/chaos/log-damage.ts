/**
 * Damage to the files of a stopped store, done behind everybody's back, and what it takes away: the bodies of the messages that stood
 * in the damaged bytes. Nothing else may be missing afterwards.
 */
import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CommitLog } from '../../storage/commit-log/commit-log.ts';
import { recoverCommitLog } from '../../storage/commit-log/recover.ts';
import { NodeDisk } from '../../storage/node-disk.ts';

export type Damage = 'torn' | 'cut' | 'flipped' | 'index' | 'queue';
export const DAMAGES: readonly Damage[] = ['torn', 'cut', 'flipped', 'index', 'queue'];

type Place = {
  readonly position: number;
  readonly size: number;
  readonly bodyAt: number;
  readonly bodyLength: number;
  readonly body: string;
};

/** The records of the last segment that has any. */
function lastRecords(log: CommitLog): { places: Place[]; end: number } {
  const places: Place[] = [];
  let { end } = { end: 0 };
  for (const from of log.segmentBases().reverse()) {
    ({ end } = recoverCommitLog(log, {
      from,
      onRecord: (record) => {
        const { position, size, at, bodyAt, bodyLength, bytes } = record;
        const body = Buffer.from(bytes.subarray(bodyAt, bodyAt + bodyLength)).toString();
        places.push({ position, size, bodyAt: bodyAt - at, bodyLength, body });
      },
      onDamage: () => {},
    }));
    if (places.length > 0) break;
  }
  return { places, end };
}

function overwrite(path: string, position: number, change: (bytes: Buffer) => void, length: number): void {
  const file = openSync(path, 'r+');
  try {
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, position);
    change(bytes);
    writeSync(file, bytes, 0, length, position);
  } finally {
    closeSync(file);
  }
}

/**
 * Damages the store in `directory`. `torn`: half a record behind the log's end. `cut`: its last bytes read as zeros. `flipped`: one bit
 * of a body. `index`, `queue`: an index or queue file full of zeros or of noise. Gives the bodies that are lost.
 * @param chance numbers in [0, 1)
 */
export function damageStore(directory: string, kind: Damage, segmentBytes: number, chance: () => number): string[] {
  if (kind === 'index' || kind === 'queue') {
    damageDerived(join(directory, kind === 'index' ? 'index' : 'consumequeue'), chance);
    return [];
  }
  const log = CommitLog.open(new NodeDisk(), join(directory, 'commitlog'), segmentBytes);
  const { places, end } = lastRecords(log);
  const last = places.at(-1);
  const at = (position: number): string => log.pathOf(position);
  log.close();
  if (last === undefined) return [];
  if (kind === 'torn') {
    const half = Math.max(16, Math.floor(last.size * chance()));
    if ((end % segmentBytes) + half >= segmentBytes) return [];
    let record = Buffer.alloc(0);
    overwrite(at(last.position), last.position % segmentBytes, (bytes) => void (record = Buffer.from(bytes)), half);
    // As the sequencer would have written it: with the physical offset of its place.
    record.writeBigInt64BE(BigInt(end), 28 < half - 8 ? 28 : 0);
    overwrite(at(end), end % segmentBytes, (bytes) => record.copy(bytes), half);
    return [];
  }
  if (kind === 'cut') {
    const lost = Math.floor(last.size * (1 + 3 * chance()));
    const from = Math.max(end - lost, end - (end % segmentBytes));
    overwrite(at(from), from % segmentBytes, (bytes) => bytes.fill(0), end - from);
    return places.filter(({ position, size }) => position + size > from).map(({ body }) => body);
  }
  const victim = places[Math.floor(places.length * chance())] ?? last;
  if (victim.bodyLength === 0) return [];
  const byte = victim.position + victim.bodyAt + Math.floor(victim.bodyLength * chance());
  overwrite(at(byte), byte % segmentBytes, (bytes) => void (bytes[0] = bytes[0]! ^ (1 << Math.floor(8 * chance()))), 1);
  return [victim.body];
}

function damageDerived(directory: string, chance: () => number): void {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
  const path = files[Math.floor(files.length * chance())];
  if (path === undefined) return;
  const size = Math.min(4096, statSync(path).size);
  const isNoise = chance() < 0.5;
  overwrite(
    path,
    0,
    (bytes) => void (isNoise ? bytes.forEach((_, at) => void (bytes[at] = Math.floor(256 * chance()))) : bytes.fill(0)),
    size,
  );
}
