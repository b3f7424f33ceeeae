/**
 * Death watch: who on this thread waits for the end of which actor, and who is to be told of the end of an actor here. One a host.
 * Fails by RuntimeError when more than `watchesMax` watches are open.
 */
import type { ActorMessage, ActorRef } from './actor.ts';
import type { ActorCell } from './actor-cell.ts';
import { RuntimeError } from './errors.ts';
import { type HostRecordType, TERMINATED, UNWATCH, WATCH, type WatchWord } from './host-record.ts';
import { PathRef } from './path-ref.ts';

/** What the death watch needs of its host. */
export interface DeathWatchPort {
  readonly index: number;
  placementOf(path: string): number;
  /** False: the ring is full. */
  send(thread: number, type: HostRecordType, path: string, word: WatchWord): boolean;
  /** Whether an actor lives at `path`, or would be made by a message. */
  mayCome(path: string): boolean;
  tellSelf(cell: ActorCell, message: ActorMessage): void;
  /** Runs `run` in this turn or the next. */
  defer(run: () => void): void;
}

interface Watch {
  readonly cell: ActorCell;
  readonly incarnation: number;
  readonly message: ActorMessage;
  readonly thread: number;
  readonly path: string;
}

interface Watcher {
  readonly thread: number;
  readonly id: number;
}

interface Outgoing {
  readonly thread: number;
  readonly type: HostRecordType;
  readonly path: string;
  readonly word: WatchWord;
}

export class DeathWatch {
  readonly #port: DeathWatchPort;
  readonly #watchesMax: number;
  readonly #watches: Map<number, Watch> = new Map();
  #nextId = 0;
  /** Who is to be told when the actor at a path of this thread ends. */
  readonly #watchers: Map<string, Watcher[]> = new Map();
  /** Words that found a full ring; bounded by the watches themselves. */
  #outgoing: Outgoing[] = [];

  constructor(port: DeathWatchPort, watchesMax: number) {
    this.#port = port;
    this.#watchesMax = watchesMax;
  }

  get hasOutgoing(): boolean {
    return this.#outgoing.length > 0;
  }

  watch(cell: ActorCell, target: ActorRef<never>, message: ActorMessage): void {
    if (this.#watches.size >= this.#watchesMax) {
      throw new RuntimeError('MQ_RUNTIME_LIMIT', `No more than ${this.#watchesMax} watches on one thread`, { path: cell.path });
    }
    const id = this.#nextId++;
    const thread = target instanceof PathRef ? target.thread : this.#port.placementOf(target.path);
    this.#watches.set(id, { cell, incarnation: cell.incarnation, message, thread, path: target.path });
    cell.watches ??= new Set();
    cell.watches.add(id);
    if (thread === this.#port.index) this.#addWatcher(target.path, { thread, id });
    else if (thread < 0) this.#port.defer(() => this.#fire(id));
    else this.#say(thread, WATCH, target.path, id);
  }

  /** Forgets what an ended instance had watched. */
  drop(cell: ActorCell): void {
    if (cell.watches === undefined) return;
    for (const id of cell.watches) {
      const watch = this.#watches.get(id);
      if (watch === undefined) continue;
      this.#watches.delete(id);
      if (watch.thread === this.#port.index) this.#removeWatcher(watch.path, watch.thread, id);
      else if (watch.thread >= 0) this.#say(watch.thread, UNWATCH, watch.path, id);
    }
    cell.watches = undefined;
  }

  /** The actor at `path` of this thread has ended for good. */
  ended(path: string): void {
    const watchers = this.#watchers.get(path);
    if (watchers === undefined) return;
    this.#watchers.delete(path);
    for (const watcher of watchers) this.#tell(watcher, path);
  }

  /** All that was watched on `thread` is gone with it; what it watched here is no longer awaited. */
  threadDied(thread: number): void {
    for (const [id, watch] of this.#watches) if (watch.thread === thread) this.#fire(id);
    for (const [path, watchers] of this.#watchers) {
      this.#keep(
        path,
        watchers.filter((watcher) => watcher.thread !== thread),
      );
    }
    this.#outgoing = this.#outgoing.filter((outgoing) => outgoing.thread !== thread);
  }

  /** A word of another thread's death watch. */
  word(type: number, path: string, word: WatchWord): void {
    if (type === WATCH) this.#addWatcher(path, { thread: word.thread, id: word.id });
    else if (type === UNWATCH) this.#removeWatcher(path, word.thread, word.id);
    else this.#fire(word.id);
  }

  /** Tries again what found a full ring. */
  sendOutgoing(): void {
    const waiting = this.#outgoing;
    this.#outgoing = waiting.filter(({ thread, type, path, word }) => !this.#port.send(thread, type, path, word));
  }

  #addWatcher(path: string, watcher: Watcher): void {
    if (!this.#port.mayCome(path)) {
      this.#tell(watcher, path);
      return;
    }
    const watchers = this.#watchers.get(path);
    if (watchers === undefined) this.#watchers.set(path, [watcher]);
    else watchers.push(watcher);
  }

  #removeWatcher(path: string, thread: number, id: number): void {
    const watchers = this.#watchers.get(path);
    if (watchers === undefined) return;
    this.#keep(
      path,
      watchers.filter((watcher) => watcher.thread !== thread || watcher.id !== id),
    );
  }

  #keep(path: string, watchers: Watcher[]): void {
    if (watchers.length === 0) this.#watchers.delete(path);
    else this.#watchers.set(path, watchers);
  }

  #tell(watcher: Watcher, path: string): void {
    if (watcher.thread === this.#port.index) this.#port.defer(() => this.#fire(watcher.id));
    else this.#say(watcher.thread, TERMINATED, path, watcher.id);
  }

  #fire(id: number): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.#watches.delete(id);
    watch.cell.watches?.delete(id);
    if (watch.cell.incarnation === watch.incarnation) this.#port.tellSelf(watch.cell, watch.message);
  }

  #say(thread: number, type: HostRecordType, path: string, id: number): void {
    const word: WatchWord = { kind: 'watch', id, thread: this.#port.index };
    // Behind what waits already: an end of watch must not overtake its begin.
    if (this.#outgoing.length === 0 && this.#port.send(thread, type, path, word)) return;
    this.#outgoing.push({ thread, type, path, word });
  }
}
