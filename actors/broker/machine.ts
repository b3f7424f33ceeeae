/** What the defaults of the configuration depend on, asked of the machine. */
import { availableParallelism, networkInterfaces } from 'node:os';
import type { Machine } from './broker-config.ts';

export function describeMachine(): Machine {
  const hosts = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  return { cores: availableParallelism(), hosts, currentDirectory: process.cwd() };
}
