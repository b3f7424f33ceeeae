/**
 * Key-value actor: the name server's namespaces of small texts (order layout of topics, what tools keep there). One a name server,
 * at `<first shard thread>/name-server-values`. Kept in kvConfig.json in Java's own shape when the process has a store, else in
 * memory only; what the file cannot take is refused, and the value stays as it was. Restarted from the file.
 * Source: RocketMQ 5.3 `KVConfigManager`.
 */
import { SYSTEM_ERROR } from '../../protocol/remoting/response-code.ts';
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { SaveTable, TableSaved } from '../store/store-messages.ts';
import { TableCourierActor } from '../store/table-courier-actor.ts';

export const KEY_VALUES_FILE = 'kvConfig.json';

/** `value` null deletes the key. */
export type PutValue = { kind: 'put-value'; namespace: string; key: string; value: string | null; replyTo: ActorRef<ValuePut> };
/** `code` 0: done. */
export type ValuePut = { kind: 'value-put'; code: number; remark: string };
export type GetValue = { kind: 'get-value'; namespace: string; key: string; replyTo: ActorRef<ValueAnswer> };
export type ValueAnswer = { kind: 'value'; value: string | null };
/** The values of a namespace, page by page: `cursor` 0 first, then `next` until it is −1. */
export type GetNamespace = { kind: 'get-namespace'; namespace: string; cursor: number; replyTo: ActorRef<NamespaceAnswer> };
export type NamespaceAnswer = { kind: 'namespace'; found: boolean; keys: string[]; values: string[]; next: number };
export type KeyValueCommand = PutValue | GetValue | GetNamespace;
type Saved = { kind: 'saved'; upTo: number; ok: boolean; error: string };

export type KeyValueOptions = {
  /** Values by key by namespace as saved last; null: none. */
  readonly load: () => ReadonlyMap<string, ReadonlyMap<string, string>> | null;
  /** Path of the store actor; null: nothing is saved. */
  readonly store: string | null;
};

const SAVE_MAX_MS = 30_000;
const NAME_MAX = 255;
const VALUE_MAX = 8 * 1024;
const NAMESPACES_MAX = 64;
const KEYS_MAX = 10_000;
/** Characters of a page, but for its first value: with three bytes each it fits a ring record. */
const PAGE_CHARACTERS = 8 * 1024;
const PENDING_MAX = 1_000;

type Pending = {
  readonly seq: number;
  readonly namespace: string;
  readonly key: string;
  readonly before: string | null;
  readonly replyTo: ActorRef<ValuePut>;
};

export class KeyValueActor implements Actor<KeyValueCommand | Saved> {
  readonly #options: KeyValueOptions;
  readonly #namespaces: Map<string, Map<string, string>> = new Map();
  #pending: Pending[] = [];
  #nextSeq = 1;
  #saving = false;
  #keyCount = 0;
  #courier: ActorRef<SaveTable> | null = null;

  constructor(options: KeyValueOptions) {
    this.#options = options;
  }

  started(context: ActorContext): void {
    const { store } = this.#options;
    if (store !== null) this.#courier = context.spawn({ id: 'table-courier', create: () => new TableCourierActor(store) });
    for (const [namespace, values] of this.#options.load() ?? []) {
      for (const [key, value] of values) this.#set(namespace, key, value);
    }
  }

