/**
 * Name-server link: what the broker has to do next at one name server of its list. A state machine without clock, socket or
 * message: every event returns the effects that the registration actor performs. One request is under way at a time; changes that
 * come meanwhile go together with the next. Every failure ends the connection, so that the name server forgets the broker and the
 * next connection begins with all topics: an increment is only ever sent to one that has everything before it.
 * Source: RocketMQ 5.3 `BrokerOuterAPI.registerBrokerAll`, `BrokerController.registerBrokerAll`.
 */
import type { TableVersion, TopicConfig } from '../topic/topic-config.ts';

/** A try, from the connection's opening or the request's sending to the answer. */
export const TRY_MAX_MS = 3_000;
const BACKOFF_MIN_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** A registration with more topics goes out in parts of so many: a frame has at most 16 MiB. */
const TOPICS_PER_REQUEST = 4_000;
/** With more topics the periodic registration first asks whether the name server has this version already. */
const QUERY_FIRST_ABOVE = 1_000;

export type LinkEffect =
  | { readonly kind: 'open' }
  | { readonly kind: 'close'; readonly reason: string }
  | { readonly kind: 'register'; readonly opaque: number; readonly topics: readonly TopicConfig[]; readonly version: TableVersion }
  | { readonly kind: 'query-version'; readonly opaque: number; readonly version: TableVersion }
  | { readonly kind: 'unregister'; readonly opaque: number }
  /** What was to be told up to `upTo` is there (`ok`), or is not for now. */
  | { readonly kind: 'settled'; readonly upTo: number; readonly ok: boolean }
  | { readonly kind: 'unregistered' }
  | { readonly kind: 'failed'; readonly reason: string; readonly retryInMs: number; readonly isFirst: boolean }
  | { readonly kind: 'recovered' };

/** What the link reads of the broker's topics. */
export interface TopicSource {
  readonly version: TableVersion;
  readonly size: number;
  all(): Iterable<TopicConfig>;
}

type Request =
  | {
      readonly what: 'all';
      readonly opaque: number;
      readonly upTo: number;
      readonly rest: readonly (readonly TopicConfig[])[];
      readonly sentAt: number;
    }
  | { readonly what: 'changes'; readonly opaque: number; readonly upTo: number; readonly sentAt: number }
  | { readonly what: 'query'; readonly opaque: number; readonly upTo: number; readonly sentAt: number }
  | { readonly what: 'unregister'; readonly opaque: number; readonly upTo: number; readonly sentAt: number };

export class NameServerLink {
  readonly #source: TopicSource;
  #periodMs: number;
  /** `waiting`: for the next try. */
  #phase: 'waiting' | 'opening' | 'open' | 'stopped' = 'waiting';
  #phaseSince = 0;
  #retryAt = 0;
  #backoffMs = 0;
  #request: Request | null = null;
  #needsAll = true;
  #needsQuery = false;
  #needsUnregister = false;
  readonly #changes: Map<string, TopicConfig | null> = new Map();
  /** Sequence number of the newest change that was given to this link. */
  #wanted = 0;
  #nextOpaque = 1;
  #nextAllAt = 0;
  #hasFailed = false;

  /** @param periodMs between two registrations of everything. */
  constructor(source: TopicSource, periodMs: number) {
    this.#source = source;
    this.#periodMs = periodMs;
  }

  /** True while the name server knows this broker, as far as the last answer told. */
  get isRegistered(): boolean {
    return this.#phase === 'open' && !this.#needsAll && this.#request?.what !== 'all';
  }

  /** It was unregistered from, for good. */
  get isStopped(): boolean {
    return this.#phase === 'stopped';
  }

  /** True after a failed try, until one succeeds. */
  get isDown(): boolean {
    return this.#hasFailed || this.#phase === 'stopped';
  }

  /** Counts from now on for the next registration of everything too, should it be sooner. */
  setPeriod(periodMs: number, now: number): void {
    this.#periodMs = periodMs;
    this.#nextAllAt = Math.min(this.#nextAllAt, now + periodMs);
  }

