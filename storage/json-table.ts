/**
 * A metadata table as a JSON file, replaced as a whole: written beside, synced, the former one kept as `.bak`, renamed into
 * place, the directory synced. A crash in between leaves the former or the new table, never a mixture. Loading falls back
 * to `.bak` and is lenient as fastjson writes: integer keys without quotes. Owns nothing between calls.
 * Fails by `DiskError` and MQ_STORAGE_TOO_LARGE; an unreadable table is told in the result, for the log rebuilds what it can.
 * Source: RocketMQ 5.3 `ConfigManager`, `MixAll.string2File`.
 */
import { dirname } from 'node:path';
import { StorageError } from './errors.ts';
import type { Disk } from './file.ts';

/** A larger table is refused, at load and at save. */
export const TABLE_BYTES_MAX = 256 * 1024 * 1024;

export type LoadedTable = {
  /** The parsed JSON; null when there is none that can be read. */
  readonly value: unknown;
  readonly source: 'file' | 'backup' | 'none';
  /** Why a file that is there was passed over; empty when none was. */
  readonly problems: readonly string[];
};

/** Reads the table at `path`, else its `.bak`. */
export function loadTable(disk: Disk, path: string): LoadedTable {
  const problems: string[] = [];
  const sources = [
    ['file', path],
    ['backup', `${path}.bak`],
  ] as const;
  for (const [source, from] of sources) {
    if (!disk.exists(from)) continue;
    const text = readText(disk, from);
    // Java leaves an empty file where it had nothing to say.
    if (text.trim() === '') {
      problems.push(`${from} is empty`);
      continue;
    }
    try {
      return { value: parseLenient(text), source, problems };
    } catch (error) {
      problems.push(`${from} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { value: null, source: 'none', problems };
}

/** Replaces the table at `path` by `value`; returns when it lasts a power cut. */
export function saveTable(disk: Disk, path: string, value: unknown): void {
  replaceFile(disk, path, Buffer.from(`${JSON.stringify(value, null, '\t')}\n`), true);
}

/**
 * Replaces the file at `path` by `bytes` at once, and makes that last a power cut. Without `isSynced` a power cut may bring the former
 * file back, but never leaves less than that: the bytes are on the disk before the name is theirs.
 */
export function replaceFile(disk: Disk, path: string, bytes: Uint8Array, keepBackup: boolean, isSynced = true): void {
  if (bytes.length > TABLE_BYTES_MAX)
    throw new StorageError('MQ_STORAGE_TOO_LARGE', `${path} would have ${bytes.length} bytes, ${TABLE_BYTES_MAX} are allowed`, {
      path,
      bytes: bytes.length,
      limit: TABLE_BYTES_MAX,
    });
  const directory = dirname(path);
  disk.makeDirectory(directory);
  const temporary = `${path}.tmp`;
  const file = disk.open(temporary, 'create');
  try {
    file.truncate(0);
    file.write(bytes, 0, bytes.length, 0);
    // Always: a rename may reach the disk before the bytes do, and with the backup renamed first neither file would hold anything.
    file.sync();
  } finally {
    file.close();
  }
  if (keepBackup && disk.exists(path)) disk.rename(path, `${path}.bak`);
  disk.rename(temporary, path);
  if (isSynced) disk.syncDirectory(directory);
}

/** The whole file; null when there is none. */
export function readWhole(disk: Disk, path: string, bytesMax: number): Uint8Array | null {
  if (!disk.exists(path)) return null;
  const file = disk.open(path, 'read');
  try {
    const size = file.size();
    if (size > bytesMax)
      throw new StorageError('MQ_STORAGE_TOO_LARGE', `${path} has ${size} bytes, ${bytesMax} are allowed`, {
        path,
        bytes: size,
        limit: bytesMax,
      });
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, file.read(bytes, 0, size, 0));
  } finally {
    file.close();
  }
}

function readText(disk: Disk, path: string): string {
  const bytes = readWhole(disk, path, TABLE_BYTES_MAX);
  return bytes === null ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** JSON, or what fastjson makes of maps with integer keys: `{0:5,1:7}`. Throws SyntaxError for anything else. */
export function parseLenient(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // A string is matched as a whole, so that nothing inside one is taken for a key.
    const quoted = text.replace(
      /"(?:[^"\\]|\\.)*"|([{,]\s*)(-?\d+)(\s*:)/g,
      (all: string, before?: string, key?: string, after?: string) => (before === undefined ? all : `${before}"${key}"${after}`),
    );
    if (quoted === text) throw error;
    return JSON.parse(quoted);
  }
}
