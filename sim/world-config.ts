/**
 * The configuration of a simulated broker: as its command line would read it from a file, with the sizes that make a short world see what takes
 * long in a real one. Throws when the parser warns: a name that it does not know would have no effect.
 */
import { type BrokerConfig, parseBrokerConfig } from '../actors/broker/broker-config.ts';
import { DELAYS_MS } from './delays.ts';
import type { Scenario } from './scenario.ts';

const STORE_PATH = '/store';
const QUEUES_MAX = 2048;
/** Where half messages are to be given up. */
const CHECKS_BEFORE_GIVEN_UP = 2;

/** Of the broker in every life of the world. */
export function configOf(scenario: Scenario): BrokerConfig {
  const lines = [
    'brokerIP1=10.0.0.2',
    'listenPort=10911',
    'metricsPromExporterPort=-1',
    `flushDiskType=${scenario.syncFlush ? 'SYNC_FLUSH' : 'ASYNC_FLUSH'}`,
    `shards=${scenario.shards}`,
    `storePathRootDir=${STORE_PATH}`,
    'namesrvAddr=10.0.0.3:9876',
    'messageIndexEnable=false',
    `defaultTopicQueueNums=${scenario.queues}`,
    `flushDelayOffsetInterval=${scenario.saveMs}`,
    `flushIntervalCommitLog=${scenario.flushMs}`,
    `timerFlushIntervalMs=${scenario.saveMs}`,
    'transactionTimeOut=500',
    'transactionCheckInterval=700',
    `transactionCheckMax=${scenario.resumes ? CHECKS_BEFORE_GIVEN_UP : 1000}`,
  ];
  const { config, warnings } = parseBrokerConfig(
    lines.join('\n'),
    {},
    {},
    {
      role: 'broker',
      machine: { cores: 2, hosts: ['10.0.0.2'], currentDirectory: '/' },
    },
  );
  if (warnings.length > 0) throw new Error(warnings.join('; '));
  return {
    ...config,
    registerAddresses: [],
    commitLogSegmentBytes: scenario.segmentBytes,
    pluginsMax: 0,
    nameServerEnable: scenario.assignments,
    queuesMax: QUEUES_MAX,
    delayLevelsMs: DELAYS_MS,
  };
}
