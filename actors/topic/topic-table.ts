/**
 * Topic table: a shard's own copy of what the sends and pulls on it must know of each topic. One a shard, filled by its
 * topic-table actor alone and read by everything else there; never wrong for long, and never fails: an unknown topic is
 * `undefined`, and the topic registry decides what that means. `find` is on the hot path: bytes in, no string, no object.
 * Source: RocketMQ `TopicConfigManager.topicConfigTable`.
 */
import { javaHash } from '../../model/java-hash.ts';
import { PERM_READ_WRITE, PERM_WRITE } from '../../model/permission.ts';
import { isDlqTopic, isRetryTopic, TOPICS_FORBIDDEN_FOR_SEND } from '../../model/topic.ts';
import { NO_PERMISSION } from '../../protocol/remoting/response-code.ts';
import { pluginOf } from '../filter/plugin-binding.ts';
import type { TableVersion, TopicConfig } from './topic-config.ts';
import { queueCount } from './topic-config.ts';

/** What a shard knows of one topic. Replaced as a whole when the topic changes: hold no reference over a turn. */
export interface TopicState {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  /** Java's `hashCode` of the name: seeds the index key `topic#key`. */
  readonly nameHash: number;
  readonly config: TopicConfig;
  /** Handle by queue id; as long as the larger of the two queue numbers. */
  readonly queueHandles: Int32Array;
  /** The topic's permission, as far as the broker's own allows it. */
  readonly perm: number;
  readonly writeQueues: number;
  readonly readQueues: number;
  readonly isRetry: boolean;
  readonly isDlq: boolean;
  /** Unit flags; go out as `topicSysFlag` with pulls. */
  readonly topicSysFlag: number;
  /** 0, or the response code with which a client's send is refused, or RETRY_SEND. */
  readonly refusal: number;
  /** The filter plugin that whoever pulls from it is behind; null: none. */
  readonly plugin: string | null;
}

/**
 * Builds a topic's state from its configuration and the handles of its queues.
 * @param brokerPermission 4 reading, 2 writing: what the broker lets clients do, whatever its topics allow
 */
export function topicState(config: TopicConfig, queueHandles: Int32Array, brokerPermission: number = PERM_READ_WRITE): TopicState {
  const name = config.topicName;
  if (queueHandles.length !== queueCount(config)) {
    throw new RangeError(`Topic ${name} has ${queueCount(config)} queues but came with ${queueHandles.length} handles`);
  }
  return {
    name,
    nameBytes: new Uint8Array(Buffer.from(name, 'utf8')),
    nameHash: javaHash(name),
    config,
    queueHandles,
    perm: config.perm & (brokerPermission | ~PERM_READ_WRITE),
    writeQueues: config.writeQueueNums,
    readQueues: config.readQueueNums,
    isRetry: isRetryTopic(name),
    isDlq: isDlqTopic(name),
    topicSysFlag: config.topicSysFlag,
    // A topic whose order matters must not get messages that a drained broker is to have no more; others may finish (as in Java).
    refusal:
      TOPICS_FORBIDDEN_FOR_SEND.has(name) || (config.order && (brokerPermission & PERM_WRITE) === 0)
        ? NO_PERMISSION
        : isRetryTopic(name)
          ? RETRY_SEND
          : 0,
    plugin: pluginOf(config.attributes),
  };
}

/** `refusal` of a retry topic: its sends are not refused, but not plain ones either. */
export const RETRY_SEND = -1;

const SLOTS_MIN = 64;

export class TopicTable {
  readonly #byName: Map<string, TopicState> = new Map();
  /** Open addressing, at most half full; a slot is free when undefined. */
  #slots: (TopicState | undefined)[] = new Array<TopicState | undefined>(SLOTS_MIN).fill(undefined);
  /** Hash of the name in each slot. */
  #hashes: Int32Array = new Int32Array(SLOTS_MIN);
  /** Clients choose topics' names: were it known, thousands of them could be made to share a slot, and every send would pay for it. */
  readonly #multiplier: number;
  /** Version of the broker's table that this copy has reached. */
  version: TableVersion = { stateVersion: 0, timestamp: 0, counter: 0 };
  /** False until all topics have come once: till then an unknown topic may well exist. */
  complete = false;
  #brokerPermission = PERM_READ_WRITE;
  /** Called when a topic is bound to another plugin than before: pulls of it may be held. */
  onRebound: ((topic: string) => void) | null = null;

  /** @param chance of [0, 1): how names are spread over the table */
  constructor(chance: number = 0) {
    this.#multiplier = (Math.floor(chance * 0x8000_0000) << 1) ^ 0x0100_0193;
  }

  /** What the broker lets clients do (`brokerPermission`); the topics' states are made anew with it. */
  get brokerPermission(): number {
    return this.#brokerPermission;
  }

  set brokerPermission(permission: number) {
    if (permission === this.#brokerPermission) return;
    this.#brokerPermission = permission;
    for (const { config, queueHandles } of [...this.#byName.values()]) this.put(topicState(config, queueHandles, permission));
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): TopicState | undefined {
    return this.#byName.get(name);
  }

  /** The topic whose name's UTF-8 bytes are `bytes[start, end)`. Allocates nothing. */
  find(bytes: Uint8Array, start: number, end: number): TopicState | undefined {
    const hash = this.#hashOf(bytes, start, end);
    const slots = this.#slots;
    const hashes = this.#hashes;
    const mask = slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const state = slots[slot];
      if (state === undefined) return undefined;
      if (hashes[slot] === hash && sameBytes(state.nameBytes, bytes, start, end)) return state;
      slot = (slot + 1) & mask;
    }
  }

  #hashOf(bytes: Uint8Array, start: number, end: number): number {
    const multiplier = this.#multiplier;
    let hash = 0;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, multiplier);
    return hash;
  }

  /** Adds a topic, or replaces it by its name. */
  put(state: TopicState): void {
    const known = this.#byName.get(state.name);
    this.#byName.set(state.name, state);
    if (known === undefined && this.#byName.size * 2 > this.#slots.length) this.#rebuild(this.#slots.length * 2);
    else this.#place(state);
    if (known !== undefined && known.plugin !== state.plugin) this.onRebound?.(state.name);
  }

  remove(name: string): void {
    if (!this.#byName.delete(name)) return;
    this.#rebuild(this.#slots.length);
  }

  clear(): void {
    this.#byName.clear();
    this.#rebuild(SLOTS_MIN);
  }

  all(): IterableIterator<TopicState> {
    return this.#byName.values();
  }

  /** A probe chain cannot have a hole, so what goes away is left out of a new array: topics go rarely. */
  #rebuild(slotCount: number): void {
    this.#slots = new Array<TopicState | undefined>(slotCount).fill(undefined);
    this.#hashes = new Int32Array(slotCount);
    for (const state of this.#byName.values()) this.#place(state);
  }

  #place(state: TopicState): void {
    const slots = this.#slots;
    const hash = this.#hashOf(state.nameBytes, 0, state.nameBytes.length);
    const mask = slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const other = slots[slot];
      if (other === undefined || other.name === state.name) {
        slots[slot] = state;
        this.#hashes[slot] = hash;
        return;
      }
      slot = (slot + 1) & mask;
    }
  }
}

function sameBytes(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const length = name.length;
  if (end - start !== length) return false;
  for (let index = 0; index < length; index++) if (name[index] !== bytes[start + index]) return false;
  return true;
}
