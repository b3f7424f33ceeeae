/**
 * What the linter cannot see: files that nothing uses, time and chance from the wrong place, errors and settings that the
 * documents or the code do not know, paths of somebody's machine, links that lead nowhere.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { brokerOptions } from '../actors/broker/broker-options.ts';
import { renderCompatibilityPage } from '../bin/compatibility-page.ts';
import { exitCodes } from '../cli/exit-codes.ts';
import { CLIENT_PROGRAMS } from './compatibility/client-programs.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const rooms = ['actors', 'client', 'cli', 'model', 'protocol', 'runtime', 'storage'];
const LONG_FILE_LINES = 400;
const LONG_TEST_LINES = 800;

function listFiles(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file).split(sep).join('/'))
    .filter((file) => !file.includes('node_modules/') && statSync(join(root, file)).isFile());
}

const texts = new Map<string, string>();
function read(file: string): string {
  let text = texts.get(file);
  if (text === undefined) {
    text = readFileSync(join(root, file), 'utf8');
    texts.set(file, text);
  }
  return text;
}

/** Without comments: what is written about is not used. Strings stay. */
function code(file: string): string {
  return read(file)
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '');
}

/** One string, so that a failure shows the lines and nothing else. */
const listing = (lines: Iterable<string>): string => [...lines].sort().join('\n');

/** What the project keeps for tests and simulations, and would put under test/ if rooms were not mirrored there. */
const forTests = new Set(['storage/memory-disk.ts']);

const isScript = (file: string): boolean => file.endsWith('.ts');
const sources = rooms.flatMap(listFiles).filter(isScript);
const entries = ['index.ts', ...listFiles('bin').filter(isScript)];
const benches = [...listFiles('bench'), ...listFiles('sim')].filter(isScript);
const tests = listFiles('test').filter(isScript);
const everything = [...sources, ...entries, ...benches, ...tests];

