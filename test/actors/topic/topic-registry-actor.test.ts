import { test } from 'tap';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import type { DropQueues } from '../../../actors/topic/topic-drop-actor.ts';
import {
  type SaveTable,
  type TopicPage,
  TopicRegistryActor,
  type TopicRegistryCommand,
  type TopicRegistryOptions,
  type TopicReply,
  type TopicsChanged,
  type TopicsReset,
  type UnusedDropped,
} from '../../../actors/topic/topic-registry-actor.ts';
import { DEFAULT_TOPIC_SETTINGS } from '../../../actors/topic/topic-rules.ts';
import { TopicTable } from '../../../actors/topic/topic-table.ts';
import { TopicTableActor } from '../../../actors/topic/topic-table-actor.ts';
import { parseTopicsFile, type TopicsFile } from '../../../actors/topic/topics-json.ts';
import type { Actor, ActorContext } from '../../../runtime/actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';

/** The store actor's part: keeps the text, after a while, or fails. */
class Disk implements Actor<SaveTable | { kind: 'written' }> {
  texts: string[] = [];
  failing = false;
  delayMs = 5;
  #text = '';
  readonly #queue: SaveTable[] = [];

  receive(message: SaveTable | { kind: 'written' }, context: ActorContext): void {
    if (message.kind === 'save-table') {
      const { part = 0, parts = 1 } = message;
      this.#text = part === 0 ? message.text : this.#text + message.text;
      if (part < parts - 1) return;
      this.#queue.push({ ...message, text: this.#text });
      context.schedule(this.delayMs, { kind: 'written' });
      return;
    }
    const save = this.#queue.shift()!;
    if (!this.failing) this.texts.push(save.text);
    save.replyTo.tell(
      this.failing
        ? { kind: 'table-saved', name: save.name, ok: false, error: 'disk full' }
        : { kind: 'table-saved', name: save.name, ok: true },
    );
  }

  load(): TopicsFile | null {
    const text = this.texts.at(-1);
    return text === undefined ? null : parseTopicsFile(JSON.parse(text));
  }
}

/** The registration actor's part: answers after `delayMs`, or never. */
class NameServers implements Actor<TopicsChanged | TopicsReset | { kind: 'done' }> {
  heard: string[] = [];
  resets = 0;
  delayMs: number | null = 10;
  readonly #queue: TopicsChanged[] = [];

  receive(message: TopicsChanged | TopicsReset | { kind: 'done' }, context: ActorContext): void {
    if (message.kind === 'topics-reset') this.resets++;
    else if (message.kind === 'topics-changed') {
      for (const topic of message.topics) this.heard.push(topic.topicName);
      for (const topic of message.removed) this.heard.push(`-${topic}`);
      this.#queue.push(message);
      if (this.delayMs !== null) context.schedule(this.delayMs, { kind: 'done' });
    } else this.#queue.shift()!.replyTo.tell({ kind: 'topics-registered', registered: 1, failed: 0 });
  }
}

function world(change: Partial<TopicRegistryOptions> = {}, seed = 1) {
  const simulation = new Simulation({ seed, startMs: 1_000_000 });
  const disk = new Disk();
  const nameServers = new NameServers();
  simulation.spawn('store', () => disk);
  simulation.spawn('registration', () => nameServers);
  const handles = new Map<string, number>();
  const options: TopicRegistryOptions = {
    settings: DEFAULT_TOPIC_SETTINGS,
    queueHandles: {
      intern(topic, queueId) {
        const key = `${topic}/${queueId}`;
        const known = handles.get(key) ?? handles.size;
        handles.set(key, known);
        return known;
      },
      topics: () => new Set([...handles.keys()].map((key) => key.slice(0, key.lastIndexOf('/')))),
    },
    load: () => disk.load(),
    shards: ['shard-0', 'shard-1'],
    sync: false,
    registration: 'registration',
    ...change,
  };
  const tables = [new TopicTable(), new TopicTable()];
  const start = () =>
    simulation.spawn<TopicRegistryCommand>('topic-registry', () => new TopicRegistryActor(options) as Actor<TopicRegistryCommand>);
  const registry = start();
  for (const [shard, table] of tables.entries()) simulation.spawn(`shard-${shard}/topic-table`, () => new TopicTableActor(table, shard, 0));
  const probe = simulation.probe<TopicReply>();
  const send = (topic: string) =>
    registry.tell({
      kind: 'create-on-send',
      topic,
      defaultTopic: 'TBW102',
      queueNums: 4,
      clientAddress: 'x',
      sysFlag: 0,
      replyTo: probe.ref,
    });
  return { simulation, disk, nameServers, tables, registry, probe, send, handles };
}

