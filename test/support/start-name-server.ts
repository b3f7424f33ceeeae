/**
 * Starts a name server on `shards` threads of this process, at a free port.
 */
import { extname } from 'node:path';
import { ActorSystem } from '../../runtime/actor-system.ts';
import { freePort } from './free-port.ts';
import type { NameServerThreadData } from './name-server-thread.ts';

export type StartedNameServer = { readonly address: string; readonly system: ActorSystem; stop(): Promise<void> };

export async function startNameServer(shards: number, options: { scanMs?: number; port?: number } = {}): Promise<StartedNameServer> {
  const port = options.port ?? (await freePort());
  const names = Array.from({ length: shards }, (_, shard) => `shard-${shard}`);
  const data: NameServerThreadData = { shards: names, port, scanMs: options.scanMs ?? 10_000 };
  const module = new URL(`./name-server-thread${extname(import.meta.url)}`, import.meta.url);
  const system = await ActorSystem.start({
    root: {
      id: 'name-server',
      strategy: 'one-for-one',
      intensity: 10,
      periodMs: 10_000,
      children: names.map((name) => ({ name, group: 'shard', loop: 'event' as const, module, data })),
    },
    placement: [{ prefix: 'gateway/', group: 'shard' }],
    log: () => {},
  });
  return { address: `127.0.0.1:${port}`, system, stop: () => system.stop() };
}
