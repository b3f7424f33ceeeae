/**
 * An embedded cluster: name servers and brokers in the caller's process, on threads of their own under a root thread that supervises
 * them. The caller's thread owns this handle, the temporary directory, and nothing that a message waits for. Fails with
 * ClusterOptionError, ConfigError, and the coded errors of the start (MQ_PORT_IN_USE, MQ_STORAGE_LOCKED …); then nothing is left.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { LogLevel } from '../../runtime/actor.ts';
import { describeMachine } from '../broker/machine.ts';
import type { MetricsSnapshot } from '../broker/metrics-snapshot.ts';
import type { BrokerFault, GuestInvitation } from '../broker/running-broker.ts';
import { type ClusterLayout, type ClusterPlan, planCluster } from './cluster-plan.ts';
import type { ClusterAction, ClusterRequest, ClusterValue, ClusterWord } from './cluster-words.ts';
import { ClusterStoppedError, clusterErrorFromWords } from './errors.ts';
import { InProcessTransport } from './in-process-transport.ts';

/** Why a cluster ended by itself: nothing was acknowledged after that. */
export type ClusterFault = { readonly node: string; readonly kind: BrokerFault['kind']; readonly error: Error };

export type ClusterOptions = ClusterLayout & {
  /** What the nodes log, on the caller's thread; default: warnings and errors to standard error. */
  readonly log?: (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;
  /** The cluster has ended by itself; the process lives. Without it `ended` alone tells. */
  readonly onFault?: (fault: ClusterFault) => void;
};

/** One name server or broker. Every method settles when it is done, and rejects with MQ_CLUSTER_STOPPED after the cluster's end. */
export interface ClusterNode {
  readonly name: string;
  /** `host:port`; the same after a restart. */
  readonly address: string;
  /** In order: a broker withdraws its routes, drains and flushes. */
  stop(): Promise<void>;
  /** As a crash would: threads end where they are. */
  kill(): Promise<void>;
  /** Starts it again with its port and its store, after a stop first if it runs. */
  restart(): Promise<void>;
  /** What its shared counters say; rejects while it does not run. */
  metrics(): Promise<MetricsSnapshot>;
  /** Ends one thread as a crash would, for drills: its supervisor replaces it. */
  endThread(name: string): Promise<void>;
}

export interface ClusterBroker extends ClusterNode {
  /** Its store's directory. */
  readonly store: string;
}

export interface Cluster {
  /** All name servers, `host:port` with `;` between: what clients take. */
  readonly nameServerAddress: string;
  readonly nameServers: readonly ClusterNode[];
  readonly brokers: readonly ClusterBroker[];
  /** Settles when the cluster has ended: with null after `stop`, else with the fault. */
  readonly ended: Promise<ClusterFault | null>;
  /**
   * The way of clients on this thread to the nodes without a socket: give it to them as their transport. Their plain sends and their
   * pulls go through shared memory; everything else through rings to the node that is asked.
   */
  readonly transport: InProcessTransport;
  /** Stops all nodes in order and removes a temporary store. The same promise again when called again. */
  stop(): Promise<void>;
}

/** Starts name servers and brokers within this process; resolves when they take traffic and have their routes. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const machine = describeMachine();
  const given = options.store;
  // Checked once before anything is made: a bad option leaves no directory behind.
  planCluster(options, given ?? tmpdir(), machine);
  const directory = given ?? mkdtempSync(join(tmpdir(), `ringmq-${process.pid}-`));
  const temporary = given === undefined ? directory : null;
  const cluster = new EmbeddedCluster(planCluster(options, directory, machine), options, temporary);
  await cluster.start();
  return cluster;
}

type Pending = { readonly resolve: (value: ClusterValue) => void; readonly reject: (error: Error) => void; readonly what: string };

class EmbeddedCluster implements Cluster {
  readonly nameServers: readonly ClusterNode[];
  readonly brokers: readonly ClusterBroker[];
  readonly ended: Promise<ClusterFault | null>;
  readonly transport: InProcessTransport;
  readonly #nodes: readonly EmbeddedNode[];
  readonly #options: ClusterOptions;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #temporary: string | null;
  readonly #pending: Map<number, Pending> = new Map();
  readonly #removeNow: () => void;
  #end: (fault: ClusterFault | null) => void = () => {};
  #fault: ClusterFault | undefined;
  #hasEnded = false;
  #nextId = 1;
  #stopping: Promise<void> | undefined;

  constructor(plan: ClusterPlan, options: ClusterOptions, temporary: string | null) {
    this.#options = options;
    this.#temporary = temporary;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const act = (action: ClusterAction): Promise<ClusterValue> => this.#act(action);
    this.#nodes = plan.nodes.map(({ name, config }, index) => new EmbeddedNode(name, config.storePath, index, act));
    this.nameServers = this.#nodes.filter((_, index) => plan.nodes[index]!.kind === 'name-server');
    this.brokers = this.#nodes.filter((_, index) => plan.nodes[index]!.kind === 'broker');
    this.transport = new InProcessTransport({
      nodeAt: (address) => this.#nodes.findIndex((node) => node.address === address),
      invite: async (node) => (await act({ action: 'join', node })) as GuestInvitation,
      left: (node) => void act({ action: 'left', node }).catch(() => {}),
      log: (level, text, fields) => this.#log(level, text, fields),
    });
    // A process that ends without `stop` leaves no temporary store either.
    this.#removeNow = () => {
      if (temporary !== null) rmSync(temporary, { recursive: true, force: true });
    };
    if (temporary !== null) process.once('exit', this.#removeNow);
    this.#worker = new Worker(new URL(`./cluster-main${extname(import.meta.url)}`, import.meta.url), {
      workerData: plan,
      name: 'ringmq-root',
    });
    this.#worker.on('message', (word: ClusterWord) => this.#hear(word));
    this.#worker.on('error', (error: Error) => this.#failed({ node: 'root', kind: 'escalation', error }));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (exitCode) => {
        resolve();
        this.#failed({ node: 'root', kind: 'escalation', error: new Error(`The cluster's root thread ended with ${exitCode}`) });
      });
    });
  }

  get nameServerAddress(): string {
    return this.nameServers.map(({ address }) => address).join(';');
  }

  async start(): Promise<void> {
    try {
      const addresses = (await this.#act({ action: 'start' })) as readonly string[];
      for (const [index, node] of this.#nodes.entries()) node.address = addresses[index]!;
    } catch (error) {
      await this.#leave(null);
      throw error;
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    try {
      if (this.#fault === undefined) await this.#act({ action: 'stop' });
    } finally {
      await this.#leave(this.#fault ?? null);
    }
  }

  /** The root thread ends, and with it whatever of its threads is left. */
  async #leave(fault: ClusterFault | null): Promise<void> {
    this.#hasEnded = true;
    await this.transport.end(fault === null ? 'the cluster was stopped' : `the cluster has ended: ${fault.error.message}`);
    await this.#worker.terminate();
    await this.#exited;
    this.#removeNow();
    if (this.#temporary !== null) process.off('exit', this.#removeNow);
    this.#end(fault);
  }

  #failed(fault: ClusterFault): void {
    if (this.#hasEnded || this.#fault !== undefined) return;
    this.#fault = fault;
    for (const { reject, what } of this.#pending.values()) reject(new ClusterStoppedError(what, fault.error));
    this.#pending.clear();
    void this.#leave(fault).then(() => this.#options.onFault?.(fault));
  }

  #act(action: ClusterAction): Promise<ClusterValue> {
    if (this.#hasEnded || this.#fault !== undefined) return Promise.reject(new ClusterStoppedError(action.action, this.#fault?.error));
    const request: ClusterRequest = { ...action, id: this.#nextId++ };
    return new Promise((resolve, reject) => {
      this.#pending.set(request.id, { resolve, reject, what: action.action });
      this.#worker.postMessage(request);
    });
  }

  #log(level: LogLevel, text: string, fields?: Record<string, unknown>): void {
    (this.#options.log ?? logToStandardError)(level, text, fields);
  }

  #hear(word: ClusterWord): void {
    if (word.word === 'log') {
      this.#log(word.level, word.text, word.fields);
    } else if (word.word === 'leave') {
      void this.transport
        .leave(word.node, word.isOrderly, word.reason)
        .then(() => this.#act({ action: 'left', node: word.node }))
        // The cluster has ended meanwhile: nobody waits for it.
        .catch(() => {});
    } else if (word.word === 'fault') {
      this.#failed({ node: word.node, kind: word.kind, error: clusterErrorFromWords(word.error) });
    } else {
      const pending = this.#pending.get(word.id);
      this.#pending.delete(word.id);
      if (word.word === 'done') pending?.resolve(word.value);
      else pending?.reject(clusterErrorFromWords(word.error));
    }
  }
}

class EmbeddedNode implements ClusterBroker {
  readonly name: string;
  readonly store: string;
  address = '';
  readonly #index: number;
  readonly #act: (action: ClusterAction) => Promise<ClusterValue>;

  constructor(name: string, store: string, index: number, act: (action: ClusterAction) => Promise<ClusterValue>) {
    this.name = name;
    this.store = store;
    this.#index = index;
    this.#act = act;
  }

  async stop(): Promise<void> {
    await this.#act({ action: 'stop-node', node: this.#index });
  }

  async kill(): Promise<void> {
    await this.#act({ action: 'kill-node', node: this.#index });
  }

  async restart(): Promise<void> {
    await this.#act({ action: 'restart-node', node: this.#index });
  }

  async metrics(): Promise<MetricsSnapshot> {
    return (await this.#act({ action: 'metrics', node: this.#index })) as MetricsSnapshot;
  }

  async endThread(thread: string): Promise<void> {
    await this.#act({ action: 'end-thread', node: this.#index, thread });
  }
}

function logToStandardError(level: LogLevel, text: string, fields?: Record<string, unknown>): void {
  if (level === 'warn' || level === 'error') process.stderr.write(`${level} ${text} ${JSON.stringify(fields ?? {})}\n`);
}
