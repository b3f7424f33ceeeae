/**
 * World: one seed's whole run. Owns the virtual time, the disk, the network and the broker's lives on them: starts it as its command
 * line would, ends it as the scenario has it, starts it again, and at last heals everything and has the workloads look. Everything
 * below the socket and above the disk is the code that production runs. Collects problems; throws for none of the broker's.
 */
import type { BrokerConfig } from '../actors/broker/broker-config.ts';
import type { BrokerMemory } from '../actors/broker/broker-memory.ts';
import type { RunningBroker } from '../actors/broker/running-broker.ts';
import { startBroker } from '../actors/broker/start-broker.ts';
import { FLUSHED_END, Watermarks } from '../actors/commit-log/watermarks.ts';
import { toError } from '../runtime/errors.ts';
import { SeededRandom } from '../runtime/random.ts';
import { SimulatedMachine } from '../runtime/simulated-machine.ts';
import { SimulatedTime } from '../runtime/simulated-time.ts';
import type { Disk } from '../storage/file.ts';
import { MemoryDisk } from '../storage/memory-disk.ts';
import { DiskMoods } from './disk-moods.ts';
import { Network } from './network.ts';
import { probeWith } from './probes.ts';
import { mainOf, type PlantedParts } from './production-threads.ts';
import type { CrashKind, Scenario } from './scenario.ts';
import { simulatedMemory, viewsOf } from './shared-memory.ts';
import { SimClient } from './sim-client.ts';
import { killBetweenStores } from './store-deaths.ts';
import { ThreadDisk } from './thread-disk.ts';
import type { Crash, Workload } from './workload.ts';
import { configOf } from './world-config.ts';

const RING_BYTES = 1024 * 1024;
/** Too small for the ballast, which would be most of what is written. */
const DISK_BYTES = 60 * 1024 * 1024;
/** A fenced process ends within this time. */
const EXIT_MS_MAX = 1_000;
const RESTART_MS_MAX = 300;
const START_MS_MAX = 40_000;
const STOP_MS_MAX = 12_000;
const VERIFY_MS_MAX = 120_000;
/** What is under way when the world is healed comes to its end. */
const SETTLE_MS = 3_000;
/** What is due comes so late at most, also when no broker was there in time: threads may stand still, a reader that died is asked again after 2.5 s. */
const LATE_MS = 6_000;
/** The wheel asks a reader that died while it counted again after 30 s. */
const WHEEL_LATE_MS = 36_000;
const PROBLEMS_MAX = 20;

/** One process of the broker. */
type Life = {
  readonly machine: SimulatedMachine;
  readonly disks: ThreadDisk[];
  memory: BrokerMemory | null;
  broker: RunningBroker | null;
  isStopping: boolean;
  fencedAtMs: number;
};

export type WorldResult = {
  readonly problems: readonly string[];
  readonly traceHash: string;
  readonly steps: number;
  readonly virtualMs: number;
  readonly counts: Readonly<Record<string, number>>;
};

export class World {
  readonly scenario: Scenario;
  readonly time: SimulatedTime;
  readonly disk: MemoryDisk;
  readonly network: Network;
  readonly random: SeededRandom;
  readonly moods: DiskMoods;
  readonly problems: string[] = [];
  readonly counts: Record<string, number> = {};
  readonly workloads: Workload[] = [];
  /** Long waits in calls and between turns, for bounds on time. */
  readonly stillness: { readonly atMs: number; readonly ms: number }[] = [];
  /** Ends of processes and of threads so far. */
  ends = 0;
  readonly #config: BrokerConfig;
  readonly #planted: PlantedParts;
  #life: Life | null = null;
  #lives = 0;
  /** Everything works from now on. */
  isHealed = false;
  #isServing = false;
  /** Behind it power cuts have torn the log. */
  #tornFrom = Number.POSITIVE_INFINITY;
  #startFailures = 0;
  #servesSinceMs = 0;

