/** Times of the settings: delays of the delay levels, hours of the day; both ways. Pure. */

const DELAY_UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Delay levels that there may be. */
export const DELAY_LEVELS_MAX = 64;

/** `1s 5m 2h 1d` in ms. */
export function parseDelayLevels(value: string): readonly number[] | undefined {
  const levels = value.trim().split(/\s+/);
  if (levels.length > DELAY_LEVELS_MAX) return undefined;
  const delays: number[] = [];
  for (const level of levels) {
    const match = /^(\d{1,9})([smhd])$/.exec(level);
    if (match === null) return undefined;
    delays.push(Number(match[1]) * DELAY_UNIT_MS[match[2]!]!);
  }
  return delays;
}

/** The other way. */
export function formatDelayLevels(delays: readonly number[]): string {
  return delays
    .map((ms) => (ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1000}s`))
    .join(' ');
}

/** `04;16`: hours of the day, each once. */
export function parseHours(value: string): readonly number[] | undefined {
  const hours = value.split(';').map((hour) => hour.trim());
  return hours.every((hour) => /^\d{1,2}$/.test(hour) && Number(hour) < 24) ? [...new Set(hours.map(Number))] : undefined;
}

/** The other way. */
export function formatHours(hours: readonly number[]): string {
  return hours.map((hour) => String(hour).padStart(2, '0')).join(';');
}
