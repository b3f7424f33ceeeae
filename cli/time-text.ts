/** Times as texts: for programs in ISO 8601, for people in local time. Pure but for the local zone. */

/** The last millisecond that a Date can be. */
const DATE_MS_MAX = 8.64e15;

/** An ISO time, or null for none. */
export function isoTime(ms: number): string | null {
  return ms > 0 && ms < DATE_MS_MAX ? new Date(ms).toISOString() : null;
}

/** `2026-01-31 08:00:00` in local time, or `-`. */
export function localTime(ms: number): string {
  if (!(ms > 0 && ms < DATE_MS_MAX)) return '-';
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
