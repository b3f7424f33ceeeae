/** What `ringmq --help` prints. Pure. */
import { shortcuts } from '../actors/broker/broker-config.ts';
import { exitCodeSentences } from './exit-codes.ts';

export function helpText(): string {
  const flags = shortcuts.map(
    ({ flag, argument, environment, sentence }) => `  ${`--${flag} ${argument}`.padEnd(30)} ${environment.padEnd(14)} ${sentence}`,
  );
  const codes = exitCodeSentences.map(([code, sentence]) => `  ${String(code).padStart(4)}  ${sentence}`);
  return `ringmq: a message broker and name server for RocketMQ clients

Usage
  ringmq start     [flags]    a name server and a broker in one process, in the foreground
  ringmq broker    [flags]    a broker that registers with other name servers
  ringmq namesrv   [flags]    a name server alone

Flags, and the environment variables that they override
${flags.join('\n')}
  ${'--config FILE'.padEnd(45)} a RocketMQ broker.conf, or any of the keys of docs/configuration.md
  ${'--set KEY=VALUE'.padEnd(45)} one setting of such a file; may be given again
  --help, --version

Stop it with Ctrl+C or SIGTERM: it drains and flushes; a second signal ends it at once.

Exit codes
${codes.join('\n')}
`;
}
