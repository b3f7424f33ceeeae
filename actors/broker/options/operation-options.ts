/** Rows of the table of settings: what whoever runs the broker sees and decides. Pure. */
import { HOST } from '../address.ts';
import { choice, integer, text } from './option.ts';

/** Running the broker. */
export const operationOptions = {
  adminHost: text({
    key: 'metricsPromExporterHost',
    group: 'Operation',
    default: '127.0.0.1',
    pattern: HOST,
    charsMax: 255,
    range: 'a host name or an IP address',
    sentence: 'Address of /health and /metrics.',
  }),
  adminPort: integer({
    key: 'metricsPromExporterPort',
    group: 'Operation',
    default: 5557,
    min: -1,
    max: 65_535,
    unit: 'port',
    sentence:
      'Port of /health and /metrics; −1 switches them off, 0 takes a free port, and so does the default when another process has it.',
  }),
  stopMs: integer({
    key: 'stopTimeout',
    change: 'live',
    origin: 'ringmq',
    group: 'Operation',
    default: 10_000,
    min: 100,
    max: 600_000,
    unit: 'ms',
    sentence: 'Time that an orderly stop has; then the process ends with an exit code of its own.',
  }),
  logLevel: choice({
    key: 'logLevel',
    change: 'live',
    origin: 'ringmq',
    group: 'Operation',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    sentence: 'Least level that is logged.',
  }),
  aclEnable: choice({
    key: 'aclEnable',
    group: 'Operation',
    default: 'false',
    choices: ['false'],
    why: 'there is no access control yet, and silence would leave an open broker',
    sentence: 'Access control of RocketMQ 4.',
  }),
  authenticationEnabled: choice({
    key: 'authenticationEnabled',
    group: 'Operation',
    default: 'false',
    choices: ['false'],
    why: 'there is no access control yet, and silence would leave an open broker',
    sentence: 'Access control of RocketMQ 5.',
  }),
  authorizationEnabled: choice({
    key: 'authorizationEnabled',
    group: 'Operation',
    default: 'false',
    choices: ['false'],
    why: 'there is no access control yet, and silence would leave an open broker',
    sentence: 'Access control of RocketMQ 5.',
  }),
} as const;