test('TopicRegistryActor has the system topics on every shard and on the disk before it is ready', async (t) => {
  const { simulation, disk, tables, registry, nameServers } = world();
  const ready = simulation.probe<{ kind: 'topics-ready'; topics: number }>();
  registry.tell({ kind: 'await-topics', replyTo: ready.ref });
  simulation.advance(4);
  t.same(ready.received, [], 'the first save is under way');
  simulation.advance(10);
  t.equal(ready.received.length, 1);
  for (const table of tables) {
    t.equal(table.get('TBW102')?.perm, 7);
    t.equal(table.get('SCHEDULE_TOPIC_XXXX')?.queueHandles.length, 18);
    t.ok(table.complete);
  }
  t.ok(disk.load()?.topics.some((topic) => topic.topicName === 'TBW102'));
  t.equal(nameServers.resets, 1, 'the registration fetches all topics itself');
  t.same(nameServers.heard, []);
});

test('TopicRegistryActor answers a creator after the save, the shards and the name servers', async (t) => {
  const { simulation, disk, tables, probe, send, nameServers } = world();
  simulation.advance(20);
  send('Orders');
  simulation.advance(4);
  t.same([tables[0]!.get('Orders'), tables[1]!.get('Orders')], [undefined, undefined], 'not saved yet');
  simulation.advance(2);
  t.ok(disk.load()?.topics.some((topic) => topic.topicName === 'Orders'));
  t.equal(tables[1]!.get('Orders')?.writeQueues, 4);
  t.same(probe.received, [], 'the name servers do not know it yet');
  simulation.advance(10);
  t.same(probe.received, [{ kind: 'topic-ready', topic: 'Orders' }]);
  t.same(nameServers.heard, ['Orders']);
  t.equal(tables[0]!.get('Orders')?.perm, 6);
  t.same(tables[0]!.get('Orders')?.queueHandles, tables[1]!.get('Orders')?.queueHandles, 'the same handles everywhere');
  t.ok(tables[0]!.version.counter > 0);
});

test('TopicRegistryActor lets creators of one topic share its creation, in every stage', async (t) => {
  const { simulation, disk, probe, send, nameServers } = world();
  simulation.advance(20);
  const saves = disk.texts.length;
  send('Orders');
  send('Orders');
  simulation.advance(2);
  send('Orders');
  simulation.advance(8);
  send('Orders');
  t.equal(probe.received.length, 0, 'registering');
  simulation.advance(10);
  t.equal(probe.received.length, 4);
  t.equal(disk.texts.length, saves + 1);
  t.same(nameServers.heard, ['Orders']);
  send('Orders');
  simulation.advance(1);
  t.equal(probe.received.length, 5, 'what exists is answered at once');
});

test('TopicRegistryActor puts many changes into one save', async (t) => {
  const { simulation, disk, probe, send } = world();
  simulation.advance(20);
  const saves = disk.texts.length;
  for (let index = 0; index < 500; index++) send(`T${index}`);
  simulation.advance(100);
  t.equal(probe.received.length, 500);
  t.equal(disk.texts.length - saves, 2, 'the first alone, then what came meanwhile');
});

test('TopicRegistryActor refuses what could not be saved and stays as it was', async (t) => {
  const { simulation, disk, tables, probe, send, registry } = world();
  simulation.advance(20);
  disk.failing = true;
  send('Orders');
  simulation.advance(20);
  t.match(probe.received, [{ kind: 'topic-refused', code: 1, remark: /disk full/ }]);
  t.equal(tables[0]!.get('Orders'), undefined);
  disk.failing = false;
  send('Orders');
  simulation.advance(20);
  t.match(probe.received[1], { kind: 'topic-ready' });
  const pages = simulation.probe<TopicPage>();
  registry.tell({ kind: 'list-topics', cursor: 0, replyTo: pages.ref });
  simulation.advance(1);
  t.ok(pages.received[0]!.topics.some((topic) => topic.topicName === 'Orders'));
});

