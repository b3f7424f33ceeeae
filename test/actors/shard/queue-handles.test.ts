import { test } from 'tap';
import { allocateQueues } from '../../../actors/queue/queue-layout.ts';
import { QueueTable } from '../../../actors/queue/queue-table.ts';
import { QueueHandleList } from '../../../actors/shard/queue-handles.ts';
import type { QueueInterned, TopicRetired } from '../../../actors/store/store-messages.ts';
import type { ActorRef } from '../../../runtime/actor.ts';

/** Takes `room` messages, then none until it is given room again. */
class Listener {
  room: number;
  readonly heard: string[] = [];
  readonly ref: ActorRef<QueueInterned | TopicRetired>;

  constructor(room: number) {
    this.room = room;
    this.ref = {
      path: 'listener',
      tell: (message: QueueInterned | TopicRetired): boolean => {
        if (this.room === 0) return false;
        this.room--;
        this.heard.push(message.kind === 'topic-retired' ? `-${message.topic}` : `${message.topic}/${message.queueId}=${message.handle}`);
        return true;
      },
    } as ActorRef<QueueInterned | TopicRetired>;
  }
}

test('QueueHandleList gives all queues of a start their handles, however many a listener takes at once', async (t) => {
  const timers: (() => void)[] = [];
  const [store, root] = [new Listener(1), new Listener(100)];
  const table = new QueueTable(allocateQueues(8, 16));
  const handles = new QueueHandleList(table, [store.ref, root.ref], (_, run) => timers.push(run));
  for (let queueId = 0; queueId < 3; queueId++) t.equal(handles.intern('topic', queueId, true), queueId);
  t.same(store.heard, ['topic/0=0'], 'its ring is full');
  t.same(root.heard, ['topic/0=0', 'topic/1=1', 'topic/2=2'], 'which holds up no other');
  timers.shift()!();
  t.same(store.heard, ['topic/0=0'], 'still');
  store.room = 100;
  timers.shift()!();
  t.same(store.heard, root.heard, 'told later, in order');
  t.same(timers, [], 'and once');
});

test('QueueHandleList refuses a queue whose listener takes no more, once the broker runs', async (t) => {
  const root = new Listener(1);
  const handles = new QueueHandleList(new QueueTable(allocateQueues(8, 16)), [root.ref], () => {});
  t.equal(handles.intern('topic', 0), 0);
  t.throws(() => handles.intern('topic', 1), /listener takes no more queues at the moment: queue 1 of topic was not made/);
  t.equal(handles.intern('topic', 0), 0, 'what has a handle keeps it');
  root.room = 1;
  t.equal(handles.intern('topic', 1), 1, 'a handle that nobody heard of is given out again');
});

test('QueueHandleList lets the handles of a deleted topic rest before they stand for other queues', async (t) => {
  let now = 0;
  const root = new Listener(100);
  const table = new QueueTable(allocateQueues(2, 16));
  const handles = new QueueHandleList(
    table,
    [root.ref],
    () => {},
    () => now,
  );
  t.same([handles.intern('a', 0), handles.intern('a', 1)], [0, 1]);
  handles.retire('a');
  t.notOk(table.isUsed(0), 'the log worker and the store see it in the table');
  handles.retire('unknown');
  t.same(root.heard, ['a/0=0', 'a/1=1', '-a'], 'the list of the root is told, once');
  t.throws(() => handles.intern('b', 0), /most; delete topics/, 'a pull of the deleted topic may still be held');
  now = 300_000;
  t.same([handles.intern('b', 0), handles.intern('a', 0)], [0, 1], 'made again the topic has handles like any other');
  t.equal(table.next(0), 0);
});
