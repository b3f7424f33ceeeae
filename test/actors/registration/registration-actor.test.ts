import { test } from 'tap';
import { RegistrationActor, type RegistrationCommand, type Unregistered } from '../../../actors/registration/registration-actor.ts';
import type { RemotingEvents } from '../../../actors/registration/remoting-client.ts';
import { plainTopic } from '../../../actors/topic/topic-config.ts';
import type { ListTopics, TopicsRegistered } from '../../../actors/topic/topic-registry-actor.ts';
import type { CommandFields, RemotingCommand } from '../../../protocol/remoting/command.ts';
import type { Actor } from '../../../runtime/actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';

/** Name servers behind a network with 1 ms in each direction; one that is down refuses, a deaf one never answers. */
class Network {
  readonly heard: string[] = [];
  readonly down = new Set<string>();
  readonly deaf = new Set<string>();
  readonly #simulation: Simulation;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  readonly open = (address: string, events: RemotingEvents) => {
    let isOpen = true;
    const later = (run: () => void) => this.#simulation.schedule(1, () => isOpen && run());
    if (this.down.has(address)) later(() => events.closed('refused'));
    else later(() => events.opened());
    return {
      send: (command: CommandFields) => {
        const topics =
          command.code === 103
            ? Object.keys(JSON.parse(Buffer.from(command.body!).toString()).topicConfigSerializeWrapper.topicConfigTable)
            : [];
        this.heard.push(`${address} ${command.code} ${topics.join(',')}`.trim());
        if (this.deaf.has(address)) return;
        const answer = { code: 0, opaque: command.opaque, remark: null, ext: new Map([['changed', 'false']]) };
        later(() => later(() => events.answered(answer as unknown as RemotingCommand)));
      },
      close: () => {
        isOpen = false;
      },
    };
  };
}

function world(nameServers: readonly string[]) {
  const simulation = new Simulation({ seed: 9, startMs: 1_000_000 });
  const network = new Network(simulation);
  const version = { stateVersion: 0, timestamp: 5, counter: 5 };
  const registry: Actor<ListTopics> = {
    receive: ({ replyTo }) =>
      void replyTo.tell({ kind: 'topic-page', topics: [plainTopic('A', 1), plainTopic('B', 1)], next: -1, version }),
  };
  simulation.spawn('topic-registry', () => registry);
  const options = { nameServers, clusterName: 'C', brokerName: 'b', brokerId: 0, brokerAddr: 'b:1', haServerAddr: 'b:2' };
  const actor = simulation.spawn<RegistrationCommand>(
    'registration',
    () => new RegistrationActor({ ...options, open: network.open, requestTurn: () => {} }) as Actor<RegistrationCommand>,
  );
  const probe = simulation.probe<TopicsRegistered>();
  const change = (topic: string, counter: number) =>
    actor.tell({
      kind: 'topics-changed',
      topics: [plainTopic(topic, 1)],
      removed: [],
      version: { ...version, counter },
      replyTo: probe.ref,
    });
  return { simulation, network, actor, probe, change };
}

test('RegistrationActor registers at the start, every 30 s, and changes at once', async (t) => {
  const { simulation, network, probe, change } = world(['n:1']);
  simulation.advance(1_000);
  t.same(network.heard, ['n:1 103 A,B']);
  change('X', 6);
  simulation.advance(1);
  t.same(network.heard.slice(1), ['n:1 103 X']);
  t.same(probe.received, [], 'on its way');
  simulation.advance(2);
  t.same(probe.received, [{ kind: 'topics-registered', registered: 1, failed: 0 }]);
  network.heard.length = 0;
  simulation.advance(90_000);
  t.same(network.heard, Array(3).fill('n:1 103 A,B,X'));
});

test('RegistrationActor answers who waits by the first failure, and later ones at once', async (t) => {
  const { simulation, network, probe, change } = world(['n:1', 'down:1', 'deaf:1']);
  network.down.add('down:1');
  network.deaf.add('deaf:1');
  change('X', 6);
  simulation.advance(2_000);
  t.same(probe.received, [], 'the deaf one has until 3 s');
  simulation.advance(2_000);
  t.equal(probe.received.length, 1);
  simulation.advance(5_000);
  network.deaf.delete('deaf:1');
  network.down.delete('down:1');
  simulation.advance(30_000);
  t.ok(network.heard.includes('down:1 103 A,B'));
  change('Y', 7);
  simulation.advance(10);
  t.same(probe.received[1], { kind: 'topics-registered', registered: 3, failed: 0 });
});

test('RegistrationActor follows a change of its name servers: good-bye to those that went, the new ones before the answer', async (t) => {
  const { simulation, network, actor, probe, change } = world(['n:1', 'old:1']);
  simulation.advance(1_000);
  network.heard.length = 0;
  const follow = (addresses: string[]): void => void actor.tell({ kind: 'name-servers-changed', addresses, replyTo: probe.ref });
  follow(['n:1', 'new:1']);
  simulation.advance(100);
  t.same(network.heard, ['old:1 104', 'new:1 103 A,B']);
  t.same(probe.received.splice(0), [{ kind: 'topics-registered', registered: 2, failed: 0 }]);
  change('X', 6);
  simulation.advance(10);
  t.same(network.heard.slice(2).sort(), ['n:1 103 X', 'new:1 103 X'], 'the old one hears no more');
  t.same(probe.received.splice(0), [{ kind: 'topics-registered', registered: 2, failed: 0 }], 'nor is it waited for');
  network.heard.length = 0;
  network.down.add('down:1');
  follow(['old:1', 'down:1']);
  simulation.advance(3_100);
  t.same(network.heard, ['n:1 104', 'new:1 104', 'old:1 103 A,B,X']);
  t.same(probe.received.splice(0), [{ kind: 'topics-registered', registered: 1, failed: 1 }]);
  for (let round = 0; round < 50; round++) {
    follow([round % 2 === 0 ? 'n:1' : 'new:1']);
    simulation.advance(50);
  }
  network.heard.length = 0;
  simulation.advance(30_100);
  t.same(network.heard, ['new:1 103 A,B,X'], 'one name server, one link');
  follow([]);
  simulation.advance(10);
  t.same(network.heard.slice(1), ['new:1 104']);
  t.same(probe.received.at(-1), { kind: 'topics-registered', registered: 0, failed: 0 });
});

test('RegistrationActor unregisters everywhere and is quiet afterwards', async (t) => {
  const { simulation, network, actor } = world(['n:1', 'm:1', 'down:1']);
  network.down.add('down:1');
  simulation.advance(1_000);
  const probe = simulation.probe<Unregistered>();
  actor.tell({ kind: 'unregister', replyTo: probe.ref });
  simulation.advance(10);
  t.same(probe.received, [{ kind: 'unregistered' }]);
  t.same(network.heard.slice(-2), ['n:1 104', 'm:1 104']);
  simulation.advance(120_000);
  t.same(network.heard.slice(-2), ['n:1 104', 'm:1 104']);
});
