/** Options that all commands share which talk to a cluster, or many of them. */
import type { OptionSpec } from './command-spec.ts';

export const DEFAULT_NAME_SERVER = '127.0.0.1:9876';
export const DEFAULT_TIMEOUT_MS = 3000;

export const nameServerOption: OptionSpec = {
  flag: 'namesrv-addr',
  short: 'n',
  argument: 'HOST:PORT',
  environment: 'NAMESRV_ADDR',
  default: DEFAULT_NAME_SERVER,
  sentence: 'name server; several with ; between them',
};

export const timeoutOption: OptionSpec = {
  flag: 'timeout',
  argument: 'TIME',
  value: { kind: 'duration', minMs: 100, maxMs: 600_000 },
  default: '3s',
  sentence: 'how long one answer may take',
};

export const jsonOption: OptionSpec = { flag: 'json', short: 'j', sentence: 'JSON instead of text' };

/** All that every command has which talks to a cluster. */
export const clusterOptions: readonly OptionSpec[] = [nameServerOption, timeoutOption, jsonOption];

export const brokerOption: OptionSpec = {
  flag: 'broker',
  short: 'b',
  argument: 'NAME',
  isMultiple: true,
  sentence: 'only this broker; all that are registered when absent',
};

export const filterOption: OptionSpec = {
  flag: 'filter',
  short: 'f',
  argument: 'TEXT',
  sentence: 'only names that have this text in them',
};

export const namesOption: OptionSpec = { flag: 'names', sentence: 'only the names, a line each' };

export const yesOption: OptionSpec = { flag: 'yes', short: 'y', sentence: 'do not ask' };

export const metricsOption: OptionSpec = {
  flag: 'metrics',
  short: 'm',
  argument: 'HOST:PORT',
  isMultiple: true,
  environment: 'ADMIN_ADDR',
  sentence: 'where a ringmq broker serves /metrics; its default port when the broker is on this machine',
};

export const QUEUES_MAX = 65_535;
