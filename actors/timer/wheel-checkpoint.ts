/**
 * How far the timing wheel is: what is settled of the timer topic's queue, as it stands in config/timerWheel.json. Pure.
 * A timer is settled when one of the marks has it: its time is not behind the mark's, and its record lies before the mark's end. The last mark
 * is the wheel's own place; a former one stands until the clock has passed it, after the clock was set back.
 *
 *   {"dataVersion":{…},"marks":[{"ms":…,"recall":false,"physical":…,"end":…}],"pending":n}
 */
import { isRecallKey, keyTime, TIMER_PRECISION_MS } from '../../storage/timer/timer-unit.ts';

export const WHEEL_FILE = 'timerWheel.json';
/** A clock that is set back more often than this within the time that it was set back has its oldest mark forgotten. */
const MARKS_MAX = 16;

/** Everything up to (`key`, `physical`) whose record lies before `end` is settled. */
export type SettledMark = { readonly key: number; readonly physical: number; readonly end: number };
/** The wheel's own mark is the last. `pending`: timers that were not settled. */
export type WheelCheckpoint = { readonly counter: number; readonly marks: readonly SettledMark[]; readonly pending: number };

export const NOTHING_SETTLED: SettledMark = { key: 0, physical: 0, end: 0 };
export const FIRST_CHECKPOINT: WheelCheckpoint = { counter: 0, marks: [NOTHING_SETTLED], pending: 0 };

/** A timerWheel.json that says nothing about the wheel. */
export class WheelFileError extends Error {
  readonly code = 'MQ_TIMER_BAD_WHEEL';

  constructor(reason: string) {
    super(`Cannot read ${WHEEL_FILE}: ${reason}; a good copy may be in ${WHEEL_FILE}.bak`);
    this.name = 'WheelFileError';
  }
}

/** Whether a timer is settled. */
export function isSettled(marks: readonly SettledMark[], key: number, physical: number): boolean {
  for (const mark of marks) {
    if (physical < mark.end && (key < mark.key || (key === mark.key && physical <= mark.physical))) return true;
  }
  return false;
}

/**
 * Whether the wheel is to have a timer: it is not settled, or it is a word that takes messages back and was read so short a time ago
 * that those of its second may be still to come.
 */
export function isWanted(marks: readonly SettledMark[], key: number, physical: number): boolean {
  if (!isSettled(marks, key, physical)) return true;
  return isRecallKey(key) && keyTime(key) >= keyTime(marks[marks.length - 1]!.key) - TIMER_PRECISION_MS - 1;
}

/** The marks after the clock was set back: the wheel begins anew, and what it had settled stays so. */
export function marksAfterRewind(marks: readonly SettledMark[]): readonly SettledMark[] {
  return [...marks, NOTHING_SETTLED].slice(-MARKS_MAX);
}

/** Without those former marks that the wheel's own has passed. */
export function currentMarks(former: readonly SettledMark[], own: SettledMark): readonly SettledMark[] {
  return [...former.filter((mark) => mark.key > own.key || mark.end > own.end), own];
}

export function wheelText({ counter, marks, pending }: WheelCheckpoint, now: number): string {
  const told = marks.map(({ key, physical, end }) => ({ ms: keyTime(key), recall: key % 2 === 0, physical, end }));
  return `${JSON.stringify({ dataVersion: { counter, stateVersion: 0, timestamp: now }, marks: told, pending })}\n`;
}

/** Reads the parsed file; strict, for a wrong number would deliver again or not at all. */
export function parseWheel(parsed: unknown): WheelCheckpoint {
  const root = record(parsed, 'the table');
  const { marks, pending } = root;
  if (!Array.isArray(marks) || marks.length === 0 || marks.length > MARKS_MAX) throw new WheelFileError('marks is no list of 1 to 16');
  const read = marks.map((one) => {
    const { ms, recall, physical, end } = record(one, 'a mark');
    return { key: 2 * whole(ms, 'ms') + (recall === true ? 0 : 1), physical: whole(physical, 'physical'), end: whole(end, 'end') };
  });
  const { counter } = record(root['dataVersion'] ?? {}, 'dataVersion');
  return {
    counter: typeof counter === 'number' && Number.isSafeInteger(counter) ? counter : 0,
    marks: read,
    pending: whole(pending, 'pending'),
  };
}

function whole(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new WheelFileError(`${name} is ${JSON.stringify(value)}, no count`);
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WheelFileError(`${what} is no object`);
  return value as Record<string, unknown>;
}
