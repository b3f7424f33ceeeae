/**
 * Joins what one thread loads into one file, and what it loads later into few. esbuild alone parts what the beginning and a later part have
 * in common from both: 70 files for a shard, and finding a file costs a thread more than reading it. So its output is joined once more:
 * all that is there from the start goes into the entry, and later parts take from there what they share with it.
 */
import { dirname, join, relative, resolve, sep } from 'node:path';
import { type BuildOptions, build, type Loader, type Plugin } from 'esbuild';

export type JoinedFile = { readonly path: string; readonly text: string };

type Output = { readonly text: string; readonly imports: readonly { path: string; kind: string }[]; readonly exports: readonly string[] };

/** @param entry the thread's file in `dist`, as tsc wrote it; the joined one takes its place. @param options of every esbuild run */
export async function joinThread(dist: string, entry: string, options: BuildOptions): Promise<JoinedFile[]> {
  const outputs = await partedOutputs(dist, entry, options);
  const atStart = new Set<string>();
  const walk = (path: string): void => {
    if (atStart.has(path)) return;
    atStart.add(path);
    for (const { path: imported, kind } of outputs.get(path)!.imports)
      if (kind === 'import-statement' && outputs.has(imported)) walk(imported);
  };
  walk(entry);
  const shared = [...atStart].filter((path) => path !== entry);
  // A name of its own for whatever a later part may take.
  const nameOf = (path: string, name: string): string => `_${shared.indexOf(path)}$${name}`;
  const reExports = (path: string, from: string, toOwn: boolean): string => {
    const pairs = outputs
      .get(path)!
      .exports.map((name) => (toOwn ? `${nameOf(path, name)} as ${name}` : `${name} as ${nameOf(path, name)}`));
    return `export{${pairs.join(',')}}from${JSON.stringify(from)};`;
  };
  const from = (importer: string, path: string): string => {
    const way = relative(dirname(importer), path).split(sep).join('/');
    return way.startsWith('.') ? way : `./${way}`;
  };
  const own = `import${JSON.stringify(entry)};${shared.map((path) => reExports(path, path, false)).join('')}`;
  const load = (path: string): { contents: string; loader: Loader } => ({ contents: outputs.get(path)!.text, loader: 'js' });

  const ofEntry: Plugin = {
    name: 'entry',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /^own$/ }, () => ({ path: entry, namespace: 'own' }));
      onLoad({ filter: /.*/, namespace: 'own' }, () => ({ contents: own, loader: 'js' }));
      onResolve({ filter: /.*/ }, ({ path, importer, kind }) => {
        const found = resolve(dirname(importer), path);
        if (!outputs.has(found)) return { path, external: true };
        return kind === 'dynamic-import' ? { path: from(entry, found), external: true } : { path: found, namespace: 'output' };
      });
      onLoad({ filter: /.*/, namespace: 'output' }, ({ path }) => load(path));
    },
  };
  const joined: JoinedFile[] = [{ path: entry, text: await textOf('own', [ofEntry], options) }];
  for (const path of outputs.keys()) {
    if (atStart.has(path)) continue;
    const ofLater: Plugin = {
      name: 'later',
      setup: ({ onResolve, onLoad }) => {
        onResolve({ filter: /.*/ }, ({ path: wanted, importer, kind }) => {
          if (kind === 'entry-point') return { path, namespace: 'output' };
          const found = resolve(dirname(importer), wanted);
          if (found === entry || !outputs.has(found)) return { path: wanted, external: true };
          return atStart.has(found) ? { path: found, namespace: 'start' } : { path: from(path, found), external: true };
        });
        onLoad({ filter: /.*/, namespace: 'output' }, () => load(path));
        onLoad({ filter: /.*/, namespace: 'start' }, ({ path: chunk }) => ({
          contents: reExports(chunk, from(path, entry), true),
          loader: 'js',
        }));
      },
    };
    joined.push({ path, text: await textOf(path, [ofLater], options) });
  }
  return joined;
}

/** What esbuild makes of the thread: its file, and those that it shares with what comes later. */
async function partedOutputs(dist: string, entry: string, options: BuildOptions): Promise<Map<string, Output>> {
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: [entry],
    absWorkingDir: dist,
    outbase: dist,
    outdir: dist,
    chunkNames: 'chunks/[hash]',
    splitting: true,
    metafile: true,
    write: false,
  });
  const described = new Map(Object.entries(metafile!.outputs).map(([path, output]) => [join(dist, path), output]));
  return new Map(
    outputFiles!.map(({ path, text }) => {
      const { imports, exports } = described.get(path)!;
      return [path, { text, imports: imports.map((each) => ({ path: join(dist, each.path), kind: each.kind })), exports }];
    }),
  );
}

async function textOf(entry: string, plugins: Plugin[], options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({ ...options, entryPoints: [entry], plugins, bundle: true, write: false });
  return outputFiles![0]!.text;
}
