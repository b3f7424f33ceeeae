import { test } from 'tap';
import type { ForgetRetired } from '../../../actors/commit-log/commit-log-actor.ts';
import type { DropTopic } from '../../../actors/store/store-messages.ts';
import { type QueuesDropped, TopicDropActor, type TopicDropCommand } from '../../../actors/topic/topic-drop-actor.ts';
import type { Actor } from '../../../runtime/actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';

/** Log worker and store; a step is not answered as long as its thread is being replaced. */
class Threads implements Actor<ForgetRetired | DropTopic> {
  deaf = 0;
  error = '';
  readonly heard: string[] = [];

  receive(message: ForgetRetired | DropTopic): void {
    this.heard.push(message.kind === 'drop-topic' ? `${message.topic} before ${message.position}` : message.kind);
    if (this.deaf-- > 0) return;
    if (message.kind === 'forget-retired') message.replyTo.tell({ kind: 'retired-forgotten', end: 77 });
    else message.replyTo.tell({ kind: 'topic-dropped', topic: message.topic, error: this.error });
  }
}

function world() {
  const simulation = new Simulation({ seed: 1 });
  const [log, store] = [new Threads(), new Threads()];
  simulation.spawn('commit-log', () => log);
  simulation.spawn('store', () => store);
  const retired: string[] = [];
  const actor = simulation.spawn<TopicDropCommand>('topic-drop', () => new TopicDropActor((topic) => retired.push(topic)));
  const probe = simulation.probe<QueuesDropped>();
  actor.tell({ kind: 'drop-queues', topic: 'T', replyTo: probe.ref });
  return { simulation, log, store, retired, probe };
}

test('TopicDropActor retires the handles, asks the log worker how far records may lie, and has the store drop them', async (t) => {
  const { simulation, log, store, retired, probe } = world();
  simulation.advance(1);
  t.same([retired, log.heard, store.heard], [['T'], ['forget-retired'], ['T before 77']]);
  t.same(probe.received, [{ kind: 'queues-dropped', topic: 'T', error: '' }]);
});

test('TopicDropActor asks again when a thread died over its question, and gives up in the end', async (t) => {
  const { simulation, log, store, probe } = world();
  log.deaf = 1;
  store.deaf = 2;
  simulation.advance(10_000);
  t.same([log.heard.length, store.heard.length], [2, 3]);
  t.same(probe.received, [{ kind: 'queues-dropped', topic: 'T', error: '' }]);
  const other = world();
  other.store.deaf = 100;
  other.simulation.advance(20_000);
  t.equal(other.store.heard.length, 4);
  t.same(other.probe.received, [{ kind: 'queues-dropped', topic: 'T', error: 'the store gives no answer' }]);
});

test('TopicDropActor says what the store says', async (t) => {
  const { simulation, store, probe } = world();
  store.error = 'the disk is full';
  simulation.advance(1);
  t.same(probe.received, [{ kind: 'queues-dropped', topic: 'T', error: 'the disk is full' }]);
});
