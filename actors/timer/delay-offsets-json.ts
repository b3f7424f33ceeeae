/**
 * delayOffset.json: how far each delay level is delivered, in RocketMQ's own shape, which a Java broker reads and writes too. Pure.
 * `{"dataVersion":{…},"offsetTable":{"<level>":next offset of its queue}}`. Source: RocketMQ `DelayOffsetSerializeWrapper`.
 */

export const DELAY_OFFSETS_FILE = 'delayOffset.json';

/** Delivered offsets by level, and the version that the file had. */
export type DelayOffsets = { readonly counter: number; readonly offsets: ReadonlyMap<number, number> };

/** A delayOffset.json that is no table of offsets. */
export class DelayOffsetsFileError extends Error {
  readonly code = 'MQ_TIMER_BAD_OFFSETS';

  constructor(reason: string) {
    super(`Cannot read ${DELAY_OFFSETS_FILE}: ${reason}; a good copy may be in ${DELAY_OFFSETS_FILE}.bak`);
    this.name = 'DelayOffsetsFileError';
  }
}

/** The file's text. */
export function delayOffsetsText({ counter, offsets }: DelayOffsets, now: number): string {
  const table = Object.fromEntries([...offsets].map(([level, offset]) => [String(level), offset]));
  return `${JSON.stringify({ dataVersion: { counter, stateVersion: 0, timestamp: now }, offsetTable: table })}\n`;
}

/** Reads the parsed file: lenient in what may be missing (4.x has no version), strict in what is there. */
export function parseDelayOffsets(parsed: unknown): DelayOffsets {
  const root = record(parsed, 'the table');
  const offsets = new Map<number, number>();
  for (const [level, offset] of Object.entries(record(root['offsetTable'] ?? {}, 'offsetTable'))) {
    if (!/^\d{1,9}$/.test(level) || level === '0')
      throw new DelayOffsetsFileError(`the level ${JSON.stringify(level.slice(0, 32))} is none`);
    if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) {
      throw new DelayOffsetsFileError(`the offset of level ${level} is ${JSON.stringify(offset)}, no offset`);
    }
    offsets.set(Number(level), offset);
  }
  const { counter } = record(root['dataVersion'] ?? {}, 'dataVersion');
  return { counter: typeof counter === 'number' && Number.isSafeInteger(counter) ? counter : 0, offsets };
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new DelayOffsetsFileError(`${what} is no object`);
  return value as Record<string, unknown>;
}
