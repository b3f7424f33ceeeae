/**
 * What was recorded of the stock admin tool: a file a command under `test/fixtures/admin/`, with its runs in their order and the
 * exchanges of each. Requests with their values, so that they can be sent again; answers as shapes. In texts `{broker}` and the like
 * stand for what differs from run to run.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bodyShape, type Shape } from './json-shape.ts';
import type { RawFrame } from './raw-frame.ts';

export type GoldenExchange = {
  /** `client`: what the broker asked its client meanwhile. */
  to: 'name-server' | 'broker' | 'client';
  code: number;
  fields: Record<string, string>;
  /** Text, or `hex:` and bytes; left out when empty. */
  body?: string;
  answer: {
    code: number;
    /** `numeric`, `boolean` or `text`. */
    fields: Record<string, string>;
    body: Shape;
  };
};

export type GoldenRun = {
  args: string[];
  exchanges: GoldenExchange[];
  /** What the tool wrote, numbers as `#`. */
  output: string[];
};

export type GoldenCommand = { command: string; runs: GoldenRun[] };

const FOLDER = fileURLToPath(new URL('../fixtures/admin/', import.meta.url));

export function loadGolden(): GoldenCommand[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(`${FOLDER}${file}`, 'utf8')) as GoldenCommand);
}

export function saveGolden(golden: GoldenCommand): void {
  const runs = golden.runs.map(
    (run) =>
      `  {"args": ${JSON.stringify(run.args)},\n   "exchanges": [${run.exchanges.map((one) => `\n    ${JSON.stringify(one)}`).join(',')}],\n   "output": [${run.output
        .map((line) => `\n    ${JSON.stringify(line)}`)
        .join(',')}]}`,
  );
  writeFileSync(`${FOLDER}${golden.command}.json`, `{"command": ${JSON.stringify(golden.command)},\n "runs": [\n${runs.join(',\n')}\n]}\n`);
}

/** Names of an answer's header fields with the kind of their values. */
export function fieldKinds(ext: RawFrame['ext']): Record<string, string> {
  const kinds: [string, string][] = Object.entries(ext ?? {}).map(([name, value]) => [
    name,
    /^-?\d+$/.test(value) ? 'numeric' : value === 'true' || value === 'false' ? 'boolean' : 'text',
  ]);
  return Object.fromEntries(kinds.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function answerShape(answer: RawFrame): GoldenExchange['answer'] {
  return { code: answer.code, fields: fieldKinds(answer.ext), body: bodyShape(answer.body) };
}

/** Puts names in place of values; times near `now` are times. Long values first, so that none is cut by another. */
export function withNames(text: string, values: Readonly<Record<string, string>>, now: number): string {
  let named = text;
  for (const [name, value] of Object.entries(values).sort(([, a], [, b]) => b.length - a.length)) {
    if (value !== '' && !/^\d{1,5}$/.test(value)) named = named.replaceAll(value, `{${name}}`);
    else if (text === value) named = `{${name}}`;
  }
  return named.replaceAll(/(?<![\w.])1[6-9]\d{11}(?!\w)/g, (digits) =>
    Math.abs(Number(digits) - now) < 2 * 86_400_000 ? '{time}' : digits,
  );
}

/** Puts values in place of names. */
export function withValues(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

/** The tool's output as it can be compared: without numbers, log lines and the width of columns. */
export function outputLines(output: string, values: Readonly<Record<string, string>>, now: number): string[] {
  return withNames(output, values, now)
    .split('\n')
    .map((line) =>
      line
        .replaceAll(/\/(root|home|tmp|Users)\/[^\s,\]]*/g, '{path}')
        .replaceAll(/\b[0-9A-F]{24,}\b/g, '{id}')
        .replaceAll(/\d+(\.\d+)?/g, '#')
        .replaceAll(/[ \t]+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '' && !/^(SLF#J|OpenJDK|WARNING|log#j|at \S+\(|\.\.\. # more)/.test(line));
}
