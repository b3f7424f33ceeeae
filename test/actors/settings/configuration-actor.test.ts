import { test } from 'tap';
import { type BrokerConfig, parseBrokerConfig } from '../../../actors/broker/broker-config.ts';
import {
  ConfigurationActor,
  type ConfigurationCommand,
  type SettingsListed,
  type SettingsUpdated,
} from '../../../actors/settings/configuration-actor.ts';
import { LiveConfig } from '../../../actors/settings/live-config.ts';
import { type ApplySettings, SettingsActor } from '../../../actors/settings/settings-actor.ts';
import type { SaveTable } from '../../../actors/store/store-messages.ts';
import type { Actor, ActorContext } from '../../../runtime/actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';

/** The store actor's part: keeps the text, or fails, or says nothing. */
class Store implements Actor<SaveTable> {
  texts: string[] = [];
  mode: 'good' | 'full' | 'silent' = 'good';

  receive({ name, text, replyTo }: SaveTable): void {
    if (this.mode === 'silent') return;
    if (this.mode === 'good') this.texts.push(text);
    replyTo.tell(
      this.mode === 'good' ? { kind: 'table-saved', name, ok: true } : { kind: 'table-saved', name, ok: false, error: 'disk full' },
    );
  }
}

/** A thread's settings actor that answers when it is let. */
class SlowThread implements Actor<ApplySettings> {
  heard: ApplySettings[] = [];
  isDeaf = false;

  receive(message: ApplySettings, _context: ActorContext): void {
    this.heard.push(message);
    if (!this.isDeaf) message.replyTo.tell({ kind: 'settings-applied' });
  }
}

function world(saved: readonly { key: string; value: string }[] = []) {
  const simulation = new Simulation({ seed: 1 });
  const store = new Store();
  const slow = new SlowThread();
  const machine = { cores: 1, hosts: [], currentDirectory: '/' };
  const start = parseBrokerConfig('', {}, {}, { role: 'start', machine }).config;
  const state = { config: start as BrokerConfig, changes: 0 };
  const live = new LiveConfig(start);
  simulation.spawn('store', () => store);
  simulation.spawn('quick/settings', () => new SettingsActor(live));
  simulation.spawn('slow/settings', () => slow);
  const actor = new ConfigurationActor({
    saved,
    current: () => state.config,
    changed: (next) => {
      state.config = next;
      state.changes++;
    },
    threads: ['quick', 'slow'],
    store: 'store',
  });
  const configuration = simulation.spawn<ConfigurationCommand>('root/configuration', () => actor);
  const probe = simulation.probe<SettingsUpdated | SettingsListed>();
  const update = (text: string): void => {
    configuration.tell({ kind: 'update-settings', scope: 'broker', text: Buffer.from(text), by: 'test', replyTo: probe.ref });
    simulation.advance(1);
  };
  const list = (): Map<string, string> => {
    configuration.tell({ kind: 'get-settings', scope: 'broker', replyTo: probe.ref });
    simulation.advance(1);
    const listed = probe.received.splice(0).find((message) => message.kind === 'settings-listed');
    return new Map(
      (listed?.kind === 'settings-listed' ? listed.text.trimEnd().split('\n') : []).map((line) => line.split('=') as [string, string]),
    );
  };
  const answers = () => probe.received.splice(0);
  return { simulation, store, slow, state, live, update, list, answers };
}

test('ConfigurationActor answers when every thread has the change, in the order of the requests', async (t) => {
  const { simulation, store, slow, state, live, update, answers } = world();
  slow.isDeaf = true;
  update('maxMessageSize=2048\n');
  update('maxMessageSize=4096\n');
  simulation.advance(1_000);
  t.same(answers(), [], 'a thread has not said that it follows');
  t.equal(live.config.maxMessageBytes, 2048, 'others do already');
  t.equal(state.config.maxMessageBytes, 2048, 'and threads that start now');
  slow.heard.at(-1)!.replyTo.tell({ kind: 'settings-applied' });
  slow.isDeaf = false;
  simulation.advance(10);
  t.same(
    answers().map((answer) => answer.kind === 'settings-updated' && answer.outcome),
    ['done', 'done'],
  );
  t.equal(live.config.maxMessageBytes, 4096);
  t.equal(store.texts.length, 2);
});

test('ConfigurationActor leaves everything as it was when the change cannot be saved', async (t) => {
  const { simulation, store, slow, state, live, update, list, answers } = world();
  for (const mode of ['full', 'silent'] as const) {
    store.mode = mode;
    update('maxMessageSize=2048\nlistenPort=1\n');
    simulation.advance(31_000);
    t.match(answers(), [{ outcome: 'not-saved', remark: /the settings are as they were: (disk full|the store gave no answer)/ }]);
    t.equal(state.changes, 0);
    t.equal(live.config.maxMessageBytes, 4 * 1024 * 1024);
    t.same(slow.heard, []);
    t.equal(list().get('listenPort'), '10911');
  }
  store.mode = 'good';
  update('fileReservedTime=7\n');
  t.match(answers(), [{ outcome: 'done', remark: '' }], 'and goes on');
  t.notMatch(store.texts.at(-1), /maxMessageSize|listenPort/, 'without what was refused');
});

test('ConfigurationActor asks a thread again that is being replaced, and says so when it never answers', async (t) => {
  const { simulation, slow, state, update, answers } = world();
  slow.isDeaf = true;
  update('maxMessageSize=2048\n');
  simulation.advance(60_000);
  t.equal(slow.heard.length, 3);
  t.match(answers(), [{ outcome: 'late', remark: /^saved, but slow did not answer in time/ }]);
  slow.isDeaf = false;
  update('fileReservedTime=7\n');
  t.match(answers(), [{ outcome: 'done' }]);
  t.same(
    JSON.parse(slow.heard.at(-1)!.fields),
    { maxMessageBytes: state.config.maxMessageBytes, reservedHours: state.config.reservedHours },
    'with the next change it hears what it missed',
  );
});

test('ConfigurationActor keeps what former processes saved, shows what waits for a start, and counts changes', async (t) => {
  const { store, update, list, answers, slow } = world([{ key: 'regionId', value: 'north' }]);
  update('listenPort=4711\n');
  t.match(answers(), [{ outcome: 'done', remark: 'takes effect at the next start: listenPort' }]);
  t.same(slow.heard, [], 'no thread has to know');
  t.match(store.texts.at(-1), /^listenPort=4711\nregionId=north\n$/m);
  const shown = list();
  t.equal(shown.get('listenPort'), '4711');
  t.equal(shown.get('settingsAwaitingRestart'), 'listenPort;regionId');
});

test('ConfigurationActor takes only so many changes at once', async (t) => {
  const { simulation, store, update, answers } = world();
  store.mode = 'silent';
  for (let i = 0; i < 70; i++) update('fileReservedTime=7\n');
  const refused = answers();
  t.equal(refused.length, 5, 'one under way, 64 wait');
  t.match(refused[0], { outcome: 'busy', remark: /64 changes of settings wait already/ });
  store.mode = 'good';
  simulation.advance(60_000);
  t.equal(answers().length, 65, 'all of them are answered');
});
