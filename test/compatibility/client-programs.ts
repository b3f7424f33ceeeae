/**
 * The programs around stock clients: how each is built into the cache folder and run. Builds only what is missing or
 * older than its sources. Fails by throwing with the build's output.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CACHE =
  process.env['RINGMQ_COMPATIBILITY_CACHE'] ?? fileURLToPath(new URL('../../node_modules/.cache/compatibility', import.meta.url));
const JAVA = process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java');

export type ClientProgram = {
  readonly name: string;
  /** Scenarios that this client has. */
  readonly scenarios: readonly string[];
  /** Those of them that run with the largest number of shards only. */
  readonly once?: readonly string[];
  /** What its process has in its environment besides. */
  readonly env?: NodeJS.ProcessEnv;
  /** Builds when needed; gives the command without its arguments. */
  command(): readonly string[];
};

/** A scenario's outcome as the program printed it. */
export type Verdict = { scenario: string; ok: boolean; ms: number; error?: string; detail: Record<string, unknown> };

const JAVA_SCENARIOS = [
  'send-sync',
  'send-async',
  'send-oneway',
  'send-batch',
  'send-big',
  'send-properties',
  'send-too-big',
  'ordered',
  'push',
  'broadcast',
  'tag-filter',
  'sql-filter',
  'filter-plugin',
  'rebalance',
  'mixed-group',
  'resume',
  'consume-from',
  'consume-from-aged',
  'backlog',
  'orderly',
  'orderly-restart',
  'delay',
  'retry',
  'retry-orderly',
  'retry-restart',
  'transaction',
  'transaction-check',
  'transaction-killed',
  'transaction-resumed',
  'pull',
  'lite-pull',
  'lite-assign',
  'request-reply',
  'compressed',
  'namespace',
  'heartbeat-v2',
  'lite-controls',
  'broadcast-resume',
  'update-topic-broker',
  'update-topic-cluster',
  'create-topic',
  'broker-settings',
  'broker-permission',
  'write-permission',
  'name-server-settings',
  'query',
  'trace',
  'reset-online',
  'reset-offline',
  'skip-accumulated',
  'ask-client',
  'pause-group',
  'group-figures',
  'clone-offset',
  'broker-restart',
] as const;

/** What clients have from 5 on. */
const JAVA_5_SCENARIOS = [
  'timers',
  'timers-recalled',
  'timers-killed',
  'pop',
  'pop-retry',
  'pop-invisible',
  'pop-invisible-killed',
  'pop-restart',
] as const;

/** Long ones, and those about a kind of message rather than about threads. */
const ONCE = [
  'consume-from-aged',
  'orderly-restart',
  'retry-restart',
  'request-reply',
  'compressed',
  'namespace',
  'heartbeat-v2',
  'lite-controls',
  'broadcast-resume',
  'transaction-resumed',
  'pop-retry',
  'pop-invisible',
  'pop-invisible-killed',
] as const;

const GO_SCENARIOS = [
  'send-sync',
  'send-async',
  'send-oneway',
  'send-batch',
  'send-big',
  'send-properties',
  'ordered',
  'push',
  'broadcast',
  'broadcast-resume',
  'tag-filter',
  'sql-filter',
  'rebalance',
  'resume',
  'consume-from',
  'consume-from-aged',
  'backlog',
  'orderly',
  'delay',
  'retry',
  'transaction',
  'transaction-check',
  'transaction-killed',
  'pull',
  'request-reply',
  'trace',
  'namespace',
  'create-topic',
  'broker-restart',
] as const;

const ALI_ONS_SCENARIOS = [
  'send-sync',
  'push',
  'send-big',
  'tag-filter',
  'broadcast',
  'rebalance',
  'resume',
  'consume-from',
  'consume-from-aged',
  'delay',
  'retry',
  'broker-restart',
] as const;

/** Of ringmq's own client, so that it is seen beside the others. */
const RINGMQ_SCENARIOS = [
  'send-sync',
  'send-async',
  'send-oneway',
  'send-batch',
  'send-big',
  'send-properties',
  'push',
  'tag-filter',
  'broadcast',
  'rebalance',
  'resume',
  'orderly',
  'delay',
  'retry',
  'pull',
  'broker-restart',
] as const;

