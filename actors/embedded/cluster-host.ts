/**
 * Cluster host: the nodes of an embedded cluster on its root thread: their ports, starts, stops, kills and restarts. A node is a broker
 * or a name server with threads of its own. Fails as `claimPorts` and `startBroker` do; then nothing is left running.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { LogLevel } from '../../runtime/actor.ts';
import { toError } from '../../runtime/errors.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import { claimPorts } from '../broker/claim-ports.ts';
import { withSavedSettings } from '../broker/load-config.ts';
import type { PortClaim } from '../broker/port-claim.ts';
import type { BrokerFault, GuestInvitation, RunningBroker } from '../broker/running-broker.ts';
import { startBroker } from '../broker/start-broker.ts';
import type { ClusterPlan, NodePlan } from './cluster-plan.ts';
import type { ClusterAction, ClusterValue, NodeAction } from './cluster-words.ts';
import { ClusterStoppedError } from './errors.ts';

export type ClusterHostHooks = {
  readonly log: (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;
  /** A node ends: its guest is to leave, and to say so. */
  readonly leave: (node: number, isOrderly: boolean, reason: string) => void;
  /** A node can no longer keep its promises; every node has been told to end. */
  readonly fault: (node: string, kind: BrokerFault['kind'], error: Error) => void;
};

export class ClusterHost {
  readonly #nodes: readonly ClusterNode[];
  readonly #hooks: ClusterHostHooks;
  #fault: Error | undefined;

  constructor(plan: ClusterPlan, hooks: ClusterHostHooks) {
    this.#hooks = hooks;
    this.#nodes = plan.nodes.map((node, index) => {
      const leave = (isOrderly: boolean, reason: string): void => hooks.leave(index, isOrderly, reason);
      return new ClusterNode(node, index === 0, hooks.log, { leave, fault: (fault) => this.#onFault(node.name, fault) });
    });
    for (const warning of plan.warnings) hooks.log('warn', warning);
  }

  async act(request: ClusterAction): Promise<ClusterValue> {
    switch (request.action) {
      case 'start':
        return await this.#start();
      case 'stop':
        return await this.#stop();
      default:
        return await this.#actOnNode(request);
    }
  }

  async #actOnNode(request: NodeAction): Promise<ClusterValue> {
    if (this.#fault !== undefined) throw new ClusterStoppedError(request.action, this.#fault);
    const node = this.#nodes[request.node];
    if (node === undefined) throw new RangeError(`The cluster has no node ${request.node}`);
    switch (request.action) {
      case 'stop-node':
        await node.stop();
        return null;
      case 'kill-node':
        await node.kill();
        return null;
      case 'restart-node':
        await node.stop();
        await node.start();
        return null;
      case 'end-thread':
        await node.running.endThread(request.thread);
        return null;
      case 'metrics':
        return node.running.metrics();
      case 'join':
        return node.invite();
      case 'left':
        await node.guestLeft();
        return null;
    }
  }

