/**
 * Plugin supervisor: owns the plugins of a broker: which files there are, each one's worker, and what shards are told of them. One a broker, on the
 * root thread. A file that appears is loaded; one that changes is loaded beside the version that serves, which goes on if the new one is
 * refused, and otherwise hands over between two batches. A worker that throws, hangs or takes too much memory is ended and started again after
 * a back-off, within a budget; then the plugin is parked by its policy until its file is replaced.
 * It judges by what the exchange's shared words say, at ticks of its own, and only while there is work. Source of the words: OTP `supervisor`.
 */
import type { Actor, ActorContext } from '../../runtime/actor.ts';
import { RestartBudget } from '../../runtime/supervision/restart-budget.ts';
import type { ParkPolicy } from './filter-plugin.ts';
import { type ExchangeMemory, ExchangeWatch } from './plugin-exchange.ts';
import type { FolderRead, PluginExited, PluginLoadEnded, PluginSupervisorCommand, PluginView } from './plugin-messages.ts';
import { PluginOutboxes } from './plugin-outboxes.ts';
import { PluginWatch } from './plugin-watch.ts';
import { type RunningPlugin, type StartedPlugin, WatchedPlugin } from './watched-plugin.ts';

const TICK_MS = 10;
/** Ticks without work after which shards have to send for the supervisor again. */
const IDLE_TICKS_MAX = 50;
const SHOW_TICKS = 50;
/** A worker may take so long to end. */
const END_MS_MAX = 500;
const SCAN_MS = 500;
/** While there is no folder. */
const SCAN_ABSENT_MS = 2_000;
const TELL_AGAIN_MS = 5;
const RESTART_PERIOD_MS = 60_000;
const BACKOFF = { minMs: 100, maxMs: 5_000 };

/** What the supervisor has done. Production's is PluginHost. */
export interface PluginSurroundings {
  /** Has the folder read, and `folder-read` told. */
  scan(): void;
  /** Starts a worker that loads the file, or when it is a restart what was loaded last; `plugin-load-ended` and `plugin-exited` are told. */
  launch(plugin: string, file: string, place: number, isRestart: boolean): StartedPlugin;
}

export type PluginSupervisorOptions = {
  readonly host: PluginSurroundings;
  /** By place: as many plugins as there may be. */
  readonly exchanges: readonly ExchangeMemory[];
  readonly callMs: number;
  readonly restarts: number;
  readonly policy: ParkPolicy;
  /** Which plugin has which place, for ever: no batch of one is judged by another. Kept when the supervisor itself is restarted. */
  readonly places: Map<string, number>;
  /** Kept as it is now, for tools. */
  readonly views: PluginView[];
};

type Scan = { readonly kind: 'scan' };
type Tick = { readonly kind: 'tick' };
type Flush = { readonly kind: 'flush' };
type Restart = { readonly kind: 'restart'; readonly plugin: string; readonly generation: number };
type Own = Scan | Tick | Flush | Restart;

export class PluginSupervisorActor implements Actor<PluginSupervisorCommand | Own> {
  readonly #options: PluginSupervisorOptions;
  readonly #plugins: Map<string, WatchedPlugin> = new Map();
  readonly #outboxes: PluginOutboxes;
  readonly #told: Set<string> = new Set();
  #isComplete = false;
  #hasScanned = false;
  #isTicking = false;
  #idleTicks = 0;
  #ticks = 0;
  #isFlushing = false;

  constructor(options: PluginSupervisorOptions) {
    this.#options = options;
    this.#outboxes = new PluginOutboxes(this.#plugins, options.policy);
  }

  started(): void {
    this.#options.host.scan();
  }

  stopped(): void {
    for (const { serving, candidate, retiring } of this.#plugins.values()) {
      for (const running of [serving, candidate, ...retiring]) running?.started.end();
    }
  }