function importsOf(file: string): string[] {
  const found: string[] = [];
  const add = (path: string): void => {
    found.push(
      normalize(join(dirname(file), path))
        .split(sep)
        .join('/'),
    );
  };
  for (const pattern of [
    /\bfrom\s+'(\.[^']+)'/g,
    /\bimport\s*\(\s*'(\.[^']+)'/g,
    /\bimport\s+'(\.[^']+)'/g,
    /\bnew URL\(\s*'(\.[^']+\.ts)'/g,
  ]) {
    for (const [, path] of code(file).matchAll(pattern)) add(path!);
  }
  // A thread's module takes the extension of the file that names it.
  for (const [, path] of code(file).matchAll(/\bnew URL\(\s*`(\.[^`$]*[^/$`])\$\{/g)) add(`${path}.ts`);
  for (const [, path] of code(file).matchAll(/'(\.[^']+-thread)'/g)) add(`${path}.ts`);
  return found;
}

test('tidy: every source file is used by something that runs', async (t) => {
  const reached = new Set<string>();
  const open = [...entries, 'runtime/index.ts', 'client/index.ts', ...benches];
  while (open.length > 0) {
    const file = open.pop()!;
    if (reached.has(file) || !existsSync(join(root, file))) continue;
    reached.add(file);
    if (isScript(file)) open.push(...importsOf(file));
  }
  // The codecs of model and protocol go both ways, and are whole before every request has its handler.
  const isUsed = (file: string): boolean =>
    reached.has(file) || forTests.has(file) || file.endsWith('.d.ts') || /^(model|protocol)\//.test(file);
  t.equal(listing(sources.filter((file) => !isUsed(file))), '', 'a file that only its own test imports is dead');
});

test('tidy: every import leads to a file', async (t) => {
  const broken = everything.flatMap((file) =>
    importsOf(file)
      .filter((target) => isScript(target) && !existsSync(join(root, target)))
      .map((target) => `${file} -> ${target}`),
  );
  t.equal(listing(broken), '');
});

/** What a thread loads at its start because this file is loaded: no types, nothing that is imported later or in another thread. */
function loadedWith(file: string, loaded: Set<string> = new Set()): Set<string> {
  if (loaded.has(file)) return loaded;
  loaded.add(file);
  for (const [, what, path] of code(file).matchAll(/^(?:import|export)\s+([^;]*?)\s*from\s+'(\.[^']+)'/gm)) {
    const names = /^\{([\s\S]*)\}$/.exec(what!)?.[1]?.split(',') ?? [what!];
    if (what!.startsWith('type ') || names.every((name) => name.trim() === '' || name.trim().startsWith('type '))) continue;
    loadedWith(join(dirname(file), path!).split(sep).join('/'), loaded);
  }
  return loaded;
}

test("tidy: the main thread loads none of its workers' code", async (t) => {
  const loaded = [...loadedWith('cli/start.ts')];
  t.ok(loaded.includes('actors/broker/start-broker.ts'), 'the walk works');
  const foreign = loaded.filter((file) => /^(actors\/(gateway|topic|consumer-group|name-server)|protocol)\//.test(file));
  t.equal(listing(foreign), '', 'each file costs start-up time and memory: put what both sides need apart');
});

test('tidy: time and chance come from their files only', async (t) => {
  const allowed: Readonly<Record<string, RegExp>> = {
    'runtime/clock.ts': /Date\.now|performance\.now/,
    'runtime/random.ts': /Math\.random|getRandomValues|randomBytes/,
    // The client imports no runtime: its own two come from here.
    'client/environment.ts': /Date\.now|Math\.random/,
  };
  const found: string[] = [];
  for (const file of sources) {
    if (file.startsWith('cli/')) continue;
    for (const [use] of code(file).matchAll(/\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bgetRandomValues\b|\brandomBytes\b/g)) {
      if (!(allowed[file]?.test(use) ?? false)) found.push(`${file}: ${use}`);
    }
  }
  t.equal(listing(found), '');
});

test('tidy: the codes of errors are those of docs/errors.md', async (t) => {
  const pattern = /\bMQ_[A-Z][A-Z_]*[A-Z]\b/g;
  const inCode = new Set([...sources, ...entries].flatMap((file) => code(file).match(pattern) ?? []));
  const inDocs = new Set(read('docs/errors.md').match(pattern) ?? []);
  t.equal(listing([...inCode].filter((each) => !inDocs.has(each))), '', 'each code is documented');
  t.equal(listing([...inDocs].filter((each) => !inCode.has(each))), '', 'each documented code is there');
  for (const each of Object.values(exitCodes))
    t.match(read('docs/errors.md'), new RegExp(`^\\|[ \\d,]*\\b${each}\\b[ \\d,]*\\|`, 'm'), `exit code ${each} is documented`);
});

test('tidy: docs/compatibility.md lists the request codes that are served', async (t) => {
  t.equal(read('docs/compatibility.md'), renderCompatibilityPage(), 'run `npm run docs` after a change of the handlers');
});

test('tidy: what docs/kinds.md names is there, and every workload of the simulation is named', async (t) => {
  const scenarios = new Set(CLIENT_PROGRAMS.flatMap((client) => client.scenarios));
  const rows = read('docs/kinds.md').match(/^\| .* \|$/gm) ?? [];
  const named = rows.slice(2).flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
  t.same(
    named.filter((name) => (name.includes('/') ? !existsSync(join(root, name)) : !scenarios.has(name))),
    [],
  );
  const workloads = listFiles('sim/workloads').filter((file) => file.endsWith('.ts'));
  t.same(
    workloads.filter((file) => !named.includes(file)),
    [],
  );
});

/** Settings that a part of the broker reads under other names, at each use. */
const renamed = new Set(
  sources.flatMap((file) =>
    [...code(file).matchAll(/settingsAs<\w+>\(live, \{([^}]*)\}/g)].flatMap(([, names]) => names!.match(/(?<=: ')\w+(?=')/g) ?? []),
  ),
);

test('tidy: every setting is read by the code', async (t) => {
  const readers = sources
    .filter((file) => !/actors\/broker\/(options\/.*|broker-options|broker-config|configuration-page)\.ts$/.test(file))
    .map(code)
    .join('\n');
  // Settings that only exist to refuse what is not there yet.
  const refusedOnly = new Set(['brokerRole', 'aclEnable', 'authenticationEnabled', 'authorizationEnabled']);
  const isRead = (field: string): boolean =>
    renamed.has(field) || new RegExp(`[cC]onfig\\.${field}\\b|\\b${field}\\b[^;]*\\} = (parsed\\.|this\\.#)?config\\b`).test(readers);
  const unread = Object.keys(brokerOptions).filter((field) => !refusedOnly.has(field) && !isRead(field));
  t.equal(listing(unread), '', 'a setting without effect would be a lie in docs/configuration.md');
});

test('tidy: a setting that changes live is read where changes arrive', async (t) => {
  const following = code('actors/shard/shard-settings.ts');
  const readers = sources.map(code).join('\n');
  const isFollowed = (field: string): boolean =>
    renamed.has(field) ||
    new RegExp(`\\b(config|next)\\.${field}\\b|\\{[^}]*\\b${field}\\b[^}]*\\}, previous`).test(following) ||
    new RegExp(`\\b(live\\.config|next|#config)\\.${field}\\b|\\b${field}\\b[^;]*\\} = this\\.#live\\.config\\b`).test(readers);
  const live = Object.entries(brokerOptions).filter(([, option]) => option.change === 'live');
  t.ok(live.length > 20);
  t.equal(listing(live.map(([field]) => field).filter((field) => !isFollowed(field))), '', 'read once at the start it would not be live');
});

test('tidy: no file knows a machine, a session, or work to be done later', async (t) => {
  const self = 'test/tidy.test.ts';
  const documents = readdirSync(root).filter((file) => /\.(md|json|yml)$/.test(file) && file !== 'package-lock.json');
  const others = [...listFiles('docs'), ...listFiles('.ci'), ...listFiles('bench'), ...listFiles('test')].filter((file) =>
    /\.(md|svg|json|sh|go|java|xml|mod|run)$|run$/.test(file),
  );
  const words = [/(?<![\w.])\/work\//, /\/root\//, /\.\.\/shared\b/, /\bTODO\b/, /\bFIXME\b/, /\bissue #?\d+\b/i, /\.only\(/];
  const found: string[] = [];
  for (const file of new Set([...everything, ...documents, ...others])) {
    if (file === self) continue;
    for (const word of words) if (word.test(read(file))) found.push(`${file}: ${word.exec(read(file))![0]}`);
  }
  t.equal(listing(found), '');
});

test('tidy: the lockfile names the public registry only', async (t) => {
  const hosts = new Set([...read('package-lock.json').matchAll(/"resolved": "(https?:\/\/[^/"]+)/g)].map(([, host]) => host!));
  t.equal(listing([...hosts].filter((host) => host !== 'https://registry.npmjs.org')), '', 'others cannot install from elsewhere');
});

test('tidy: every source file opens with what it is', async (t) => {
  const silent = [...sources, ...entries].filter((file) => !/^(#!.*\n)?\/\*\*/.test(read(file)));
  t.equal(listing(silent), '');
});

test('tidy: links in documents lead somewhere', async (t) => {
  const documents = [
    ...readdirSync(root).filter((file) => file.endsWith('.md')),
    ...listFiles('docs').filter((file) => file.endsWith('.md')),
  ];
  const broken: string[] = [];
  for (const file of documents) {
    for (const [, target] of read(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      if (!existsSync(join(root, dirname(file), target!))) broken.push(`${file} -> ${target}`);
    }
  }
  t.equal(listing(broken), '');
});

test('tidy: long files are named, as a hint', async (t) => {
  for (const file of everything) {
    const lines = read(file).split('\n').length;
    const most = file.startsWith('test/') ? LONG_TEST_LINES : LONG_FILE_LINES;
    if (lines > most) t.comment(`${relative('.', file)} has ${lines} lines: usually two things live in a file past ${most}`);
  }
  t.pass('a hint is no gate');
});
