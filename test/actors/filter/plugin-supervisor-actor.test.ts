/** The plugin supervisor on a virtual clock: versions, faults, budgets, policies. The workers and the folder are the test's. */
import { test } from 'tap';
import { allocateExchange, ExchangeDesk, type ExchangeMemory, ExchangePort, Verdicts } from '../../../actors/filter/plugin-exchange.ts';
import type {
  PluginExited,
  PluginLoadEnded,
  PluginSupervisorCommand,
  PluginTableCommand,
  PluginView,
} from '../../../actors/filter/plugin-messages.ts';
import { PluginSupervisorActor } from '../../../actors/filter/plugin-supervisor-actor.ts';
import type { StartedPlugin } from '../../../actors/filter/watched-plugin.ts';
import type { ActorRef } from '../../../runtime/actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';

class Worker implements StartedPlugin {
  progress = 0;
  delayed: number | null = null;
  isEnded = false;
  readonly generation: number;

  constructor(generation: number) {
    this.generation = generation;
  }

  delayedMs(): number | null {
    return this.delayed;
  }

  end(): void {
    this.isEnded = true;
  }
}

class World {
  readonly simulation = new Simulation({ seed: 7 });
  readonly exchanges: readonly ExchangeMemory[];
  readonly views: PluginView[] = [];
  readonly workers: Worker[] = [];
  readonly supervisor: ActorRef<PluginSupervisorCommand>;
  readonly shard = this.simulation.probe<PluginTableCommand>();
  files: Record<string, string> = {};
  scans = 0;

  constructor(options: { places?: number; restarts?: number; policy?: 'hold' | 'pass' } = {}) {
    this.exchanges = Array.from({ length: options.places ?? 2 }, () => allocateExchange(1));
    const host = {
      scan: () => {
        this.scans++;
        const names = Object.keys(this.files);
        const files = names.map((name) => `${name}.ts`);
        const stamps = names.map((name) => this.files[name]!);
        this.supervisor.tell({ kind: 'folder-read', isThere: true, names, files, stamps, faults: [], error: '' });
      },
      launch: () => {
        const worker = new Worker(this.workers.length + 1);
        this.workers.push(worker);
        return worker;
      },
    };
    const { exchanges, views } = this;
    const places = new Map<string, number>();
    const rest = { callMs: 80, restarts: options.restarts ?? 2, policy: options.policy ?? 'hold', places } as const;
    this.supervisor = this.simulation.spawn('root/plugins', () => new PluginSupervisorActor({ host, exchanges, views, ...rest }));
    this.supervisor.tell({ kind: 'ask-plugins', shard: 0, replyTo: this.shard.ref });
  }

  run(ms: number): void {
    this.simulation.advance(ms);
  }

  loaded(plugin: string, generation: number, fault = '', whenParked: PluginLoadEnded['whenParked'] = null): void {
    this.supervisor.tell({ kind: 'plugin-load-ended', plugin, generation, fault, description: '', whenParked });
    this.run(0);
  }

  exited(plugin: string, generation: number, fault = 'it threw'): void {
    this.supervisor.tell({ kind: 'plugin-exited', plugin, generation, fault } satisfies PluginExited);
    this.run(0);
  }

  get standings(): string[] {
    return this.shard.received.map((message) => (message.kind === 'plugin-state' ? `${message.plugin} ${message.standing}` : 'complete'));
  }
}

/** The worker of a plugin that has taken a batch and gives no verdict; it is watched. */
function workerInALoop(world: World): World['workers'][number] {
  world.files = { p: 'v1' };
  world.run(600);
  world.loaded('p', 1);
  const port = new ExchangePort(world.exchanges[0]!, 0);
  port.submit(0, Buffer.from('g'), new Uint8Array(8), 8, 1);
  new ExchangeDesk(world.exchanges[0]!, 1).claim();
  world.supervisor.tell({ kind: 'watch-plugins' });
  const worker = world.workers[0]!;
  worker.delayed = 0;
  return worker;
}