  /** When `tick` is to be called next, at the latest. */
  nextTickAt(): number {
    if (this.#phase === 'stopped') return Number.POSITIVE_INFINITY;
    if (this.#phase === 'waiting') return this.#retryAt;
    if (this.#phase === 'opening') return this.#phaseSince + TRY_MAX_MS;
    return this.#request === null ? this.#nextAllAt : this.#request.sentAt + TRY_MAX_MS;
  }

  /** A topic changed (null: deleted); `seq` numbers changes upwards. A link that waits for its next try fails it at once. */
  changed(seq: number, topics: Iterable<readonly [string, TopicConfig | null]>, now: number): LinkEffect[] {
    this.#wanted = seq;
    if (this.#phase === 'waiting' && this.#hasFailed) {
      this.#needsAll = true;
      return [{ kind: 'settled', upTo: seq, ok: false }];
    }
    if (this.#phase === 'stopped') return [{ kind: 'settled', upTo: seq, ok: false }];
    for (const [name, config] of topics) this.#changes.set(name, config);
    return this.#pump(now);
  }

  /** Registers everything as soon as may be, whatever was registered; that covers all changes up to `seq`. */
  registerAll(seq: number, now: number): LinkEffect[] {
    this.#wanted = Math.max(this.#wanted, seq);
    this.#needsAll = true;
    return this.#pump(now);
  }

  opened(now: number): LinkEffect[] {
    if (this.#phase !== 'opening') return [];
    this.#enter('open', now);
    this.#needsAll = true;
    this.#changes.clear();
    return this.#pump(now);
  }

  /** The connection closed, or never opened. */
  closed(reason: string, random: number, now: number): LinkEffect[] {
    if (this.#phase === 'waiting' || this.#phase === 'stopped') return [];
    return this.#fail(reason, random, now, false);
  }

  /** @param changed of request 322's answer. */
  answered(opaque: number, code: number, remark: string, changed: boolean, random: number, now: number): LinkEffect[] {
    const request = this.#request;
    if (request === null || request.opaque !== opaque) return [];
    this.#request = null;
    if (request.what === 'unregister') return [{ kind: 'unregistered' }, ...this.#stop('unregistered')];
    if (request.what === 'query') {
      // A name server that does not know the request is told everything.
      if (code === 0 && !changed) this.#nextAllAt = now + this.#periodMs;
      else this.#needsAll = true;
      return this.#pump(now);
    }
    if (code !== 0) {
      if (request.what === 'all') return this.#fail(`registration refused with code ${code}: ${remark}`, random, now, true);
      this.#needsAll = true;
      return this.#pump(now);
    }
    if (request.what === 'all') {
      const [next, ...rest] = request.rest;
      if (next !== undefined) return [this.#sendAll(next, rest, request.upTo, now)];
      this.#nextAllAt = now + this.#periodMs;
    }
    this.#backoffMs = 0;
    const effects: LinkEffect[] = [{ kind: 'settled', upTo: request.upTo, ok: true }];
    if (this.#hasFailed) {
      this.#hasFailed = false;
      effects.push({ kind: 'recovered' });
    }
    return effects.concat(this.#pump(now));
  }

  /** Time passed: tries again, gives up, registers anew. */
  tick(random: number, now: number): LinkEffect[] {
    if (this.#phase === 'stopped') return [];
    if (this.#phase === 'opening') {
      return now - this.#phaseSince >= TRY_MAX_MS ? this.#fail(`not connected within ${TRY_MAX_MS} ms`, random, now, true) : [];
    }
    if (this.#request !== null) {
      return now - this.#request.sentAt >= TRY_MAX_MS ? this.#fail(`no answer within ${TRY_MAX_MS} ms`, random, now, true) : [];
    }
    if (this.#phase === 'open' && now >= this.#nextAllAt) {
      if (this.#source.size > QUERY_FIRST_ABOVE) this.#needsQuery = true;
      else this.#needsAll = true;
    }
    return this.#pump(now);
  }

  /** Says good-bye where the broker is registered; `unregistered` follows in any case. */
  unregister(now: number): LinkEffect[] {
    if (this.#phase !== 'open') return [{ kind: 'unregistered' }, ...this.#stop('the broker stops')];
    this.#needsUnregister = true;
    return this.#pump(now);
  }

  #pump(now: number): LinkEffect[] {
    if (this.#phase === 'waiting') {
      if (now < this.#retryAt) return [];
      this.#enter('opening', now);
      return [{ kind: 'open' }];
    }
    if (this.#phase !== 'open' || this.#request !== null) return [];
    if (this.#needsUnregister) {
      const opaque = this.#nextOpaque++;
      this.#request = { what: 'unregister', opaque, upTo: 0, sentAt: now };
      return [{ kind: 'unregister', opaque }];
    }
    if (this.#needsAll) return this.#sendEverything(now);
    if (this.#changes.size > 0) return this.#sendChanges(now);
    if (this.#needsQuery) {
      this.#needsQuery = false;
      const opaque = this.#nextOpaque++;
      this.#request = { what: 'query', opaque, upTo: this.#wanted, sentAt: now };
      return [{ kind: 'query-version', opaque, version: this.#source.version }];
    }
    return [];
  }

  #sendEverything(now: number): LinkEffect[] {
    this.#needsAll = false;
    this.#needsQuery = false;
    this.#changes.clear();
    const parts: TopicConfig[][] = [[]];
    for (const topic of this.#source.all()) {
      if (parts.at(-1)!.length >= TOPICS_PER_REQUEST) parts.push([]);
      parts.at(-1)!.push(topic);
    }
    const [first, ...rest] = parts;
    return [this.#sendAll(first!, rest, this.#wanted, now)];
  }

  #sendAll(topics: readonly TopicConfig[], rest: readonly (readonly TopicConfig[])[], upTo: number, now: number): LinkEffect {
    const opaque = this.#nextOpaque++;
    this.#request = { what: 'all', opaque, upTo, rest, sentAt: now };
    return { kind: 'register', opaque, topics, version: this.#source.version };
  }

  #sendChanges(now: number): LinkEffect[] {
    const topics: TopicConfig[] = [];
    for (const config of this.#changes.values()) if (config !== null) topics.push(config);
    if (topics.length > TOPICS_PER_REQUEST) return this.#sendEverything(now);
    this.#changes.clear();
    const opaque = this.#nextOpaque++;
    this.#request = { what: 'changes', opaque, upTo: this.#wanted, sentAt: now };
    return [{ kind: 'register', opaque, topics, version: this.#source.version }];
  }

  #fail(reason: string, random: number, now: number, close: boolean): LinkEffect[] {
    const effects: LinkEffect[] = close ? [{ kind: 'close', reason }] : [];
    effects.push({ kind: 'settled', upTo: this.#wanted, ok: false });
    if (this.#needsUnregister) {
      this.#phase = 'waiting';
      return [...effects, { kind: 'unregistered' }, ...this.#stop(reason)];
    }
    // A connection that had worked is opened again at once: the name server may only have restarted.
    const wasGood = this.#phase === 'open' && this.#backoffMs === 0;
    this.#backoffMs = wasGood ? BACKOFF_MIN_MS : Math.min(BACKOFF_MAX_MS, Math.max(BACKOFF_MIN_MS, this.#backoffMs * 2));
    const retryInMs = wasGood ? 0 : Math.round(this.#backoffMs * (0.8 + 0.4 * random));
    this.#retryAt = now + retryInMs;
    this.#request = null;
    this.#needsAll = true;
    this.#changes.clear();
    const isFirst = !this.#hasFailed;
    this.#hasFailed = true;
    this.#enter('waiting', now);
    effects.push({ kind: 'failed', reason, retryInMs, isFirst });
    return retryInMs === 0 ? effects.concat(this.#pump(now)) : effects;
  }

  #stop(reason: string): LinkEffect[] {
    const wasOpen = this.#phase === 'open' || this.#phase === 'opening';
    this.#phase = 'stopped';
    this.#request = null;
    this.#changes.clear();
    return wasOpen ? [{ kind: 'close', reason }] : [];
  }

  #enter(phase: 'waiting' | 'opening' | 'open', now: number): void {
    this.#phase = phase;
    this.#phaseSince = now;
  }
}