  constructor(scenario: Scenario, planted: PlantedParts = {}) {
    this.scenario = scenario;
    this.#planted = planted;
    const { seed } = scenario;
    this.time = new SimulatedTime(seed);
    this.random = new SeededRandom(seed ^ 0x2545f491);
    this.disk = new MemoryDisk({ seed: seed ^ 0x3c6ef372, capacityBytes: DISK_BYTES, now: () => this.time.clock.now() });
    this.network = new Network(this.time, new SeededRandom(seed ^ 0x1b873593), scenario.network, (text) => this.problem(text));
    this.moods = new DiskMoods(
      scenario,
      new SeededRandom(seed ^ 0x165667b1),
      (ms) => void this.stillness.push({ atMs: this.time.nowMs, ms }),
      () => this.#diesInCall(),
    );
    this.#config = configOf(scenario);
  }

  get isServing(): boolean {
    return this.#isServing;
  }

  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  problem(text: string): void {
    this.time.tell(() => `PROBLEM: ${text}`);
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(`at ${(this.time.nowMs / 1000).toFixed(3)} s: ${text}`);
  }

  client(): SimClient {
    return new SimClient(this.network);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.time.after(ms, resolve));
  }

  async run(): Promise<WorldResult> {
    const { scenario, time } = this;
    this.#start();
    for (const workload of this.workloads) workload.start();
    for (const { atMs, kind, inCall } of scenario.crashes) {
      time.after(atMs, () => {
        if (inCall) this.moods.armCrash(kind, this.random.below(40));
        else this.#end(kind);
      });
    }
    for (let i = 0; i < scenario.shardDeaths; i++) {
      time.after(this.random.next() * scenario.loadMs, () => this.#killShard());
    }
    if (scenario.fullMs > 0) {
      const atMs = this.random.next() * scenario.loadMs;
      time.after(atMs, () => this.moods.setLogFull(!this.isHealed));
      time.after(atMs + scenario.fullMs, () => this.moods.setLogFull(false));
    }
    await time.run(scenario.loadMs);
    for (const workload of this.workloads) workload.stop();
    this.#heal();
    await this.#untilServing('after everything was healed');
    await time.run(SETTLE_MS);
    if (scenario.lastCrash !== null) {
      this.#end(scenario.lastCrash);
      await time.run(STOP_MS_MAX + RESTART_MS_MAX, () => this.#life === null);
      await this.#untilServing('after the last end');
    }
    await this.#untilAllIsDue();
    if (this.#isServing) await this.#verify();
    this.#life?.machine.kill();
    return {
      problems: this.problems,
      traceHash: time.traceHash,
      steps: time.steps,
      virtualMs: Math.round(time.nowMs),
      counts: this.counts,
    };
  }

  /** What was due while no broker was there, or lies ahead still, comes now. */
  async #untilAllIsDue(): Promise<void> {
    for (const workload of this.workloads) {
      const dueAtMs = workload.dueAtMs?.() ?? 0;
      const { timers, recalls, threadDeathsPer10000 } = this.scenario;
      const lateMs = (timers || recalls) && threadDeathsPer10000 > 0 ? WHEEL_LATE_MS : LATE_MS;
      if (dueAtMs > 0) await this.time.run(Math.max(0, Math.max(dueAtMs, this.#servesSinceMs) + lateMs - this.time.nowMs));
    }
  }

  async #verify(): Promise<void> {
    let left = this.workloads.length;
    for (const workload of this.workloads) {
      workload.verify().then(
        () => left--,
        (thrown: unknown) => {
          this.problem(`the check of ${workload.name} failed itself: ${toError(thrown).stack}`);
          left--;
        },
      );
    }
    if (!(await this.time.run(VERIFY_MS_MAX, () => left === 0))) this.problem(`the last look took more than ${VERIFY_MS_MAX} ms`);
  }

  #heal(): void {
    this.isHealed = true;
    this.moods.heal();
    this.network.moods = { delayMs: 0.2, latePer1000: 0, lateMs: 0, breaksPer1000: 0 };
  }

  async #untilServing(when: string): Promise<void> {
    if (!(await this.time.run(START_MS_MAX, () => this.#isServing))) this.problem(`the broker does not serve ${when}`);
  }

  // ---- the broker's lives

  #start(): void {
    const number = this.#lives++;
    const { time, disk } = this;
    time.tell(() => `life ${number} begins`);
    const disks: ThreadDisk[] = [];
    const byThread = new Map<string, ThreadDisk>();
    const viewOf = (thread: string): ThreadDisk => {
      const view = new ThreadDisk(disk, machine, thread, this.moods);
      disks.push(view);
      byThread.set(thread, view);
      return view;
    };
    const machine = new SimulatedMachine({
      time,
      seed: this.scenario.seed + number * 7919,
      mainOf: (name) => {
        const view = viewOf(name);
        const enter = (run: () => void): void => machine.enter(name, run);
        const listen = this.network.listenAs(name, enter, () => view.isEnded);
        const ownDisk: Disk = this.#planted.disk?.(view, name) ?? view;
        const main = mainOf(name, { disk: ownDisk, processId: 4711 + number, listen }, this.#planted);
        return name === 'store' ? (thread, data, own) => main(thread, this.#storeData(data), own) : main;
      },
      log: (level, text, fields) => this.#log(life, level, text, fields),
      onThreadEnd: (name) => {
        byThread.get(name)?.end();
        this.network.gone(name);
        this.count('thread ends');
        this.ends++;
        for (const workload of this.workloads) workload.onThreadEnd?.(name);
      },
      onStill: (ms) => void this.stillness.push({ atMs: time.nowMs, ms }),
      onFailure: (error) => this.problem(`the root failed: ${error.stack}`),
    });
    probeWith(() => {
      if (machine.current?.name === 'log' && !machine.isDead && this.moods.diesAtProbe()) machine.dieHere();
    });
    const life: Life = { machine, disks, memory: null, broker: null, isStopping: false, fencedAtMs: Number.POSITIVE_INFINITY };
    this.#life = life;
    killBetweenStores(this.scenario, number, {
      machine,
      memory: () => life.memory,
      isHealed: () => this.isHealed,
      dies: (name) => {
        this.count('deaths between stores');
        time.tell(() => `  ${name} dies before a store to shared memory`);
      },
    });
    this.count('lives');
    startBroker(this.#config, {
      log: (level, text, fields) => this.#log(life, level, text, fields ?? {}),
      world: {
        machine,
        disk,
        ringBytes: RING_BYTES,
        allocateMemory: (options) => {
          life.memory = simulatedMemory(this.scenario, options);
          machine.shared.push(...viewsOf(life.memory));
          return life.memory;
        },
      },
    }).then(
      (broker) => this.#started(life, broker),
      (thrown: unknown) => this.#startFailed(life, toError(thrown)),
    );
  }

  /** Checkpoints come as often as the scenario has it. */
  #storeData(data: { readonly config: object }): never {
    return { ...data, config: { ...data.config, checkpointMs: this.scenario.checkpointMs } } as never;
  }

  #log(life: Life, level: string, text: string, fields: Record<string, unknown>): void {
    if (life.machine.isDead) return;
    this.time.tell(() => `  log ${level}: ${text} ${JSON.stringify(fields)}`);
    // An assertion that failed is a bug, whoever restarted its actor afterwards.
    const stack = String(fields['stack'] ?? fields['error'] ?? '');
    if (/AssertionError|TypeError|RangeError|ReferenceError/.test(stack))
      this.problem(`${text}: ${stack.slice(0, 400).replaceAll(/\s+/g, ' ')}`);
    if (text === 'Damage in the commit log') this.#damaged(String(fields['damage']));
    if (text === 'a message cannot be served: its record is damaged') this.problem(`${text}: ${JSON.stringify(fields)}`);
  }

  /** What a power cut tore before it was synced is damage that has to be told, and nothing else is. */
  #damaged(text: string): void {
    const position = /bytes (\d+) to/.exec(text)?.[1];
    // A file that lost its end in the middle of being cut and grown again is mended, and told: what was in it still counts.
    if (position !== undefined && Number(position) < this.#tornFrom) this.problem(`damage where everything was synced: ${text}`);
    this.count('damages');
  }

  #started(life: Life, broker: RunningBroker): void {
    if (this.#life !== life || life.machine.isDead) return;
    life.broker = broker;
    this.#isServing = true;
    this.#servesSinceMs = this.time.nowMs;
    this.#startFailures = 0;
    this.time.tell(() => 'the broker serves');
    broker.onFault((fault) => {
      this.time.tell(() => `fault ${fault.kind}: ${fault.error.message}`);
      this.count(fault.kind);
      life.fencedAtMs = Math.min(life.fencedAtMs, this.time.nowMs);
      // Too many deaths of threads in one minute are the scenario's doing.
      if (this.isHealed && !this.#mayFail) this.problem(`a fault though all is well: ${fault.error.message}`);
      if (this.#life !== life) return;
      this.time.after(this.random.next() * EXIT_MS_MAX, () => {
        // A disk that fails may take the machine along.
        if (this.#life === life) this.#endNow(this.random.below(4) === 0 ? 'power' : 'exit');
      });
    });
  }

  /** What was broken before the healing may still be noticed. */
  get #mayFail(): boolean {
    return (
      this.scenario.failedSync !== null ||
      this.scenario.diskErrorsPer10000 > 0 ||
      this.scenario.threadDeathsPer10000 > 0 ||
      this.scenario.shardDeaths > 0
    );
  }

  #startFailed(life: Life, error: Error): void {
    if (this.#life !== life || life.machine.isDead) return;
    this.time.tell(() => `the start failed: ${error.message}`);
    this.count('failed starts');
    if (this.isHealed && (!this.#mayFail || this.#startFailures++ > 2)) this.problem(`the broker does not start: ${error.stack}`);
    this.#endNow('exit');
  }

  /** Ends the process as `kind` has it. */
  #end(kind: CrashKind): void {
    const life = this.#life;
    if (life === null) return;
    if (kind !== 'stop') {
      this.#endNow(kind);
      return;
    }
    if (life.broker === null || life.isStopping) return;
    life.isStopping = true;
    this.#isServing = false;
    this.time.tell(() => 'the broker is stopped in order');
    const takeBack = this.time.after(STOP_MS_MAX, () => {
      if (this.#life === life) this.#endNow('exit');
    });
    const ended = (): void => {
      takeBack();
      if (this.#life === life) this.#endNow('stop');
    };
    life.broker.stop().then(ended, ended);
  }

  /** A disk's call was the process's last. */
  #diesInCall(): void {
    this.#endNow(this.moods.takeCrash());
  }

  #endNow(kind: CrashKind | 'exit'): void {
    const life = this.#life;
    if (life === null) return;
    this.#life = null;
    this.#isServing = false;
    this.time.tell(() => `the process ends: ${kind}`);
    this.time.note(20, kind.length);
    this.count(`ends by ${kind}`);
    this.ends++;
    const flushedEnd = life.memory === null ? 0 : new Watermarks(life.memory.marks).read(FLUSHED_END);
    life.machine.kill();
    for (const disk of life.disks) disk.end();
    this.network.gone(null);
    if (kind === 'power') this.disk.cutPower();
    else this.disk.killProcess();
    if (kind === 'power') this.#tornFrom = Math.min(this.#tornFrom, flushedEnd);
    const atMs = this.time.nowMs;
    const crash: Crash = { kind, atMs, fencedAtMs: Math.min(atMs, life.fencedAtMs), flushedEnd, losesUnsynced: kind === 'power' };
    for (const workload of this.workloads) workload.onCrash?.(crash);
    this.time.after(this.random.next() * RESTART_MS_MAX, () => {
      if (this.#life === null) this.#start();
    });
  }

  #killShard(): void {
    const name = `shard-${this.random.below(this.scenario.shards)}`;
    if (this.#life?.machine.killThread(name) === true) this.count('shard deaths');
  }
}
