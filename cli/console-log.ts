/** Log lines on standard error: time, level, text, then the fields as `name=value`. One write a line. */
import type { LogLevel } from '../runtime/actor.ts';

export type Log = (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const VALUE_CHARS_MAX = 2000;

/** @param least the least level that is written, asked for each line */
export function createConsoleLog(least: () => LogLevel): Log {
  return (level, text, fields) => {
    if (ORDER[level] < ORDER[least()]) return;
    process.stderr.write(formatLogLine(new Date(), level, text, fields));
  };
}

export function formatLogLine(time: Date, level: LogLevel, text: string, fields: Record<string, unknown> = {}): string {
  let line = `${time.toISOString()} ${level.toUpperCase().padEnd(5)} ${oneLine(text)}`;
  for (const [name, value] of Object.entries(fields)) line += ` ${name}=${formatField(value)}`;
  return `${line}\n`;
}

function formatField(value: unknown): string {
  const text = value instanceof Error ? (value.stack ?? value.message) : typeof value === 'object' ? JSON.stringify(value) : String(value);
  const line = oneLine(text);
  return /[\s"=]/.test(line) || line === '' ? JSON.stringify(line) : line;
}

/** What comes from clients must not be able to forge a line. */
function oneLine(text: string): string {
  const line = text.replaceAll(/\r?\n\s*/g, ' | ').replaceAll(/[\x00-\x1f\x7f]/g, '?');
  return line.length > VALUE_CHARS_MAX ? `${line.slice(0, VALUE_CHARS_MAX)}…` : line;
}