  receive(message: KeyValueCommand | Saved, context: ActorContext): void {
    switch (message.kind) {
      case 'put-value':
        this.#put(message, context);
        return;
      case 'get-value':
        message.replyTo.tell({ kind: 'value', value: this.#namespaces.get(message.namespace)?.get(message.key) ?? null });
        return;
      case 'get-namespace':
        this.#getNamespace(message);
        return;
      case 'saved':
        this.#saved(message, context);
        return;
    }
  }

  #getNamespace({ namespace, cursor, replyTo }: GetNamespace): void {
    const all = [...(this.#namespaces.get(namespace) ?? [])];
    let characters = 0;
    let end = cursor;
    while (end < all.length && (end === cursor || characters < PAGE_CHARACTERS)) {
      const [key, value] = all[end]!;
      characters += key.length + value.length;
      end++;
    }
    const page = all.slice(cursor, end);
    replyTo.tell({
      kind: 'namespace',
      found: all.length > 0,
      keys: page.map(([key]) => key),
      values: page.map(([, value]) => value),
      next: end < all.length ? end : -1,
    });
  }

  #put(message: PutValue, context: ActorContext): void {
    const { namespace, key, value, replyTo } = message;
    const before = this.#namespaces.get(namespace)?.get(key) ?? null;
    const remark = this.#refusal(namespace, key, value, before);
    if (remark !== null) {
      replyTo.tell({ kind: 'value-put', code: SYSTEM_ERROR, remark });
      return;
    }
    if (this.#options.store === null || before === value) {
      this.#set(namespace, key, value);
      replyTo.tell({ kind: 'value-put', code: 0, remark: '' });
      return;
    }
    this.#set(namespace, key, value);
    this.#pending.push({ seq: this.#nextSeq++, namespace, key, before, replyTo });
    this.#save(context);
  }

  #refusal(namespace: string, key: string, value: string | null, before: string | null): string | null {
    if (namespace.length === 0 || namespace.length > NAME_MAX)
      return `namespace has ${namespace.length} characters, 1 to ${NAME_MAX} are allowed.`;
    if (key.length === 0 || key.length > NAME_MAX) return `key has ${key.length} characters, 1 to ${NAME_MAX} are allowed.`;
    if (value === null) return null;
    if (value.length > VALUE_MAX) return `value has ${value.length} characters, ${VALUE_MAX} are allowed.`;
    if (before === null && this.#keyCount >= KEYS_MAX) return `${KEYS_MAX} keys are stored, the limit: delete some first.`;
    if (!this.#namespaces.has(namespace) && this.#namespaces.size >= NAMESPACES_MAX)
      return `${NAMESPACES_MAX} namespaces exist, the limit: delete one first.`;
    return this.#pending.length >= PENDING_MAX ? `${PENDING_MAX} changes wait for the disk already: try again later.` : null;
  }

  #set(namespace: string, key: string, value: string | null): void {
    let values = this.#namespaces.get(namespace);
    if (value === null) {
      if (values?.delete(key) === true) this.#keyCount--;
      if (values?.size === 0) this.#namespaces.delete(namespace);
      return;
    }
    if (values === undefined) {
      values = new Map();
      this.#namespaces.set(namespace, values);
    }
    if (!values.has(key)) this.#keyCount++;
    values.set(key, value);
  }

  #save(context: ActorContext): void {
    const last = this.#pending.at(-1);
    if (this.#saving || last === undefined || this.#options.store === null) return;
    this.#saving = true;
    const upTo = last.seq;
    const text = keyValuesText(this.#namespaces);
    context.ask<TableSaved, SaveTable>(
      this.#courier!,
      (replyTo) => ({ kind: 'save-table', name: KEY_VALUES_FILE, text, sync: false, replyTo }),
      SAVE_MAX_MS,
      (reply): Saved => ({
        kind: 'saved',
        upTo,
        ok: reply?.ok === true,
        error: reply === undefined ? 'no answer from the store' : (reply.error ?? ''),
      }),
    );
  }

  #saved(message: Saved, context: ActorContext): void {
    this.#saving = false;
    if (message.ok) {
      for (const { seq, replyTo } of this.#pending) if (seq <= message.upTo) replyTo.tell({ kind: 'value-put', code: 0, remark: '' });
      this.#pending = this.#pending.filter((put) => put.seq > message.upTo);
      this.#save(context);
      return;
    }
    // The file is as it was before the oldest of them: taken back newest first.
    const undone = this.#pending.reverse();
    this.#pending = [];
    for (const { namespace, key, before, replyTo } of undone) {
      this.#set(namespace, key, before);
      replyTo.tell({
        kind: 'value-put',
        code: SYSTEM_ERROR,
        remark: `${KEY_VALUES_FILE} could not be saved, so the value is as it was: ${message.error}`,
      });
    }
  }
}

export function keyValuePath(firstShardName: string): string {
  return `${firstShardName}/name-server-values`;
}

/** The file's text: `{"configTable":{"<namespace>":{"<key>":"<value>"}}}`. Source: RocketMQ `KVConfigSerializeWrapper`. */
export function keyValuesText(namespaces: ReadonlyMap<string, ReadonlyMap<string, string>>): string {
  const table = [...namespaces].map(([namespace, values]) => {
    const items = [...values].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    return `${JSON.stringify(namespace)}:{${items.join(',')}}`;
  });
  return `{"configTable":{${table.join(',')}}}\n`;
}

/** Reads the file's parsed JSON; what is not text is left out. */
export function parseKeyValues(parsed: unknown): Map<string, Map<string, string>> {
  const namespaces = new Map<string, Map<string, string>>();
  const table = typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>)['configTable'] : null;
  if (typeof table !== 'object' || table === null) return namespaces;
  for (const [namespace, entries] of Object.entries(table)) {
    if (typeof entries !== 'object' || entries === null) continue;
    const values = new Map<string, string>();
    for (const [key, value] of Object.entries(entries)) if (typeof value === 'string') values.set(key, value);
    if (values.size > 0) namespaces.set(namespace, values);
  }
  return namespaces;
}
