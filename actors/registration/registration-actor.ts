/**
 * Registration actor: makes this broker known at every name server of its list, over TCP also where one runs in the same process.
 * One a broker, at `registration`, on a thread with an event loop. Registers at the start, every 30 s, and at once when topics
 * change; who waits for a change is answered when every name server took it or failed its try, after 3 s at the latest. A name
 * server that does not answer is tried again with back-off and holds up nobody meanwhile. On a clean stop it unregisters.
 * What it decides for each name server is in name-server-link.ts.
 *
 * Restarted without state: it fetches the topics from the registry and registers again.
 * Source: RocketMQ 5.3 `BrokerOuterAPI`, `BrokerController.registerBrokerAll`.
 */
import type { Actor, ActorContext, ActorRef, TimerId } from '../../runtime/actor.ts';
import { TOPIC_REGISTRY_PATH } from '../broker/actor-paths.ts';
import type { TableVersion, TopicConfig } from '../topic/topic-config.ts';
import type { AnnounceAll, ListTopics, TopicPage, TopicsChanged, TopicsRegistered, TopicsReset } from '../topic/topic-registry-actor.ts';
import type { LinkEffect } from './name-server-link.ts';
import { NameServerLink, TRY_MAX_MS } from './name-server-link.ts';
import { type BrokerIdentity, queryVersionCommand, registerCommand, unregisterCommand } from './register-command.ts';
import { RegisteredTopics } from './registered-topics.ts';
import { RegistrationWaits } from './registration-waits.ts';
import type { RemotingClient, RemotingEvents } from './remoting-client.ts';

/** Registers everything at every name server now. */
export type RegisterNow = { kind: 'register-now' };
/** The broker stops: says good-bye to all, then registers nothing any more. */
export type Unregister = { kind: 'unregister'; replyTo: ActorRef<Unregistered> };
export type Unregistered = { kind: 'unregistered' };
/**
 * From now on the broker registers with these: it says good-bye to those that are no more among them, and is answered when the new ones
 * know it, or failed their first try.
 */
export type NameServersChanged = { kind: 'name-servers-changed'; addresses: string[]; replyTo: ActorRef<TopicsRegistered> };
/** From now on everything is registered after so long. */
export type PeriodChanged = { kind: 'period-changed'; periodMs: number };
/** Answered when every name server has been registered with, or failed its first try. */
export type AwaitRegistered = { kind: 'await-registered'; replyTo: ActorRef<TopicsRegistered> };
export type RegistrationCommand =
  | AnnounceAll
  | NameServersChanged
  | PeriodChanged
  | TopicsChanged
  | TopicsReset
  | RegisterNow
  | Unregister
  | AwaitRegistered;

type Page = { kind: 'page'; fetch: number; topics: TopicConfig[]; next: number; version: TableVersion };
type NoPage = { kind: 'no-page'; fetch: number };
type Fetch = { kind: 'fetch'; fetch: number };
type LinkOpened = { kind: 'link-opened'; link: number; connection: number };
type LinkAnswered = {
  kind: 'link-answered';
  link: number;
  connection: number;
  opaque: number;
  code: number;
  remark: string;
  changed: boolean;
};
type LinkClosed = { kind: 'link-closed'; link: number; connection: number; reason: string };
type Tick = { kind: 'tick' };
type WaitExpired = { kind: 'wait-expired'; wait: number };
type Private = Page | NoPage | Fetch | LinkOpened | LinkAnswered | LinkClosed | Tick | WaitExpired;

export type RegistrationOptions = BrokerIdentity & {
  /** `host:port` of every name server. */
  readonly nameServers: readonly string[];
  readonly periodMs?: number;
  /** Opens a connection; the events may come from outside a turn. */
  readonly open: (address: string, events: RemotingEvents) => RemotingClient;
  /** Asks the thread for a turn after an event. */
  readonly requestTurn: () => void;
};