test('TopicRegistryActor is not held up by name servers that never answer', async (t) => {
  const { simulation, probe, send, nameServers } = world();
  simulation.advance(20);
  nameServers.delayMs = null;
  send('Orders');
  simulation.advance(3_999);
  t.same(probe.received, []);
  simulation.advance(10);
  t.match(probe.received, [{ kind: 'topic-ready' }]);
});

test('TopicRegistryActor changes and deletes topics on every shard', async (t) => {
  const { simulation, tables, probe, send, registry, nameServers, disk } = world();
  simulation.advance(20);
  send('Orders');
  simulation.advance(30);
  const update = {
    kind: 'update-topic',
    topic: 'Orders',
    readQueueNums: 8,
    writeQueueNums: 2,
    perm: 4,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: '+message.type=FIFO',
    replyTo: probe.ref,
  } as const;
  registry.tell(update);
  simulation.advance(30);
  t.match(tables[1]!.get('Orders'), { perm: 4, writeQueues: 2, readQueues: 8 });
  t.equal(tables[1]!.get('Orders')?.queueHandles.length, 8);
  t.same(tables[1]!.get('Orders')?.config.attributes, { 'message.type': 'FIFO' });
  registry.tell({ kind: 'delete-topic', topic: 'Orders', replyTo: probe.ref });
  registry.tell({ kind: 'delete-topic', topic: 'Nothing', replyTo: probe.ref });
  registry.tell({ kind: 'delete-topic', topic: 'TBW102', replyTo: probe.ref });
  simulation.advance(30);
  t.equal(tables[0]!.get('Orders'), undefined);
  t.notOk(disk.load()?.topics.some((topic) => topic.topicName === 'Orders'));
  t.same(nameServers.heard, ['Orders', 'Orders', '-Orders']);
  t.match(
    probe.received
      .slice(2)
      .map((reply) => reply.kind)
      .sort(),
    ['topic-ready', 'topic-ready', 'topic-refused'],
  );
});

test('TopicRegistryActor fills a shard that lost its table, and a restarted one reads the file', async (t) => {
  const { simulation, disk, tables, send, handles } = world();
  simulation.advance(20);
  send('Orders');
  simulation.advance(30);
  const fresh = new TopicTable();
  simulation.spawn('other/topic-table', () => new TopicTableActor(fresh, 1, 1));
  tables[1]!.remove('Orders');
  simulation.advance(20);
  t.equal(tables[1]!.get('Orders')?.writeQueues, 4, 'shard 1 is told all topics again');

  const again = new Simulation({ seed: 2, startMs: 2_000_000 });
  const table = new TopicTable();
  again.spawn('store', () => disk);
  again.spawn('shard-0/topic-table', () => new TopicTableActor(table, 0, 0));
  again.spawn(
    'topic-registry',
    () =>
      new TopicRegistryActor({
        settings: DEFAULT_TOPIC_SETTINGS,
        queueHandles: { intern: (topic, queueId) => handles.get(`${topic}/${queueId}`) ?? 9999, topics: () => [] },
        load: () => disk.load(),
        shards: ['shard-0'],
        sync: false,
        registration: null,
      }),
  );
  again.advance(600);
  t.equal(table.get('Orders')?.writeQueues, 4);
  t.ok(table.complete);
});

test('TopicRegistryActor refuses a topic for whose queues there is no room', async (t) => {
  let left = 2000;
  const { simulation, probe, send } = world({
    queueHandles: {
      intern: () => {
        if (left-- > 0) return left;
        throw new Error('The broker holds 4 queues, which is the most; delete topics');
      },
      topics: () => [],
    },
  });
  simulation.advance(20);
  left = 3;
  send('Orders');
  simulation.advance(20);
  t.match(probe.received, [{ kind: 'topic-refused', code: 1, remark: /its 4 queues: The broker holds 4/ }]);
});

test('parseTopicsFile reads what 4.9 wrote and refuses what is no table', async (t) => {
  const file = parseTopicsFile({
    dataVersion: { counter: 3, timestamp: 5 },
    topicConfigTable: {
      T: { order: false, perm: 6, readQueueNums: 4, topicFilterType: 'SINGLE_TAG', topicName: 'T', topicSysFlag: 0, writeQueueNums: 4 },
    },
  });
  t.same(file, { version: { counter: 3, timestamp: 5, stateVersion: 0 }, topics: [plainTopic('T', 4)] });
  t.throws(() => parseTopicsFile({ topicConfigTable: { T: { perm: 'x' } } }), { code: 'MQ_TOPIC_BAD_TABLE' });
  t.throws(() => parseTopicsFile([]), { code: 'MQ_TOPIC_BAD_TABLE' });
});

