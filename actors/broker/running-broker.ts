/**
 * What a started broker is to whoever started it: the command line, the admin server, an embedding application. Types only.
 */
import type { LogLevel } from '../../runtime/actor.ts';
import type { GuestBirth } from '../../runtime/thread/thread-words.ts';
import type { BrokerConfig } from './broker-config.ts';
import type { BrokerMemory } from './broker-memory.ts';
import type { RootWorld } from './broker-world.ts';
import type { MetricsSnapshot } from './metrics-snapshot.ts';

/** What the starter provides. */
export type BrokerHooks = {
  readonly log: (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;
  /** The process is there for the broker alone: the main thread's memory is trimmed like the other threads' when it is quiet. */
  readonly ownsProcess?: boolean;
  /** The process's V8 flags may be set: threads that are never hot are started lean. */
  readonly ownsFlags?: boolean;
  /** The shards listen and register only after it: for name servers that start at the same time. Its failure is the start's. */
  readonly serveAfter?: Promise<unknown>;
  /** A tool changed settings that work at once; for what of them is the starter's own, such as `logLevel`. */
  readonly settingsChanged?: (config: BrokerConfig) => void;
  /** Names of threads that may join this broker's: applications that send and pull through shared memory. */
  readonly guests?: readonly string[];
  /** Default: this machine. A simulation has its own. */
  readonly world?: RootWorld;
};

/** Why a broker can no longer keep its promises: it acknowledges nothing from here on. */
export type BrokerFault = {
  /** `fence`: the store can no longer be trusted (design: failed sync, unknown error of the disk). `escalation`: restarts did not help. */
  readonly kind: 'fence' | 'escalation';
  readonly error: Error;
};

/** Plain data and shared memory: it may be posted to the thread that joins. */
export type GuestInvitation = {
  readonly birth: GuestBirth;
  /** Its place among the producers: the number of its lane, its counters, its read slots. */
  readonly producer: number;
  readonly config: BrokerConfig;
  /** Null: a name server. */
  readonly memory: BrokerMemory | null;
  readonly shards: readonly string[];
};

export type RunningBroker = {
  /** `host:port` as really listened on; null where it does not listen. */
  readonly addresses: { readonly nameServer: string | null; readonly broker: string | null; readonly vip: string | null };
  readonly dataDir: string;
  /** Takes the route back, drains, flushes, and ends every thread. Settles within the configured time or rejects. */
  stop(): Promise<void>;
  /** Ends every thread without draining, as a crash would; settles when they have all ended. */
  terminate(): Promise<void>;
  /** Ends one thread as a crash would, for drills: its supervisor replaces it. Settles when it has ended. */
  endThread(name: string): Promise<void>;
  /** After a fault nothing is acknowledged any more; the starter decides what becomes of the process. */
  onFault(run: (fault: BrokerFault) => void): void;
  /** What a thread of the process needs to join as the guest of this name, which has left, if it ever was there. */
  inviteGuest(name: string): GuestInvitation;
  /** The guest's loop has ended: what it published is written, and its name and lane are free again. */
  guestLeft(name: string): Promise<void>;
  /** Read from shared counters: costs the broker's threads nothing. */
  metrics(): MetricsSnapshot;
  /** The same with what the groups say, who are asked: costs each shard a little. Rejects when a part gives no answer in time. */
  groupMetrics(): Promise<MetricsSnapshot>;
  /** Half messages that are not ended, from a queue offset on. Rejects when nobody answers in time. */
  halfMessages(from: number): Promise<HalfMessagesPage>;
};

/** A page of them; `next` is where the next one begins, −1: there is none. `open`: how many there are in all. */
export type HalfMessagesPage = {
  readonly open: number;
  readonly next: number;
  readonly messages: readonly {
    readonly queueOffset: number;
    readonly physicalOffset: number;
    readonly producerGroup: string;
    readonly topic: string;
    readonly uniqueKey: string;
    readonly ageMs: number;
    readonly checks: number;
  }[];
};
