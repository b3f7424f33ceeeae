/**
 * Deleted topics: up to which position of the log the messages of a topic are those of one that was deleted. Without it a recovery
 * that walks the log would bring them back, into a topic of the same name too. config/deletedTopics.json, ours: a Java broker ignores it.
 *
 *   {"topics":{"<topic>":position}}
 *
 * An entry goes when the log begins behind it. Fails by `DiskError`; a table that cannot be read counts as none, for then too
 * much is kept, never too little.
 */
import type { Disk } from './file.ts';
import { loadTable, replaceFile } from './json-table.ts';

/** Names that are remembered at once; the oldest deletions are forgotten first. */
export const DELETED_TOPICS_MAX = 100_000;

/** Position by topic: the topic's messages before it are gone. In order of deletion. */
export type DeletedTopics = Map<string, number>;

export function loadDeletedTopics(disk: Disk, path: string): DeletedTopics {
  const deleted: DeletedTopics = new Map();
  const value = loadTable(disk, path).value;
  const topics = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)['topics'] : null;
  if (typeof topics !== 'object' || topics === null) return deleted;
  for (const [topic, position] of Object.entries(topics)) {
    if (typeof position === 'number' && Number.isSafeInteger(position) && position >= 0) deleted.set(topic, position);
  }
  return deleted;
}

/** Notes a deletion, and saves it so that it lasts a power cut. Entries before `logMin` say nothing any more. */
export function noteDeletedTopic(disk: Disk, path: string, deleted: DeletedTopics, topic: string, position: number, logMin: number): void {
  deleted.delete(topic);
  deleted.set(topic, position);
  for (const [name, end] of deleted) {
    if (end <= logMin || deleted.size > DELETED_TOPICS_MAX) deleted.delete(name);
  }
  replaceFile(disk, path, Buffer.from(`${JSON.stringify({ topics: Object.fromEntries(deleted) })}\n`), true);
}