test('PluginSupervisorActor loads what appears, tells shards, and goes on with the old version when the new one is refused', (t) => {
  const world = new World();
  world.files = { p: 'v1' };
  world.run(600);
  t.equal(world.workers.length, 1);
  t.same(world.standings, ['p hold'], 'held back until it is loaded, and nothing is complete');
  world.loaded('p', 1);
  t.same(world.standings, ['p hold', 'p up', 'complete']);
  world.run(2_000);
  t.equal(world.workers.length, 1, 'a file that stays as it is, is left alone');
  world.files = { p: 'v2' };
  world.run(600);
  world.loaded('p', 2, 'p.ts:1:1: bad');
  t.match(world.views[0], { state: 'running', fault: 'p.ts:1:1: bad', loads: 1 });
  t.same([world.workers[0]!.isEnded, world.workers[1]!.isEnded], [false, true]);
  world.files = { p: 'v3' };
  world.run(600);
  world.loaded('p', 3);
  t.match(world.views[0], { state: 'running', fault: '', loads: 2, failures: 0 });
  t.equal(world.workers[0]!.isEnded, true, 'it had nothing in hand');
  world.files = {};
  world.run(600);
  t.match(world.views[0], { state: 'gone' });
  t.equal(world.standings.at(-1), 'p gone');
  t.end();
});

test('PluginSupervisorActor starts a failing plugin again with growing pauses, then parks it by its policy until its file changes', (t) => {
  for (const [own, policy] of [
    [null, 'hold'],
    ['pass', 'pass'],
  ] as const) {
    const world = new World({ restarts: 2 });
    world.files = { p: 'v1' };
    world.run(600);
    world.loaded('p', 1, '', own);
    world.exited('p', 1);
    t.match(world.views[0], { state: 'restarting', failures: 1, fault: 'it threw' });
    t.equal(world.standings.at(-1), 'p up', 'what waits goes on waiting');
    world.run(99);
    t.equal(world.workers.length, 1);
    world.run(1);
    t.equal(world.workers.length, 2);
    world.loaded('p', 2, '', own);
    t.match(world.views[0], { state: 'running', fault: 'it threw' }, 'a restart does not make it good');
    world.exited('p', 2);
    world.run(199);
    t.equal(world.workers.length, 2);
    world.run(1);
    world.loaded('p', 3, '', own);
    world.exited('p', 3);
    t.match(world.views[0], { state: 'parked', policy, failures: 3 });
    t.equal(world.standings.at(-1), `p ${policy}`);
    world.run(120_000);
    t.equal(world.workers.length, 3, 'parked');
    world.files = { p: 'v2' };
    world.run(600);
    world.loaded('p', 4);
    t.match(world.views[0], { state: 'running', fault: '' });
    t.equal(world.standings.at(-1), 'p up');
    world.exited('p', 4);
    t.match(world.views[0], { state: 'restarting' }, 'with a whole budget');
  }
  t.end();
});

test('PluginSupervisorActor ends a worker whose call takes too long, and gives its batch to the next', (t) => {
  const world = new World();
  world.files = { p: 'v1' };
  world.run(600);
  world.loaded('p', 1);
  const port = new ExchangePort(world.exchanges[0]!, 0);
  const first = new ExchangeDesk(world.exchanges[0]!, 1);
  port.submit(3, Buffer.from('g'), new Uint8Array(8), 8, 1);
  t.equal(port.wantsWatch(), true);
  t.equal(port.wantsWatch(), false, 'one sends for the supervisor');
  world.supervisor.tell({ kind: 'watch-plugins' });
  t.equal(first.claim(), true);
  world.run(70);
  t.equal(world.workers[0]!.isEnded, false);
  world.run(30);
  t.equal(world.workers[0]!.isEnded, true, 'within 100 ms');
  t.equal(first.claim(), false);
  world.exited('p', 1, '');
  t.match(world.views[0]!.fault, /longer than 80 ms/);
  world.run(100);
  world.loaded('p', 2);
  const second = new ExchangeDesk(world.exchanges[0]!, 2);
  t.equal(second.claim(), true, 'the batch is there again');
  second.done(new Verdicts(), 0);
  t.equal(port.take(3, new Verdicts()), true);
  world.run(2_000);
  t.equal(port.wantsWatch(), true, 'nobody watches what has no work');
  t.end();
});