  receive(message: PluginSupervisorCommand | Own, context: ActorContext): void {
    switch (message.kind) {
      case 'scan':
        this.#options.host.scan();
        return;
      case 'folder-read':
        this.#onFolder(message, context);
        context.schedule(message.isThere ? SCAN_MS : SCAN_ABSENT_MS, { kind: 'scan' });
        break;
      case 'plugin-load-ended':
        this.#onLoadEnded(message, context);
        break;
      case 'plugin-exited':
        this.#onExited(message, context);
        break;
      case 'restart': {
        const plugin = this.#plugins.get(message.plugin);
        if (plugin?.state === 'restarting' && plugin.generation === message.generation && plugin.candidate === null)
          this.#load(plugin, true);
        break;
      }
      case 'watch-plugins':
        this.#watch(context);
        return;
      case 'tick':
        this.#tick(context);
        return;
      case 'ask-plugins':
        this.#outboxes.ask(message.shard, message.replyTo);
        break;
      case 'flush':
        this.#isFlushing = false;
        break;
    }
    this.#complete();
    this.#flush(context);
    this.#show();
  }

  #onFolder(read: FolderRead, context: ActorContext): void {
    this.#hasScanned = true;
    this.#tellOnce([...read.faults, ...(read.error === '' ? [] : [`the folder cannot be read: ${read.error}`])], context);
    if (read.error !== '') return;
    const there = new Set(read.names);
    for (const plugin of this.#plugins.values()) if (!there.has(plugin.name) && plugin.state !== 'gone') this.#unload(plugin, context);
    for (const [i, name] of read.names.entries()) this.#onFile(name, read.files[i]!, read.stamps[i]!, context);
  }