  /** Ports first: brokers must know where the name servers will be. Then all nodes at once. */
  async #start(): Promise<readonly string[]> {
    try {
      await all(this.#nodes.map((node) => node.claim()));
      const nameServers = this.#nodes.filter(({ kind }) => kind === 'name-server').map(({ address }) => address);
      for (const node of this.#nodes) node.registerWith(nameServers);
      // A broker passes over a name server that does not listen yet, so it waits with its registration, not with its start.
      const listening = all(this.#nodes.filter(({ kind }) => kind === 'name-server').map((node) => node.start()));
      const brokers = this.#nodes.filter(({ kind }) => kind === 'broker').map((node) => node.start(listening));
      await all([listening, ...brokers]);
      if (this.#fault !== undefined) throw this.#fault;
    } catch (error) {
      await Promise.allSettled(this.#nodes.map((node) => node.end()));
      throw error;
    }
    return this.#nodes.map(({ address }) => address);
  }

  /** Brokers before name servers, so that their routes are withdrawn. */
  async #stop(): Promise<null> {
    const brokers = this.#nodes.filter(({ kind }) => kind === 'broker');
    const nameServers = this.#nodes.filter(({ kind }) => kind === 'name-server');
    const failures: unknown[] = [];
    for (const group of [brokers, nameServers]) {
      for (const result of await Promise.allSettled(group.map((node) => node.end())))
        if (result.status === 'rejected') failures.push(result.reason);
    }
    if (failures.length > 0) throw failures[0];
    return null;
  }

  #onFault(name: string, fault: BrokerFault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault.error;
    this.#hooks.log('error', 'The cluster ends after a fault', { node: name, kind: fault.kind, error: fault.error.message });
    // Nothing is acknowledged any more: no orderly stop, which could only wait for what the disk refuses.
    Promise.allSettled(this.#nodes.map((node) => node.kill())).then(
      () => this.#hooks.fault(name, fault.kind, fault.error),
      (error: unknown) => this.#hooks.fault(name, fault.kind, toError(error)),
    );
  }
}

/** The application's thread, as the nodes' threads know it. */
const GUEST_NAME = 'application';
const LEAVE_MAX_MS = 3_000;

type NodeHooks = {
  readonly leave: (isOrderly: boolean, reason: string) => void;
  readonly fault: (fault: BrokerFault) => void;
};

class ClusterNode {
  readonly name: string;
  readonly kind: NodePlan['kind'];
  readonly #log: ClusterHostHooks['log'];
  readonly #hooks: NodeHooks;
  readonly #ownsThread: boolean;
  #config: BrokerConfig;
  #claims: readonly PortClaim[] = [];
  #running: RunningBroker | undefined;
  #guest: { readonly gone: Promise<void>; readonly left: () => void } | null = null;

  /** @param ownsThread one of the nodes sees to the root thread's memory */
  constructor(plan: NodePlan, ownsThread: boolean, log: ClusterHostHooks['log'], hooks: NodeHooks) {
    this.name = plan.name;
    this.kind = plan.kind;
    this.#config = plan.config;
    this.#ownsThread = ownsThread;
    this.#log = (level, text, fields) => log(level, text, { node: plan.name, ...fields });
    this.#hooks = hooks;
  }

  get address(): string {
    const { nameServerEnable, nameServerHost, nameServerPort, advertisedHost, listenPort } = this.#config;
    return nameServerEnable ? `${nameServerHost}:${nameServerPort}` : `${advertisedHost}:${listenPort}`;
  }

  get running(): RunningBroker {
    if (this.#running === undefined) throw new ClusterStoppedError(`ask ${this.name}, which does not run`);
    return this.#running;
  }

  async claim(): Promise<void> {
    const { config, claims } = await claimPorts(this.#config, this.#log);
    this.#config = config;
    this.#claims = claims;
  }

  registerWith(nameServers: readonly string[]): void {
    if (this.kind === 'name-server') return;
    this.#config = { ...this.#config, registerAddresses: [...new Set([...nameServers, ...this.#config.registerAddresses])] };
  }

  async start(serveAfter: Promise<unknown> = Promise.resolve()): Promise<void> {
    // What tools have changed stays changed, as for a broker of the command line.
    const { config, warnings } = this.kind === 'name-server' ? { config: this.#config, warnings: [] } : withSavedSettings(this.#config);
    for (const warning of warnings) this.#log('warn', warning);
    const broker = await startBroker(config, { log: this.#log, serveAfter, ownsProcess: this.#ownsThread, guests: [GUEST_NAME] });
    this.#running = broker;
    broker.onFault((fault) => {
      if (this.#running === broker) this.#hooks.fault(fault);
    });
  }

  /** In order: drained and flushed. The ports stay this node's. */
  async stop(): Promise<void> {
    const broker = this.#running;
    this.#running = undefined;
    await this.#dismissGuest(broker, true, 'the broker stops');
    await broker?.stop();
  }

  /** As a crash would. The ports stay this node's. */
  async kill(): Promise<void> {
    const broker = this.#running;
    this.#running = undefined;
    await Promise.all([this.#dismissGuest(broker, false, 'the broker has ended'), broker?.terminate()]);
  }

  /** The application's thread joins; it has left before it joins again. */
  invite(): GuestInvitation {
    const broker = this.running;
    if (this.#guest !== null) throw new RangeError(`${this.name} has its guest already`);
    let left = (): void => {};
    const gone = new Promise<void>((resolve) => {
      left = resolve;
    });
    this.#guest = { gone, left };
    return broker.inviteGuest(GUEST_NAME);
  }

  /** The guest's loop has ended. */
  async guestLeft(): Promise<void> {
    const guest = this.#guest;
    this.#guest = null;
    guest?.left();
    if (guest !== null && this.#running !== undefined) await this.#running.guestLeft(GUEST_NAME);
  }

  /** An application that is blocked holds up a stop for a bounded time: what it published is written all the same. */
  async #dismissGuest(broker: RunningBroker | undefined, isOrderly: boolean, reason: string): Promise<void> {
    const guest = this.#guest;
    if (guest === null || broker === undefined) return;
    this.#hooks.leave(isOrderly, reason);
    const settled = new AbortController();
    // The loser's rejection: the guest has gone in time.
    const late = pause(LEAVE_MAX_MS, undefined, { signal: settled.signal }).catch(() => {});
    await Promise.race([guest.gone, late]);
    settled.abort();
    this.#guest = null;
    if (isOrderly) await broker.guestLeft(GUEST_NAME);
  }

  async end(): Promise<void> {
    try {
      await this.stop();
    } finally {
      const claims = this.#claims;
      this.#claims = [];
      await Promise.all(claims.map((claim) => claim.release()));
    }
  }
}

/** Waits for all, so that a failed one leaves no other half done behind; then fails as the first that failed. */
async function all(promises: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) if (result.status === 'rejected') throw result.reason;
}
