/**
 * The broker process that chaos is done to: `ringmq start` with one more ear. SIGUSR2 ends one of its threads as a crash would, the
 * next one each time. Configuration comes from the environment, as for the command. Exit codes are the command's.
 */
import { parseBrokerConfig } from '../../actors/broker/broker-config.ts';
import { startBroker } from '../../actors/broker/start-broker.ts';
import { exitCodes } from '../../cli/exit-codes.ts';

const begin = performance.now();
const text = ['vipPortEnable=false', 'metricsPromExporterPort=-1', 'mappedFileSizeCommitLog=16777216', ''].join('\n');
const machine = { cores: 2, hosts: [], currentDirectory: process.cwd() };
const { config } = parseBrokerConfig(text, {}, process.env, { role: 'start', machine });
const broker = await startBroker(config, {
  log: (level, said, fields) => {
    if (level === 'warn' || level === 'error') console.error(level, said, fields === undefined ? '' : JSON.stringify(fields));
  },
  ownsProcess: true,
});
broker.onFault(({ kind, error }) => {
  console.error('fault', kind, error.message);
  void broker.terminate().finally(() => process.exit(kind === 'fence' ? exitCodes.fence : exitCodes.escalation));
});

const threads = ['log', 'store', 'reader', ...Array.from({ length: config.shards }, (_, shard) => `shard-${shard}`)];
let next = Math.floor(Math.random() * threads.length);
process.on('SIGUSR2', () => {
  const thread = threads[next++ % threads.length]!;
  console.error('ends', thread);
  // The reader's thread exists once somebody needed it.
  broker.endThread(thread).catch((error: Error) => console.error('not ended', thread, error.message));
});
process.on('SIGTERM', () => {
  broker.stop().then(
    () => process.exit(exitCodes.stopped),
    () => process.exit(exitCodes.stopTimeout),
  );
});
process.stdout.write(`chaos host ready in ${((performance.now() - begin) / 1000).toFixed(2)} s\n`);
