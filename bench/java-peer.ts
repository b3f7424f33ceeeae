/**
 * The Java broker and its name server, as processes with a folder of their own: fetched once by Maven, configured in
 * their favour (larger limits, more send threads), started, measured cold, stopped. Needs Java 11 or later.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freeBrokerPort, freePort } from '../test/support/free-port.ts';
import { waitUntil } from '../test/support/wait-until.ts';
import { cacheFolder } from './cache-folder.ts';
import type { Peer } from './peer.ts';

const VERSION = process.env['RINGMQ_BENCH_ROCKETMQ'] ?? '5.4.0';
const JAVA = process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java');

function jars(): string {
  const folder = cacheFolder(`rocketmq-${VERSION}`);
  const lib = join(folder, 'lib');
  if (!existsSync(join(folder, '.complete'))) {
    const pom = fileURLToPath(new URL('java-peer/pom.xml', import.meta.url));
    const { status, stdout, stderr, error } = spawnSync(
      'mvn',
      ['-q', '-B', '-f', pom, `-Drocketmq.version=${VERSION}`, 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`Maven could not get RocketMQ ${VERSION}: ${error?.message ?? `${stdout}${stderr}`}`);
    writeFileSync(join(folder, '.complete'), '');
  }
  return join(lib, '*');
}

/** RocketMQ's own values changed only where they would make the Java broker slower than it can be. */
function brokerConf(nameServerPort: number, brokerPort: number, dir: string, flush: 'async' | 'sync'): string {
  return `${[
    'brokerClusterName=DefaultCluster',
    'brokerName=broker-a',
    'brokerId=0',
    'brokerRole=ASYNC_MASTER',
    'brokerIP1=127.0.0.1',
    'brokerIP2=127.0.0.1',
    'bindAddress=127.0.0.1',
    `listenPort=${brokerPort}`,
    `haListenPort=${brokerPort + 1}`,
    `namesrvAddr=127.0.0.1:${nameServerPort}`,
    `storePathRootDir=${dir}/store`,
    `storePathCommitLog=${dir}/store/commitlog`,
    `flushDiskType=${flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH'}`,
    'mappedFileSizeCommitLog=268435456',
    'autoCreateTopicEnable=true',
    'autoCreateSubscriptionGroup=true',
    'diskMaxUsedSpaceRatio=95',
    'useReentrantLockWhenPutMessage=true',
    'sendMessageThreadPoolNums=4',
    'waitTimeMillsInSendQueue=5000',
    'osPageCacheBusyTimeOutMills=5000',
    'sendThreadPoolQueueCapacity=100000',
    'maxTransferCountOnMessageInMemory=4096',
    'maxTransferBytesOnMessageInMemory=4194304',
    'maxTransferCountOnMessageInDisk=4096',
    'maxTransferBytesOnMessageInDisk=4194304',
    'pullBatchMaxMessageCount=4096',
    'useEpollNativeSelector=true',
    'serverSocketSndBufSize=0',
    'serverSocketRcvBufSize=0',
  ].join('\n')}\n`;
}

export class JavaPeer implements Peer {
  readonly label: string;
  readonly isWarmedUp = true;
  readonly nameServer: string;
  readonly #nameServerPort: number;
  readonly #brokerPort: number;
  readonly #flush: 'async' | 'sync';
  readonly #dir: string;
  #children: ChildProcess[] = [];

  private constructor(nameServerPort: number, brokerPort: number, flush: 'async' | 'sync') {
    this.label = `Java ${VERSION}`;
    this.nameServer = `127.0.0.1:${nameServerPort}`;
    this.#nameServerPort = nameServerPort;
    this.#brokerPort = brokerPort;
    this.#flush = flush;
    this.#dir = mkdtempSync(join(cacheFolder('run'), 'java-'));
  }

  static async create(flush: 'async' | 'sync'): Promise<JavaPeer> {
    return new JavaPeer(await freePort(), await freeBrokerPort(), flush);
  }

  get pids(): number[] {
    return this.#children.map((child) => child.pid ?? 0).filter((pid) => pid !== 0);
  }

  async start(): Promise<void> {
    const dir = this.#dir;
    for (const sub of ['conf', 'home', 'out']) mkdirSync(join(dir, sub), { recursive: true });
    const conf = join(dir, 'conf');
    writeFileSync(
      join(conf, 'namesrv.conf'),
      `listenPort=${this.#nameServerPort}\nbindAddress=127.0.0.1\nkvConfigPath=${dir}/home/kvConfig.json\nconfigStorePath=${dir}/home/namesrv.properties\n`,
    );
    writeFileSync(join(conf, 'broker.conf'), brokerConf(this.#nameServerPort, this.#brokerPort, dir, this.#flush));
    const common = [
      '-server',
      `-Duser.home=${dir}/home`,
      `-Drocketmq.home.dir=${dir}`,
      '-Drocketmq.client.logUseSlf4j=true',
      '-XX:-OmitStackTraceInFastThrow',
      '-XX:-UseLargePages',
      '-XX:+IgnoreUnrecognizedVMOptions',
      '-Dio.netty.tryReflectionSetAccessible=true',
      '--add-opens=java.base/java.nio=ALL-UNNAMED',
      '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
      '--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED',
      '--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED',
    ];
    const classPath = ['-cp', jars()];
    await this.#spawn('namesrv', [
      ...common,
      '-Xms256m',
      '-Xmx256m',
      '-XX:+UseSerialGC',
      ...classPath,
      'org.apache.rocketmq.namesrv.NamesrvStartup',
      '-c',
      join(conf, 'namesrv.conf'),
    ]);
    await this.#spawn('broker', [
      ...common,
      '-XX:+UseG1GC',
      '-XX:G1HeapRegionSize=16m',
      '-XX:G1ReservePercent=25',
      '-XX:InitiatingHeapOccupancyPercent=30',
      '-XX:SoftRefLRUPolicyMSPerMB=0',
      '-Xms2g',
      '-Xmx2g',
      '-XX:MaxDirectMemorySize=2g',
      '-DbrokerLogDir=broker',
      ...classPath,
      'org.apache.rocketmq.broker.BrokerStartup',
      '-c',
      join(conf, 'broker.conf'),
    ]);
  }

  async stop(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const impatience = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await gone;
      clearTimeout(impatience);
    }
    this.#children = [];
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }

  async #spawn(name: string, args: readonly string[]): Promise<void> {
    const path = join(this.#dir, 'out', `${name}.out`);
    const output = openSync(path, 'w');
    const child = spawn(JAVA, args, { stdio: ['ignore', output, output] });
    this.#children.push(child);
    await waitUntil(
      `the Java ${name}`,
      () => {
        const text = readFileSync(path, 'utf8');
        if (child.exitCode !== null) throw new Error(`The Java ${name} ended while starting:\n${text.slice(-2_000)}`);
        return text.includes('boot success');
      },
      90_000,
      20,
    );
  }
}
