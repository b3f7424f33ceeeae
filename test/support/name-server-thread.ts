/**
 * A shard thread with nothing but a name server: the gateway and its handlers, as a lone name server has them.
 */
import { RemotingGateway } from '../../actors/gateway/remoting-gateway.ts';
import { createNameServerHandlers } from '../../actors/name-server/name-server-handlers.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';

const MIB = 1024 * 1024;

export type NameServerThreadData = { readonly shards: readonly string[]; readonly port: number; readonly scanMs: number };

export async function main(thread: ThreadContext, data: NameServerThreadData): Promise<void> {
  const unsent = { connectionBytes: 8 * MIB, shardBytes: 64 * MIB };
  const limits = { connectionsMax: 1000, idleMs: 120_000, backlog: 128, unsent, input: { shardBytes: 64 * MIB } };
  const gateway = new RemotingGateway(thread, data.shards.indexOf(thread.name), limits);
  gateway.addHandlers(createNameServerHandlers(thread, { shards: data.shards, scanMs: data.scanMs }));
  await gateway.listen('127.0.0.1', data.port, true);
  thread.onStop(async () => {
    await gateway.stopListening();
    gateway.closeAll('the test ends');
  });
}
