/**
 * A plugin's file, loaded and looked at: what it exports must be a filter, and a fault is told in one line with file and position. Runs in the
 * plugin's own worker. Source of the shapes: docs/plugins.md.
 */
import * as nodeModule from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FilterContext, FilterMessage, ParkPolicy } from './filter-plugin.ts';
import type { PluginDescription } from './plugin-words.ts';

export type PluginFilter = (message: FilterMessage, context: FilterContext) => boolean;
export type PluginCode = {
  readonly filter: PluginFilter;
  readonly start: (() => unknown) | null;
  readonly description: PluginDescription;
};

const DESCRIPTION_CHARS_MAX = 200;
const FAULT_CHARS_MAX = 500;

/** What the file exports when it holds `text`, checked; or what is wrong with it. `format`: what Node took it for when it was loaded before. */
export async function importPlugin(
  url: string,
  text: string,
  format: string | null = null,
  onFormat: (format: string | null) => void = () => {},
): Promise<PluginCode | string> {
  // The version that is loaded is the one that is kept, whatever becomes of the file meanwhile.
  nodeModule.registerHooks({
    load: (asked, context, next) => {
      if (asked !== url) return next(asked, context);
      if (format !== null) return { format, source: text, shortCircuit: true };
      const loaded = next(asked, context);
      onFormat(loaded.format ?? null);
      return { ...loaded, source: text };
    },
  });
  let module: Record<string, unknown>;
  try {
    module = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    return loadFault(error, url, text);
  }
  const code = pluginCode(module);
  return typeof code === 'string' ? `${basename(fileURLToPath(url))}: ${code}` : code;
}

/** The filter in a module's exports, or why there is none. */
export function pluginCode(module: Readonly<Record<string, unknown>>): PluginCode | string {
  // What a CommonJS module exports comes as its default, which may have a default again.
  const outer = module['default'];
  const isNested = outer !== null && typeof outer === 'object' && 'default' in outer;
  const exported = isNested ? (outer as { default: unknown }).default : outer;
  if (typeof exported === 'function') {
    return { filter: exported as PluginFilter, start: null, description: { description: '', whenParked: null } };
  }
  if (exported === undefined || exported === null || typeof exported !== 'object') {
    return 'the default export is no plugin: export default { filter(message, context) { … } }';
  }
  const plugin = exported as Record<string, unknown>;
  const { filter, start, description, whenParked } = plugin;
  if (typeof filter !== 'function') return 'the default export has no function filter(message, context)';
  if (start !== undefined && typeof start !== 'function') return 'start is no function';
  if (description !== undefined && typeof description !== 'string') return 'description is no string';
  if (whenParked !== undefined && whenParked !== 'pass' && whenParked !== 'hold') return "whenParked is neither 'pass' nor 'hold'";
  return {
    filter: filter.bind(plugin) as PluginFilter,
    start: start === undefined ? null : () => (start as () => unknown).call(plugin),
    description: {
      description: oneLine(description ?? '', DESCRIPTION_CHARS_MAX),
      whenParked: (whenParked as ParkPolicy | undefined) ?? null,
    },
  };
}

/** An error of the import, with the file and the place where they can be told. */
export function loadFault(error: unknown, url: string, source: string): string {
  const path = fileURLToPath(url);
  const file = basename(path);
  if (!(error instanceof Error)) return oneLine(`${file}: threw ${String(error)} while it was loaded`, FAULT_CHARS_MAX);
  const place = placeOf(error, file) ?? (error instanceof SyntaxError ? placeByParsing(source, file) : null);
  return oneLine(`${place ?? file}: ${error.name}: ${error.message}`, FAULT_CHARS_MAX);
}

/** An error of a running filter: its first line and the place in the plugin's folder. */
export function callFault(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(`threw ${String(error)}`, FAULT_CHARS_MAX);
  const frame = /\((?:file:\/\/)?[^()]*?([^/\\()]+:\d+:\d+)\)|at (?:file:\/\/)?\S*?([^/\\\s]+:\d+:\d+)$/m.exec(error.stack ?? '');
  const place = frame?.[1] ?? frame?.[2];
  return oneLine(`${error.name}: ${error.message}${place === undefined ? '' : ` (${place})`}`, FAULT_CHARS_MAX);
}

/** `file:line:column`, from what Node puts above or into the stack of an error. */
function placeOf(error: Error, file: string): string | null {
  const stack = error.stack ?? '';
  const lines = stack.split('\n');
  const above = /([^/\\]+):(\d+)$/.exec(lines[0] ?? '');
  if (above !== null) {
    const column = lines.slice(1, 6).find((line) => /^\s*\^/.test(line));
    return `${above[1]}:${above[2]}${column === undefined ? '' : `:${column.indexOf('^') + 1}`}`;
  }
  const frame = new RegExp(`${file.replaceAll(/[.*+?^${}()|[\\]\\\\]/g, '\\$&')}:(\\d+):(\\d+)`).exec(stack);
  return frame === null ? null : `${file}:${frame[1]}:${frame[2]}`;
}

/** Node does not say where a JavaScript module is wrong; its TypeScript parser reads the same grammar, and does. */
function placeByParsing(source: string, file: string): string | null {
  const strip = (nodeModule as { stripTypeScriptTypes?: (code: string, options: { sourceUrl: string }) => string }).stripTypeScriptTypes;
  if (strip === undefined) return null;
  try {
    strip(source, { sourceUrl: file });
    return null;
  } catch (error) {
    return error instanceof Error ? placeOf(error, file) : null;
  }
}

/** Foreign text in logs and remarks: one line, no control characters, not too long. */
export function oneLine(text: string, charsMax: number): string {
  const line = text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  return line.length > charsMax ? `${line.slice(0, charsMax)}…` : line;
}