  #onFile(name: string, file: string, stamp: string, context: ActorContext): void {
    let plugin = this.#plugins.get(name);
    if (plugin?.stamp === stamp && plugin.state !== 'gone') return;
    if (plugin === undefined) {
      const { places, exchanges } = this.#options;
      const place = places.get(name) ?? places.size;
      const exchange = exchanges[place];
      if (exchange === undefined) {
        const max = exchanges.length;
        this.#tellOnce(
          [`${file}: not loaded, for there are or were ${max} plugins (pluginsMax); set more, and start the broker again`],
          context,
        );
        return;
      }
      places.set(name, place);
      plugin = new WatchedPlugin(name, place, new ExchangeWatch(exchange), this.#newBudget());
      this.#plugins.set(name, plugin);
    } else if (plugin.state === 'gone') plugin.state = 'loading';
    plugin.file = file;
    plugin.stamp = stamp;
    this.#dismissCandidate(plugin);
    this.#load(plugin, false);
    this.#outboxes.say(name);
  }

  #newBudget(): RestartBudget {
    return new RestartBudget(this.#options.restarts, RESTART_PERIOD_MS, BACKOFF);
  }

  #load(plugin: WatchedPlugin, isRestart: boolean): void {
    const started = this.#options.host.launch(plugin.name, plugin.file, plugin.place, isRestart);
    plugin.generation = started.generation;
    plugin.candidate = {
      generation: started.generation,
      isRestart,
      started,
      watch: new PluginWatch(TICK_MS, this.#options.callMs, END_MS_MAX),
      why: '',
    };
  }

  #onLoadEnded(ended: PluginLoadEnded, context: ActorContext): void {
    const plugin = this.#plugins.get(ended.plugin);
    const candidate = plugin?.candidate;
    if (plugin === undefined || candidate?.generation !== ended.generation) return;
    plugin.candidate = null;
    if (ended.fault !== '') {
      candidate.started.end();
      this.#onRefused(plugin, ended.fault, context);
      return;
    }
    const isReplacement = plugin.serving !== null || plugin.state === 'parked';
    plugin.exchange.serve(candidate.generation);
    if (plugin.serving !== null) this.#retire(plugin, plugin.serving, context);
    if (!candidate.isRestart) {
      plugin.budget = this.#newBudget();
      plugin.fault = '';
    }
    plugin.serving = candidate;
    plugin.description = ended.description;
    plugin.whenParked = ended.whenParked;
    plugin.state = 'running';
    plugin.loads++;
    const { name, file, generation } = plugin;
    context.log('info', isReplacement ? 'A filter plugin was replaced' : 'A filter plugin serves', { plugin: name, file, generation });
    this.#outboxes.say(name);
    if (plugin.exchange.hasWaiting) this.#watch(context);
  }

  /** A version that cannot be loaded: the one before goes on, if there is one. */
  #onRefused(plugin: WatchedPlugin, fault: string, context: ActorContext): void {
    plugin.fault = fault;
    const goesOn = plugin.serving !== null;
    context.log('error', goesOn ? 'A filter plugin was refused; the version before goes on' : 'A filter plugin was refused', {
      plugin: plugin.name,
      fault,
    });
    if (goesOn) return;
    if (plugin.state === 'restarting') this.#onFailed(plugin, fault, context);
    else if (plugin.state === 'loading') plugin.state = 'refused';
    this.#outboxes.say(plugin.name);
  }

  /** It does no more but end what it is at. */
  #retire(plugin: WatchedPlugin, running: RunningPlugin, context: ActorContext): void {
    plugin.retiring.push(running);
    if (plugin.exchange.isAtWork(running.generation)) this.#watch(context);
    else running.started.end();
  }

  #unload(plugin: WatchedPlugin, context: ActorContext): void {
    plugin.exchange.serve(0);
    this.#dismissCandidate(plugin);
    if (plugin.serving !== null) this.#retire(plugin, plugin.serving, context);
    plugin.serving = null;
    plugin.state = 'gone';
    context.log('warn', 'The file of a filter plugin is gone', { plugin: plugin.name, file: plugin.file });
    this.#outboxes.say(plugin.name);
  }

  #dismissCandidate(plugin: WatchedPlugin): void {
    plugin.candidate?.started.end();
    plugin.candidate = null;
  }

  #onExited(exited: PluginExited, context: ActorContext): void {
    const plugin = this.#plugins.get(exited.plugin);
    if (plugin === undefined) return;
    plugin.exchange.reclaim(exited.generation);
    const retired = plugin.retiring.findIndex((each) => each.generation === exited.generation);
    if (retired >= 0) {
      plugin.retiring.splice(retired, 1);
      return;
    }
    const { candidate, serving } = plugin;
    if (candidate?.generation === exited.generation) {
      plugin.candidate = null;
      this.#onRefused(plugin, exited.fault, context);
    } else if (serving?.generation === exited.generation) {
      plugin.serving = null;
      plugin.exchange.serve(0);
      this.#onFailed(plugin, serving.why !== '' ? serving.why : exited.fault, context);
    }
  }

  /** The version that served has ended: it is started again, or parked. */
  #onFailed(plugin: WatchedPlugin, fault: string, context: ActorContext): void {
    plugin.fault = fault;
    plugin.failures++;
    // A new version that is being loaded is the best that there can be.
    if (plugin.candidate !== null) {
      plugin.state = 'loading';
      return;
    }
    const waitMs = plugin.budget.take(context.monotonicMs());
    if (waitMs < 0) {
      plugin.state = 'parked';
      const policy = plugin.whenParked ?? this.#options.policy;
      context.log('error', 'A filter plugin has failed too often and is parked until its file is replaced', {
        plugin: plugin.name,
        policy,
        failures: plugin.failures,
        fault,
      });
    } else {
      plugin.state = 'restarting';
      context.log('warn', 'A filter plugin has failed and is started again', { plugin: plugin.name, waitMs, fault });
      const restart: Restart = { kind: 'restart', plugin: plugin.name, generation: plugin.generation };
      context.schedule(waitMs, restart);
    }
    this.#outboxes.say(plugin.name);
  }

  /**
   * One long call of Node's own, or of the system, is not interrupted by the end of its thread. Such a thread keeps what it has, a processor mostly, until
   * the call returns: it is not started again beside itself.
   */
  #giveUp(plugin: WatchedPlugin, running: RunningPlugin, context: ActorContext): void {
    plugin.exchange.abandon(running.generation);
    const fault = `${running.why}; its thread cannot be ended and goes on until its call returns or the broker is started again`;
    const retired = plugin.retiring.indexOf(running);
    if (retired >= 0) plugin.retiring.splice(retired, 1);
    if (plugin.serving === running) {
      plugin.serving = null;
      plugin.exchange.serve(0);
      plugin.failures++;
      if (plugin.candidate === null) plugin.state = 'parked';
      else plugin.state = 'loading';
      plugin.fault = fault;
    }
    context.log('error', 'A filter plugin does not end', { plugin: plugin.name, state: plugin.state, fault });
    this.#outboxes.say(plugin.name);
    this.#flush(context);
    this.#show();
  }

  #watch(context: ActorContext): void {
    this.#idleTicks = 0;
    if (this.#isTicking) return;
    this.#isTicking = true;
    context.schedule(TICK_MS, { kind: 'tick' });
  }

  #tick(context: ActorContext): void {
    let isIdle = true;
    for (const plugin of this.#plugins.values()) {
      const { exchange, serving } = plugin;
      if (serving !== null && this.#look(plugin, serving, exchange.hasWaiting, context)) isIdle = false;
      for (const running of [...plugin.retiring]) {
        if (this.#look(plugin, running, false, context)) isIdle = false;
        else if (running.why === '') running.started.end();
      }
    }
    this.#idleTicks = isIdle ? this.#idleTicks + 1 : 0;
    if (this.#idleTicks > IDLE_TICKS_MAX) {
      this.#isTicking = false;
      for (const { exchange } of this.#plugins.values()) exchange.unwatch();
      // What came before that nobody was sent for; a worker may be at it already.
      for (const { exchange, serving } of this.#plugins.values()) {
        if (serving !== null && (exchange.hasWaiting || exchange.isAtWork(serving.generation))) this.#watch(context);
      }
      this.#show();
      return;
    }
    if (++this.#ticks % SHOW_TICKS === 0) this.#show();
    context.schedule(TICK_MS, { kind: 'tick' });
  }

  /** False: it has nothing to do. */
  #look(plugin: WatchedPlugin, running: RunningPlugin, hasWaiting: boolean, context: ActorContext): boolean {
    const { started, watch, generation } = running;
    const hasWork = hasWaiting || plugin.exchange.isAtWork(generation);
    if (running.why !== '') {
      if (!watch.tickOfEnd(() => started.delayedMs())) return hasWork;
      this.#giveUp(plugin, running, context);
      return true;
    }
    if (watch.tick(started.progress, hasWork, () => started.delayedMs())) {
      running.why = `filter() took longer than ${this.#options.callMs} ms (pluginCallMs), or its worker did not take what waited`;
      watch.isEnded(started.delayedMs());
      started.end();
    }
    return hasWork;
  }

  #complete(): void {
    if (this.#isComplete || !this.#hasScanned) return;
    for (const { state } of this.#plugins.values()) if (state === 'loading') return;
    this.#isComplete = true;
  }

  /** The folder is read again and again; what is wrong in it is said when it changes. */
  #tellOnce(faults: readonly string[], context: ActorContext): void {
    for (const fault of faults) {
      if (this.#told.has(fault)) continue;
      if (this.#told.size > 256) this.#told.clear();
      this.#told.add(fault);
      context.log('warn', 'Something in the plugin folder cannot be a plugin', { fault });
    }
  }

  /** Tells what the rings take; the rest a little later. */
  #flush(context: ActorContext): void {
    if (this.#outboxes.flush(this.#isComplete) || this.#isFlushing) return;
    this.#isFlushing = true;
    context.schedule(TELL_AGAIN_MS, { kind: 'flush' });
  }

  #show(): void {
    const { views, policy } = this.#options;
    let i = 0;
    for (const plugin of this.#plugins.values()) views[i++] = plugin.view(policy);
  }
}