/** The topic-drop actor's part: answers when it is told to. */
class Dropper implements Actor<DropQueues> {
  readonly asked: DropQueues[] = [];

  receive(message: DropQueues): void {
    this.asked.push(message);
  }

  answer(): void {
    const drop = this.asked.shift()!;
    drop.replyTo.tell({ kind: 'queues-dropped', topic: drop.topic, error: '' });
  }
}

test('TopicRegistryActor lets who wants a deleted topic wait until its queues are gone', async (t) => {
  const { simulation, disk, probe, send, registry, tables } = world({ dropper: 'topic-drop' });
  const dropper = new Dropper();
  simulation.spawn('topic-drop', () => dropper);
  simulation.advance(20);
  send('Orders');
  simulation.advance(20);
  t.equal(probe.received.length, 1);
  registry.tell({ kind: 'delete-topic', topic: 'Orders', replyTo: probe.ref });
  send('Orders');
  registry.tell({ kind: 'ensure-topic', topic: 'Orders', readQueues: 9, writeQueues: 9, perm: 6, replyTo: probe.ref });
  simulation.advance(20);
  t.same(
    dropper.asked.map(({ topic }) => topic),
    ['Orders'],
    'saved, so its queues go',
  );
  t.equal(probe.received.length, 1, 'nobody is answered yet');
  t.equal(tables[0]!.get('Orders'), undefined);
  t.notOk(disk.load()?.topics.some((topic) => topic.topicName === 'Orders'));
  dropper.answer();
  simulation.advance(1);
  t.match(probe.received.slice(1), [{ kind: 'topic-ready' }], 'the deletion');
  simulation.advance(20);
  t.equal(probe.received.length, 4, 'and those that waited');
  t.equal(tables[0]!.get('Orders')?.writeQueues, 4, 'in the order in which they came');
});

test('TopicRegistryActor decides what waited for a deletion that could not be saved', async (t) => {
  const { simulation, disk, probe, send, registry, tables } = world({ dropper: 'topic-drop' });
  const dropper = new Dropper();
  simulation.spawn('topic-drop', () => dropper);
  simulation.advance(20);
  send('Orders');
  simulation.advance(20);
  disk.failing = true;
  registry.tell({ kind: 'delete-topic', topic: 'Orders', replyTo: probe.ref });
  send('Orders');
  simulation.advance(20);
  t.match(probe.received.slice(1), [{ kind: 'topic-refused', code: 1 }, { kind: 'topic-ready' }], 'the topic is as it was');
  t.same(dropper.asked, [], 'with its queues');
  t.equal(tables[0]!.get('Orders')?.writeQueues, 4);
});

test('TopicRegistryActor answers a deletion whose queues nobody removes, and goes on', async (t) => {
  const { simulation, probe, send, registry } = world({ dropper: 'topic-drop' });
  simulation.spawn('topic-drop', () => new Dropper());
  simulation.advance(20);
  send('Orders');
  simulation.advance(20);
  registry.tell({ kind: 'delete-topic', topic: 'Orders', replyTo: probe.ref });
  send('Orders');
  simulation.advance(19_000);
  t.equal(probe.received.length, 1);
  simulation.advance(2_000);
  t.match(probe.received.slice(1), [{ kind: 'topic-ready' }, { kind: 'topic-ready' }]);
});

test('TopicRegistryActor has the queues of no topic removed when asked', async (t) => {
  const { simulation, registry, handles, send } = world({ dropper: 'topic-drop' });
  const dropper = new Dropper();
  simulation.spawn('topic-drop', () => dropper);
  simulation.advance(20);
  send('Orders');
  simulation.advance(20);
  handles.set('Lost/0', 70_000);
  const cleaned = simulation.probe<UnusedDropped>();
  registry.tell({ kind: 'drop-unused', replyTo: cleaned.ref });
  simulation.advance(5);
  t.same(
    dropper.asked.map(({ topic }) => topic),
    ['Lost'],
    'and no other',
  );
  t.same(cleaned.received, []);
  dropper.answer();
  simulation.advance(5);
  t.same(cleaned.received, [{ kind: 'unused-dropped', topics: 1 }]);
});