export const REGISTER_PERIOD_MS = 30_000;
/** Also how long a new topic's creator waits for a name server at most. */
const WAIT_MAX_MS = TRY_MAX_MS;
const FETCH_MAX_MS = 2_000;
const FETCH_AGAIN_MS = 200;

export class RegistrationActor implements Actor<RegistrationCommand | Private> {
  readonly #options: RegistrationOptions;
  /** Where each link leads. A stopped one keeps its place until another takes it. */
  readonly #addresses: string[];
  readonly #links: NameServerLink[];
  /** Links that say good-bye; they count no more. */
  readonly #leaving: Set<number> = new Set();
  readonly #newLink: () => NameServerLink;
  readonly #clients: (RemotingClient | null)[];
  /** Numbers connections, so that an event of a former one is told from the present one's. */
  readonly #connections: number[];
  #nextConnection = 1;
  readonly #topics: RegisteredTopics = new RegisteredTopics();
  #seq = 0;
  readonly #waits = new RegistrationWaits();
  #timer: TimerId | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #unregistering: { readonly replyTo: ActorRef<Unregistered>; readonly links: Set<number> } | null = null;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#newLink = () => new NameServerLink(this.#topics, options.periodMs ?? REGISTER_PERIOD_MS);
    this.#addresses = [...options.nameServers];
    this.#links = this.#addresses.map(this.#newLink);
    this.#clients = options.nameServers.map(() => null);
    this.#connections = options.nameServers.map(() => 0);
  }

  /** A registry that starts says so itself; only one that was there before this actor has to be asked. */
  started(context: ActorContext): void {
    context.schedule(FETCH_AGAIN_MS, { kind: 'fetch', fetch: this.#topics.putOffFetch() } as Fetch);
  }

  stopped(): void {
    for (const client of this.#clients) client?.close();
  }

  receive(message: RegistrationCommand | Private, context: ActorContext): void {
    const now = context.monotonicMs();
    switch (message.kind) {
      case 'topics-changed':
        this.#topicsChanged(message, context);
        break;
      case 'topics-reset':
        this.#fetchTopics(context);
        break;
      case 'register-now':
        if (this.#topics.isLoaded) this.#each((link) => link.registerAll(this.#seq, now), context);
        break;
      case 'announce-all':
        this.#announceAll(message, context);
        break;
      case 'name-servers-changed':
        this.#nameServersChanged(message, context);
        break;
      case 'period-changed':
        for (const link of this.#links) link.setPeriod(message.periodMs, now);
        break;
      case 'await-registered':
        this.#wait(this.#seq, message.replyTo, true, context);
        break;
      case 'unregister':
        this.#unregister(message, context);
        break;
      case 'page':
        this.#page(message, context);
        break;
      case 'no-page':
        if (message.fetch === this.#topics.fetch) context.schedule(FETCH_AGAIN_MS, { kind: 'fetch', fetch: message.fetch } as Fetch);
        break;
      case 'fetch':
        if (message.fetch === this.#topics.fetch) this.#fetchTopics(context);
        break;
      case 'link-opened':
        if (this.#isPresent(message)) this.#perform(message.link, this.#links[message.link]!.opened(now), context);
        break;
      case 'link-answered': {
        if (!this.#isPresent(message)) break;
        const { link, opaque, code, remark, changed } = message;
        this.#perform(link, this.#links[link]!.answered(opaque, code, remark, changed, context.random(), now), context);
        break;
      }
      case 'link-closed':
        if (!this.#isPresent(message)) break;
        this.#clients[message.link] = null;
        this.#perform(message.link, this.#links[message.link]!.closed(message.reason, context.random(), now), context);
        break;
      case 'tick':
        this.#timer = null;
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.#each((link) => (link.nextTickAt() <= now ? link.tick(context.random(), now) : []), context);
        break;
      case 'wait-expired':
        this.#waits.expire(message.wait);
        break;
    }
    this.#schedule(context);
  }

  #isPresent(message: { readonly link: number; readonly connection: number }): boolean {
    return this.#connections[message.link] === message.connection;
  }

  #fetchTopics(context: ActorContext): void {
    this.#topics.beginFetch();
    this.#askPage(0, context);
  }

  #askPage(cursor: number, context: ActorContext): void {
    const { fetch } = this.#topics;
    context.ask<TopicPage, ListTopics>(
      context.ref(TOPIC_REGISTRY_PATH),
      (replyTo) => ({ kind: 'list-topics', cursor, replyTo }),
      FETCH_MAX_MS,
      (reply): Page | NoPage =>
        reply === undefined
          ? { kind: 'no-page', fetch }
          : { kind: 'page', fetch, topics: reply.topics, next: reply.next, version: reply.version },
    );
  }

  #page(message: Page, context: ActorContext): void {
    if (message.fetch !== this.#topics.fetch) return;
    const isLast = message.next < 0;
    if (!this.#topics.page(message.topics, isLast, message.version)) {
      this.#askPage(message.next, context);
      return;
    }
    const now = context.monotonicMs();
    this.#each((link) => link.registerAll(this.#seq, now), context);
  }

  #topicsChanged(message: TopicsChanged, context: ActorContext): void {
    const changes: [string, TopicConfig | null][] = message.topics.map((config) => [config.topicName, config]);
    for (const name of message.removed) changes.push([name, null]);
    this.#topics.change(changes, message.version);
    const seq = ++this.#seq;
    this.#wait(seq, message.replyTo, false, context);
    const now = context.monotonicMs();
    if (this.#topics.isLoaded) this.#each((link) => link.changed(seq, changes, now), context);
  }

  #isInUse(link: number): boolean {
    return !this.#links[link]!.isStopped && !this.#leaving.has(link);
  }

  #nameServersChanged({ addresses, replyTo }: NameServersChanged, context: ActorContext): void {
    const now = context.monotonicMs();
    const wanted = new Set(addresses);
    for (let link = 0; link < this.#links.length; link++) {
      if (!this.#isInUse(link) || wanted.delete(this.#addresses[link]!)) continue;
      this.#leaving.add(link);
      this.#perform(link, this.#links[link]!.unregister(now), context);
    }
    const seq = ++this.#seq;
    // A broker that stops registers with nobody any more.
    for (const address of this.#unregistering === null ? wanted : []) this.#addLink(address, seq, context);
    this.#wait(seq, replyTo, true, context);
  }

  #addLink(address: string, seq: number, context: ActorContext): void {
    let link = this.#links.findIndex((state, index) => state.isStopped && this.#clients[index] === null);
    if (link < 0) link = this.#links.length;
    this.#leaving.delete(link);
    this.#addresses[link] = address;
    this.#clients[link] = null;
    this.#connections[link] = 0;
    const state = this.#newLink();
    this.#links[link] = state;
    if (this.#topics.isLoaded) this.#perform(link, state.registerAll(seq, context.monotonicMs()), context);
  }

  #announceAll(message: AnnounceAll, context: ActorContext): void {
    this.#topics.noteVersion(message.version);
    const seq = ++this.#seq;
    const id = this.#wait(seq, message.replyTo, false, context);
    // Who is away gets everything when it is back; nobody waits for that.
    this.#links.forEach((link, index) => {
      if (link.isDown) this.#waits.count(id, index, false);
    });
    this.#waits.answerIfDone(id);
    const now = context.monotonicMs();
    if (this.#topics.isLoaded) this.#each((link) => link.registerAll(seq, now), context);
  }

  /** @param asItIs counts what is registered, or failed, already; else only what comes from now on. */
  #wait(seq: number, replyTo: ActorRef<TopicsRegistered>, asItIs: boolean, context: ActorContext): number {
    const links = new Set<number>();
    for (let link = 0; link < this.#links.length; link++) if (this.#isInUse(link)) links.add(link);
    const id = this.#waits.add(seq, links, replyTo);
    if (asItIs) {
      this.#links.forEach((state, link) => {
        if (state.isRegistered || state.isDown) this.#waits.count(id, link, state.isRegistered);
      });
    }
    if (!this.#waits.answerIfDone(id)) context.schedule(WAIT_MAX_MS, { kind: 'wait-expired', wait: id } as WaitExpired);
    return id;
  }

  #unregister(message: Unregister, context: ActorContext): void {
    const links = new Set<number>();
    for (let link = 0; link < this.#links.length; link++) links.add(link);
    this.#unregistering = { replyTo: message.replyTo, links };
    const now = context.monotonicMs();
    this.#each((link) => link.unregister(now), context);
    this.#answerUnregister();
  }

  #answerUnregister(): void {
    if (this.#unregistering === null || this.#unregistering.links.size > 0) return;
    this.#unregistering.replyTo.tell({ kind: 'unregistered' });
    this.#unregistering = null;
  }

  #each(step: (link: NameServerLink) => LinkEffect[], context: ActorContext): void {
    for (let link = 0; link < this.#links.length; link++) this.#perform(link, step(this.#links[link]!), context);
  }

  #perform(link: number, effects: readonly LinkEffect[], context: ActorContext): void {
    const address = this.#addresses[link]!;
    for (const effect of effects) {
      switch (effect.kind) {
        case 'open':
          this.#open(link, context);
          break;
        case 'close':
          this.#clients[link]?.close();
          this.#clients[link] = null;
          this.#connections[link] = 0;
          break;
        case 'register':
          this.#clients[link]?.send(registerCommand(this.#options, effect.opaque, effect.topics, effect.version));
          break;
        case 'query-version':
          this.#clients[link]?.send(queryVersionCommand(this.#options, effect.opaque, effect.version));
          break;
        case 'unregister':
          this.#clients[link]?.send(unregisterCommand(this.#options, effect.opaque));
          break;
        case 'settled':
          this.#waits.settle(link, effect.upTo, effect.ok);
          break;
        case 'unregistered':
          this.#unregistering?.links.delete(link);
          this.#answerUnregister();
          break;
        case 'failed':
          // A name server that stays away is worth one line, not one for every try.
          context.log(effect.isFirst ? 'warn' : 'debug', 'cannot register at a name server', {
            nameServer: address,
            reason: effect.reason,
            retryInMs: effect.retryInMs,
          });
          break;
        case 'recovered':
          context.log('info', 'registered again at a name server', { nameServer: address });
          break;
      }
    }
  }

  #open(link: number, context: ActorContext): void {
    const connection = this.#nextConnection++;
    this.#connections[link] = connection;
    const self = context.ref<Private>(context.path);
    // A full mailbox loses an event; the try's time limit covers that.
    const tell = (message: Private): void => {
      self.tell(message);
      this.#options.requestTurn();
    };
    this.#clients[link] = this.#options.open(this.#addresses[link]!, {
      opened: () => tell({ kind: 'link-opened', link, connection }),
      answered: (command) =>
        tell({
          kind: 'link-answered',
          link,
          connection,
          opaque: command.opaque,
          code: command.code,
          remark: command.remark ?? '',
          changed: command.ext.get('changed') !== 'false',
        }),
      closed: (reason) => tell({ kind: 'link-closed', link, connection, reason }),
    });
  }

  /** One timer for all links, moved when an earlier time is wanted. */
  #schedule(context: ActorContext): void {
    if (!this.#topics.isLoaded) return;
    let at = Number.POSITIVE_INFINITY;
    for (const link of this.#links) at = Math.min(at, link.nextTickAt());
    if (at === this.#timerAt) return;
    if (this.#timer !== null) context.cancel(this.#timer);
    this.#timerAt = at;
    this.#timer = Number.isFinite(at) ? context.schedule(Math.max(1, at - context.monotonicMs()), { kind: 'tick' }) : null;
  }
}
