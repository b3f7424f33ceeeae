/**
 * A broker in the test's own process, on free ports and a temporary store: only its starter can end a single one of its threads.
 */
import { parseBrokerConfig } from '../../actors/broker/broker-config.ts';
import type { BrokerFault, RunningBroker } from '../../actors/broker/running-broker.ts';
import { startBroker } from '../../actors/broker/start-broker.ts';
import { freeBrokerPort, freePort } from './free-port.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export type BrokerInProcess = {
  readonly broker: RunningBroker;
  readonly address: string;
  /** Faults that it has told. */
  readonly faults: BrokerFault[];
  /** Warnings and errors that it has logged. */
  readonly logged: string[];
};

type TestContext = { teardown(run: () => Promise<void>): void };

/** @param settings further lines of its configuration */
export async function startInProcess(
  t: TestContext,
  shards: number,
  flush: string,
  settings: readonly string[] = [],
): Promise<BrokerInProcess> {
  const { path: directory, remove } = temporaryDirectory();
  const nameServer = await freePort();
  const broker = await freeBrokerPort();
  const text = ['vipPortEnable=false', 'metricsPromExporterPort=-1', 'mappedFileSizeCommitLog=16777216', ...settings, ''].join('\n');
  const { config } = parseBrokerConfig(
    text,
    {},
    {
      NAMESRV_ADDR: `127.0.0.1:${nameServer}`,
      BROKER_ADDR: `127.0.0.1:${broker}`,
      DATA_DIR: directory,
      SHARDS: String(shards),
      FLUSH: flush,
    },
    { role: 'start', machine: { cores: 2, hosts: [], currentDirectory: directory } },
  );
  const logged: string[] = [];
  const running = await startBroker(config, {
    log: (level, text, fields) => {
      if (process.env['DRILL_LOG'] !== undefined) console.error(level, text, fields);
      if (level === 'warn' || level === 'error') logged.push(`${text} ${JSON.stringify(fields ?? {})}`);
    },
  });
  const faults: BrokerFault[] = [];
  running.onFault((fault) => faults.push(fault));
  t.teardown(async () => {
    await running.stop();
    remove();
  });
  return { broker: running, address: `127.0.0.1:${broker}`, faults, logged };
}
