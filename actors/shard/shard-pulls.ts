/**
 * Pulls of one shard: its pull path, the actors of the queues that placement gives it, and what wakes those when something comes. Only assembles.
 * Nothing of it outlives the thread: clients ask again for the pulls that it held.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import { ARRIVED_RECORD } from '../commit-log/arrival-notices.ts';
import { LaneReader } from '../commit-log/lane-reader.ts';
import type { Watermarks } from '../commit-log/watermarks.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import type { PluginDoor } from '../filter/plugin-door.ts';
import { PullPath } from '../gateway/pull-path.ts';
import type { PullLimits } from '../gateway/pull-terms.ts';
import { type Arrived, QueueActor } from '../queue/queue-actor.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { LiveConfig } from '../settings/live-config.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { ArrivalTable } from './arrival-table.ts';
import { FlushWatch } from './flush-watch.ts';
import { pullLimits } from './shard-settings.ts';

const PATH_MAILBOX_MAX = 1 << 20;
const QUEUE_MAILBOX_MAX = 131_072;

export type ShardPulls = {
  readonly path: PullPath;
  readonly lanes: LaneReader;
  readonly arrivals: ArrivalTable;
  /** Changed in place when the settings change. */
  readonly limits: PullLimits;
};

export function startPulls({
  thread,
  live,
  index,
  memory,
  marks,
  table,
  topics,
  groups,
  plugins,
}: {
  readonly thread: ThreadContext;
  readonly live: LiveConfig;
  /** Of the shard among all. */
  readonly index: number;
  readonly memory: BrokerMemory;
  readonly marks: Watermarks;
  readonly table: QueueTable;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly plugins: PluginDoor;
}): ShardPulls {
  const syncFlush = live.config.flushDiskType === 'SYNC_FLUSH';
  const selfPath = `${thread.name}/pull-path`;
  const limits = pullLimits(live.config);
  live.onChange((next) => {
    Object.assign(limits, pullLimits(next));
  });
  const lanes = new LaneReader(memory.lanes, memory.runs, marks);
  const slots = memory.readSlots[index]!.buffer as SharedArrayBuffer;
  const path = new PullPath({ thread, selfPath, topics, groups, table, lanes, slots, limits, plugins, syncFlush });
  thread.spawn(selfPath, () => path, { mailboxMax: PATH_MAILBOX_MAX });
  groups.onRestricted = (group) => path.restrict(group);
  groups.onRebound = (group) => path.rebind(null, group);
  topics.onRebound = (topic) => path.rebind(topic, null);

  const flushWatch = new FlushWatch(marks);
  thread.addSource(flushWatch);
  const arrivals = new ArrivalTable(table, thread.index);
  const surroundings = {
    table,
    marks,
    syncFlush,
    own: (handle: number, queue: ActorRef<Arrived>): void => arrivals.own(handle, queue),
    tellAfterFlush: (queue: ActorRef<Arrived>, seen: number): void => flushWatch.add(queue, seen),
  };
  thread.register('queue/', { create: () => new QueueActor(surroundings), mailboxMax: QUEUE_MAILBOX_MAX });
  thread.onRecord(ARRIVED_RECORD, (_bytes, view, offset, length) => {
    for (let at = offset; at < offset + length; at += 4) arrivals.tell(view.getInt32(at));
  });
  return { path, lanes, arrivals, limits };
}
