/** A shard thread with the group actors alone; tables in files of `directory`, as a restarted shard finds them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_GROUP_LIMITS } from '../../../../actors/consumer-group/group-limits.ts';
import type { GroupTable } from '../../../../actors/consumer-group/group-table.ts';
import { startGroups } from '../../../../actors/consumer-group/start-groups.ts';
import type { PushToClient } from '../../../../actors/gateway/request.ts';
import { TopicTable } from '../../../../actors/topic/topic-table.ts';
import type { Actor, ActorRef } from '../../../../runtime/actor.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';

export type GroupThreadData = { readonly shards: readonly string[]; readonly directory: string };
/** What this thread's copy says of a group. */
export type ReadCopy = { readonly kind: 'read-copy'; readonly group: string; readonly replyTo: ActorRef<CopyRead> };
export type CopyRead = {
  readonly kind: 'copy-read';
  readonly isKnown: boolean;
  readonly ids: string[];
  readonly topics: string[];
  readonly notices: number;
};

export function main(thread: ThreadContext, data: GroupThreadData): void {
  const load = (name: string): unknown => {
    const path = join(data.directory, name);
    return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
  };
  const table = startGroups(thread, {
    shards: data.shards.map((name, id) => ({ name, id })),
    ranges: { minOffset: () => 0, maxOffset: () => 1_000, handle: () => 0 },
    topics: new TopicTable(),
    loadTable: load,
    autoCreate: true,
    pluginFault: () => null,
    limits: DEFAULT_GROUP_LIMITS,
    sync: false,
    store: 'store',
  });
  let notices = 0;
  const id = data.shards.indexOf(thread.name);
  thread.spawn(`gateway/${id}`, (): Actor<PushToClient> => ({ receive: () => void notices++ }));
  thread.spawn(
    `${thread.name}/reader`,
    (): Actor<ReadCopy> => ({
      receive: (message) => {
        message.replyTo.tell(read(table, message.group, notices));
        notices = 0;
      },
    }),
  );
}

function read(table: GroupTable, group: string, notices: number): CopyRead {
  const state = table.get(group);
  const ids = [...(state?.members.values() ?? [])].map((member) => member.clientId).sort();
  return { kind: 'copy-read', isKnown: state !== undefined, ids, topics: [...(state?.subscriptions.keys() ?? [])], notices };
}