test('PluginSupervisorActor does not count the time in which a thread had no processor', (t) => {
  const world = new World();
  const worker = workerInALoop(world);
  for (let ms = 0; ms < 500; ms += 10) {
    world.run(10);
    worker.delayed = (worker.delayed ?? 0) + 9;
  }
  t.equal(worker.isEnded, false, '50 ms of its own in half a second');
  world.run(100);
  t.equal(worker.isEnded, true);
  t.end();
});

test('PluginSupervisorActor gives up a worker that does not end: its batch goes elsewhere, and the plugin is parked', (t) => {
  const world = new World({ policy: 'pass' });
  world.files = { p: 'v1' };
  world.run(600);
  world.loaded('p', 1);
  const port = new ExchangePort(world.exchanges[0]!, 0);
  const stuck = new ExchangeDesk(world.exchanges[0]!, 1);
  port.submit(5, Buffer.from('g'), new Uint8Array(8), 8, 1);
  stuck.claim();
  world.supervisor.tell({ kind: 'watch-plugins' });
  world.run(1_000);
  t.match(world.views[0], { state: 'parked', failures: 1, fault: /its thread cannot be ended/ });
  t.equal(world.standings.at(-1), 'p pass');
  t.equal(port.isLost(5), true);
  stuck.done(new Verdicts(), 0);
  t.equal(port.take(5, new Verdicts()), false, 'its verdict comes too late');
  t.equal(port.isFree(5), false);
  world.files = { p: 'v2' };
  world.run(600);
  world.loaded('p', 2);
  t.match(world.views[0], { state: 'running' });
  world.exited('p', 1);
  t.equal(port.isFree(5), true, 'it has ended after all');
  t.match(world.views[0], { state: 'running', failures: 1 });
  t.end();
});

test('PluginSupervisorActor waits for a worker that cannot end because it has no processor, or has just ended', (t) => {
  const world = new World();
  const worker = workerInALoop(world);
  world.run(100);
  t.equal(worker.isEnded, true);
  for (let ms = 0; ms < 2_000; ms += 10) {
    worker.delayed = (worker.delayed ?? 0) + 9;
    world.run(10);
  }
  t.match(world.views[0], { state: 'running' }, '200 ms of its own in two seconds');
  worker.delayed = null;
  world.run(5_000);
  t.match(world.views[0], { state: 'running' }, 'its thread is gone, and its exit is on the way');
  world.exited('p', 1, '');
  t.match(world.views[0], { state: 'restarting', failures: 1, fault: /longer than 80 ms/ });
  t.end();
});

test('PluginSupervisorActor keeps a place for each name, and no more than there are', (t) => {
  const world = new World({ places: 2 });
  world.files = { a: '1', b: '1', c: '1' };
  world.run(600);
  t.equal(world.workers.length, 2);
  t.ok(world.simulation.logs.some(({ fields }) => String(fields.fault).startsWith('c.ts: not loaded')));
  world.loaded('a', 1);
  world.loaded('b', 2, 'bad');
  t.match(world.views, [{ state: 'running' }, { state: 'refused' }]);
  t.same(world.standings.slice(-2), ['b hold', 'complete']);
  world.files = { c: '1' };
  world.run(600);
  t.equal(world.workers.length, 2, 'a place is for one plugin for ever');
  t.end();
});
