/**
 * The code samples of a document, and how they run: each TypeScript block is a program of its own. A block directly followed by a `text` block has
 * to print exactly that. `127.0.0.1:9876` stands for the name server that the test started; imports of the package for its sources. A block
 * that begins with `// data/plugins/NAME` is a filter plugin, and no program. Owns the temporary folder that it is given; fails by throwing with place and output.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENTRIES: Readonly<Record<string, string>> = {
  ringmq: 'index.ts',
  'ringmq/client': 'client/index.ts',
  'ringmq/runtime': 'runtime/index.ts',
};
const SAMPLE_MS_MAX = 60_000;

export type Sample = {
  /** `docs/client.md:12` */
  readonly place: string;
  readonly code: string;
  /** What it prints; null: anything. */
  readonly output: string | null;
};

const PLUGIN = /^\/\/ data\/plugins\/(\S+)\n/;

/** All blocks of a language in a document, in its order, with what stands behind each. @param file relative to the repository. */
function blocksOf(file: string, language: string): Sample[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const blocks: Sample[] = [];
  for (const match of text.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```\n)?/gm)) {
    const line = text.slice(0, match.index).split('\n').length;
    if (match[1] === language) blocks.push({ place: `${file}:${line}`, code: match[2] as string, output: match[3] ?? null });
  }
  return blocks;
}

/** The samples of a document that are programs. */
export function samplesOf(file: string): Sample[] {
  return blocksOf(file, 'ts').filter(({ code }) => !PLUGIN.test(code));
}

/** Those that are filter plugins, with the names of their files. */
export function pluginsOf(file: string): (Sample & { readonly name: string })[] {
  return blocksOf(file, 'ts').flatMap((sample) => {
    const name = PLUGIN.exec(sample.code)?.[1];
    return name === undefined ? [] : [{ ...sample, name }];
  });
}

/** The lines of a document's shell blocks that call `npx ringmq`, as words behind it; quotes around a word are taken away. */
export function ringmqCallsOf(file: string): { place: string; words: string[] }[] {
  return blocksOf(file, 'sh').flatMap(({ place, code }) =>
    code
      .split('\n')
      .filter((line) => line.startsWith('npx ringmq '))
      .map((line) => ({
        place,
        words: [...line.slice('npx ringmq '.length).matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? ''),
      })),
  );
}

/** Writes a sample so that it runs and is type-checked; returns its path. */
export async function writeSample(sample: Sample, folder: string, nameServer: string, index: number): Promise<string> {
  const code = sample.code
    .replaceAll('127.0.0.1:9876', nameServer)
    .replaceAll(/(from |import\()'(ringmq(?:\/[a-z]+)?)'/g, (whole, before: string, name: string) => {
      const entry = ENTRIES[name];
      return entry === undefined ? whole : `${before}'${pathToFileURL(join(ROOT, entry)).pathname}'`;
    });
  const path = join(folder, `sample-${index}.mts`);
  await writeFile(path, code);
  return path;
}

/** Runs a program to its end; resolves with what it printed. */
export function runSample(path: string, place: string): Promise<string> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  delete env.NODE_TEST_CONTEXT;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), SAMPLE_MS_MAX);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new Error(`The sample at ${place} ended with ${signal ?? code}:\n${output}\n${errors}`));
    });
  });
}

/** Type-checks samples as a user's strict project would; resolves with the compiler's complaints. */
export async function checkSamples(folder: string): Promise<string> {
  const configuration = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: { rewriteRelativeImportExtensions: false, types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] },
    include: [`${folder}/*.mts`],
    exclude: [],
  };
  const path = join(folder, 'tsconfig.json');
  await writeFile(path, JSON.stringify(configuration));
  const child = spawn(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(output));
  });
}