/** Newest change below a folder, in milliseconds since the epoch. */
function newest(folder: string): number {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

/** Runs `build` unless `stamp` is newer than `sources`. */
function buildOnce(what: string, stamp: string, sources: string, build: () => { status: number | null; output: string }): void {
  if (existsSync(stamp) && statSync(stamp).mtimeMs > newest(sources)) return;
  process.stderr.write(`building ${what}\n`);
  const { status, output } = build();
  if (status !== 0) throw new Error(`${what} does not build (exit ${status}):\n${output}`);
  writeFileSync(stamp, '');
}

function run(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8' });
  return { status, output: `${stdout ?? ''}${stderr ?? ''}${error === undefined ? '' : error.message}` };
}

function java(version: string, options: readonly string[] = [], label: string = version): ClientProgram {
  return {
    name: `java-${label}`,
    scenarios: version.startsWith('4.') ? JAVA_SCENARIOS : [...JAVA_SCENARIOS, ...JAVA_5_SCENARIOS],
    once: ONCE,
    command() {
      const out = join(CACHE, `java-${version}`);
      const source = join(HERE, 'java');
      mkdirSync(out, { recursive: true });
      buildOnce(`the Java ${version} program`, join(out, '.complete'), source, () => {
        // What another build has left there would be on the class path too.
        rmSync(join(out, 'lib'), { recursive: true, force: true });
        return run(
          'mvn',
          [
            '-q',
            '-B',
            `-Drocketmq.version=${version}`,
            `-Dring.out=${out}`,
            'compile',
            'dependency:copy-dependencies',
            `-DoutputDirectory=${join(out, 'lib')}`,
          ],
          source,
          {},
        );
      });
      return [
        JAVA,
        '-Xmx512m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        // A consumer that gives a queue up with messages in hand keeps its lock for so long: 20 s by default, of which nothing is learnt.
        '-Drocketmq.client.unlockDelayTimeMills=1000',
        `-Duser.home=${out}`,
        `-Drocketmq.home.dir=${join(source, 'home')}`,
        ...options,
        '-cp',
        `${join(out, 'classes')}:${join(out, 'lib')}/*`,
        'ringmq.compatibility.Program',
      ];
    },
  };
}

function go(): ClientProgram {
  return {
    name: 'go-2.1.2',
    scenarios: GO_SCENARIOS,
    once: ONCE,
    // Where its broadcast consumers keep their offsets: else in the home of whoever runs this.
    env: { 'rocketmq.client.localOffsetStoreDir': join(CACHE, 'go', 'offsets') },
    command() {
      const out = join(CACHE, 'go');
      const source = join(HERE, 'go');
      mkdirSync(out, { recursive: true });
      const binary = join(out, 'compatibility');
      buildOnce('the Go program', join(out, '.complete'), source, () => run('go', ['build', '-mod=mod', '-o', binary, '.'], source, {}));
      return [binary];
    },
  };
}

function aliOns(): ClientProgram {
  return {
    name: 'ali-ons-3.12.0',
    scenarios: ALI_ONS_SCENARIOS,
    once: ONCE,
    command: () => [process.execPath, join(HERE, 'ali-ons', 'program.ts')],
  };
}

function ringmq(): ClientProgram {
  return { name: 'ringmq', scenarios: RINGMQ_SCENARIOS, command: () => [process.execPath, join(HERE, 'ringmq', 'program.ts')] };
}

/** The stock mqadmin of a release, as a program that takes one command after the other (AdminTool.java). */
export function adminToolCommand(version: string): readonly string[] {
  return mainOf(version, 'AdminTool');
}

/** RocketMQ's own filter of a release (SqlOracle.java). */
export function sqlOracleCommand(version: string): readonly string[] {
  return mainOf(version, 'SqlOracle');
}

function mainOf(version: string, name: string): readonly string[] {
  return java(version)
    .command()
    .map((part) => (part === 'ringmq.compatibility.Program' ? `ringmq.compatibility.${name}` : part));
}

/** The stock broker and name server of a release, without their main class; `home` is where they write. */
export function javaServerCommand(version: string, home: string): readonly string[] {
  const out = join(CACHE, `java-server-${version}`);
  const source = join(HERE, 'java-server');
  const library = join(out, 'lib');
  mkdirSync(out, { recursive: true });
  buildOnce(`the folder of the Java ${version} servers`, join(out, '.complete'), source, () =>
    run(
      'mvn',
      ['-q', '-B', `-Drocketmq.version=${version}`, `-Dring.out=${out}`, 'dependency:copy-dependencies', `-DoutputDirectory=${library}`],
      source,
      {},
    ),
  );
  const memory = ['-Xms128m', '-Xmx512m', '-XX:MaxDirectMemorySize=256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  const opened = ['java.base/java.nio', 'java.base/sun.nio.ch', 'java.base/jdk.internal.misc'].map(
    (one) => `--add-opens=${one}=ALL-UNNAMED`,
  );
  const access = ['-XX:+IgnoreUnrecognizedVMOptions', ...opened, '--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED'];
  return [JAVA, ...memory, ...access, `-Duser.home=${home}`, `-Drocketmq.home.dir=${home}`, '-cp', `${library}/*`];
}

export const CLIENT_PROGRAMS: readonly ClientProgram[] = [java('5.3.3'), java('4.9.8'), go(), aliOns(), ringmq()];

/** The same client with the binary header; not a column of its own in the table of all scenarios. */
export const JAVA_BINARY: ClientProgram = java('5.3.3', ['-Drocketmq.serialize.type=ROCKETMQ'], '5.3.3-binary');

/** Delay levels that the scenarios `delay` and `retry` want of their broker: the first attempt again comes after level 3. */
export const SHORT_DELAY_LEVELS: readonly string[] = ['--set', 'messageDelayLevel=1s 2s 1s 2s 2s'];

/** Settings that the scenarios of transactions want of their broker: it asks early, and so often that it goes on until all are there again. */
export const QUICK_CHECKS: readonly string[] = [
  ...['--set', 'transactionTimeOut=1000'],
  ...['--set', 'transactionCheckInterval=1000'],
  ...['--set', 'transactionCheckMax=100'],
];

/** Segments of the log that a scenario fills, so that the beginning of a topic can be removed. */
export const SMALL_SEGMENTS: readonly string[] = ['--set', `mappedFileSizeCommitLog=${16 * 1024 * 1024}`];

/**
 * Runs scenarios in one process of the client. `onEvent` is awaited when the program asks for something (`restart`).
 * A program that ends without a verdict, or goes over its time, gives a failed one for what is missing.
 */
export async function runProgram(
  program: ClientProgram,
  nameServer: string,
  scenarios: readonly string[],
  prefix: string,
  onVerdict: (verdict: Verdict) => void,
  onEvent: (event: string) => Promise<void>,
  timeoutMs: number,
): Promise<void> {
  const [executable, ...args] = program.command();
  if (executable === undefined) throw new Error(`${program.name} has an empty command`);
  const env: NodeJS.ProcessEnv = { ...process.env, ...program.env };
  delete env['NODE_TEST_CONTEXT'];
  const child = spawn(executable, [...args, nameServer, scenarios.join(','), prefix], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const missing = new Set(scenarios);
  let errors = '';
  let isLate = false;
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-4_000);
  });
  // The program may be gone when its answer is written: its exit tells the story then.
  child.stdin.on('error', () => undefined);
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const exited = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', (code) => resolve(code));
  });
  for await (const line of createInterface({ input: child.stdout })) {
    let parsed: Partial<Verdict> & { event?: string };
    try {
      parsed = JSON.parse(line) as typeof parsed;
    } catch {
      // The client wrote something of its own: nothing that a verdict depends on.
      continue;
    }
    if (parsed.event !== undefined) {
      await onEvent(parsed.event);
      child.stdin.write('done\n');
    } else if (parsed.scenario !== undefined) {
      missing.delete(parsed.scenario);
      onVerdict(parsed as Verdict);
    }
  }
  const code = await exited;
  clearTimeout(timer);
  for (const scenario of missing) {
    const error = isLate
      ? `no verdict after ${timeoutMs} ms`
      : `ended with ${code} before its verdict: ${errors.trim().split('\n').slice(-3).join(' | ')}`;
    onVerdict({ scenario, ok: false, ms: isLate ? timeoutMs : 0, error, detail: {} });
  }
}
