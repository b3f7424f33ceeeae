/**
 * Configuration actor: owns the settings of the process and what of them has changed since it was configured. One a process, at
 * `root/configuration`. A change goes through: decided as a whole (decide-update.ts), saved to ringmq.properties, brought to every
 * thread that works by a live setting, answered. So whoever has the answer meets the change everywhere; a save that fails changes
 * nothing. A thread that is being replaced begins with the current settings. Changes are made one after the other.
 *
 * A name server alone has no store: what is changed there lasts as long as the process.
 * Source: RocketMQ 5.4 `Configuration`, `AdminBrokerProcessor.updateBrokerConfig`.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import { settingsPath } from '../broker/actor-paths.ts';
import type { BrokerConfig, ConfigChange } from '../broker/broker-config.ts';
import { changedConfig, fieldOfKey } from '../broker/broker-config.ts';
import type { SaveTable, TableSaved } from '../store/store-messages.ts';
import { TableCourierActor } from '../store/table-courier-actor.ts';
import type { Refusal, SettingsScope } from './decide-update.ts';
import { decideUpdate, isLive, listSettings } from './decide-update.ts';
import type { ApplySettings, SettingsApplied } from './settings-actor.ts';
import { propertyLine, SETTINGS_FILE, settingsFileText } from './settings-file.ts';

/** `text`: the request's body, Java properties. */
export type UpdateSettings = {
  kind: 'update-settings';
  scope: SettingsScope;
  text: Uint8Array;
  by: string;
  replyTo: ActorRef<SettingsUpdated>;
};
/** `outcome` 'done': `remark` names what has no effect, or only at the next start; else it says why. */
export type SettingsUpdated = { kind: 'settings-updated'; outcome: SettingsOutcome; remark: string };
/** `late`: made and saved, but a thread did not say so in time. */
export type SettingsOutcome = 'done' | Refusal | 'busy' | 'not-saved' | 'late';
export type GetSettings = { kind: 'get-settings'; scope: SettingsScope; replyTo: ActorRef<SettingsListed> };
/** All settings as Java properties, and the version that moves with every change. */
export type SettingsListed = { kind: 'settings-listed'; text: string; counter: number; timestamp: number };
export type ConfigurationCommand = UpdateSettings | GetSettings;

type Saved = { kind: 'saved'; ok: boolean; error: string };
type Applied = { kind: 'applied'; round: number; thread: string; ok: boolean };
type Again = { kind: 'again'; round: number; thread: string };

export type ConfigurationOptions = {
  /** Settings that were saved by former processes: they stay in the file. */
  readonly saved: readonly ConfigChange[];
  readonly current: () => BrokerConfig;
  /** The process works by these from now on: threads that start, and the root itself. */
  readonly changed: (next: BrokerConfig) => void;
  /** Threads with a settings actor. */
  readonly threads: readonly string[];
  /** Path of the store actor; null: there is no store. */
  readonly store: string | null;
};

const SAVE_MAX_MS = 30_000;
/** Longer than a registration with name servers may take. */
const APPLY_MAX_MS = 5_000;
const APPLY_AGAIN_MS = 100;
/** A thread that is being replaced has its settings from its start; it is waited for all the same, so long. */
const APPLY_TRIES = 3;
const WAITING_MAX = 64;

type Update = { readonly message: UpdateSettings; readonly changes: readonly ConfigChange[]; readonly remark: string };

export class ConfigurationActor implements Actor<ConfigurationCommand | Saved | Applied | Again> {
  readonly #options: ConfigurationOptions;
  /** All that the file is to hold. */
  #saved: Map<string, string>;
  /** Fields changed in this process, live. */
  readonly #live: Set<string> = new Set();
  #counter = 0;
  #timestamp = 0;
  #courier: ActorRef<SaveTable> | null = null;
  readonly #waiting: UpdateSettings[] = [];
  #update: Update | null = null;
  #round = 0;
  /** Threads that have not answered in this round, with the tries left. */
  readonly #unanswered: Map<string, number> = new Map();
  readonly #late: string[] = [];

  constructor(options: ConfigurationOptions) {
    this.#options = options;
    this.#saved = new Map(options.saved.map(({ key, value }) => [key, value]));
  }

  started(context: ActorContext): void {
    const { store } = this.#options;
    this.#timestamp = context.now();
    if (store !== null) this.#courier = context.spawn({ id: 'table-courier', create: () => new TableCourierActor(store) });
  }

  receive(message: ConfigurationCommand | Saved | Applied | Again, context: ActorContext): void {
    switch (message.kind) {
      case 'update-settings':
        if (this.#waiting.length >= WAITING_MAX)
          message.replyTo.tell({
            kind: 'settings-updated',
            outcome: 'busy',
            remark: `${WAITING_MAX} changes of settings wait already: try again later`,
          });
        else this.#waiting.push(message);
        this.#next(context);
        return;
      case 'get-settings': {
        const { scope, replyTo } = message;
        const lines = listSettings(this.#options.current(), this.#saved, scope).map(([key, value]) => propertyLine(key, value));
        replyTo.tell({ kind: 'settings-listed', text: lines.join(''), counter: this.#counter, timestamp: this.#timestamp });
        return;
      }
      case 'saved':
        this.#onSaved(message, context);
        return;
      case 'applied':
        this.#onApplied(message, context);
        return;
      case 'again':
        if (message.round === this.#round && this.#unanswered.has(message.thread)) this.#tell(message.thread, context);
        return;
    }
  }

  #next(context: ActorContext): void {
    while (this.#update === null) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      const decision = decideUpdate(message.text, message.scope, this.#options.current(), this.#saved);
      if (decision.kind === 'refuse') {
        context.log('warn', 'a change of settings was refused', { by: message.by, reason: decision.reason, remark: decision.remark });
        message.replyTo.tell({ kind: 'settings-updated', outcome: decision.reason, remark: decision.remark });
      } else if (decision.changes.length === 0) {
        message.replyTo.tell({ kind: 'settings-updated', outcome: 'done', remark: decision.remark });
      } else this.#begin({ message, changes: decision.changes, remark: decision.remark }, context);
    }
  }

  #begin(update: Update, context: ActorContext): void {
    this.#update = update;
    if (this.#courier === null) {
      this.#onSaved({ kind: 'saved', ok: true, error: '' }, context);
      return;
    }
    const text = settingsFileText(this.#withChanges());
    context.ask<TableSaved, SaveTable>(
      this.#courier,
      (replyTo) => ({ kind: 'save-table', name: SETTINGS_FILE, text, sync: true, replyTo }),
      SAVE_MAX_MS,
      (reply): Saved => ({
        kind: 'saved',
        ok: reply?.ok === true,
        error: reply === undefined ? `the store gave no answer within ${SAVE_MAX_MS} ms` : (reply.error ?? ''),
      }),
    );
  }

  #withChanges(): Map<string, string> {
    const saved = new Map(this.#saved);
    for (const { key, value } of this.#update?.changes ?? []) saved.set(key, value);
    return saved;
  }

  #onSaved({ ok, error }: Saved, context: ActorContext): void {
    const { message, changes } = this.#update!;
    if (!ok) {
      context.log('error', 'the settings could not be saved', { error });
      this.#answer('not-saved', `${SETTINGS_FILE} could not be saved, so the settings are as they were: ${error}`, context);
      return;
    }
    this.#saved = this.#withChanges();
    this.#counter++;
    this.#timestamp = context.now();
    const live = changes.filter(({ key }) => isLive(key));
    for (const { key } of live) this.#live.add(fieldOfKey(key)!);
    context.log('info', 'settings changed', { by: message.by, settings: changes.map(({ key, value }) => `${key}=${value}`).join(' ') });
    if (live.length > 0) this.#options.changed(changedConfig(this.#options.current(), live));
    this.#round++;
    this.#unanswered.clear();
    this.#late.length = 0;
    if (live.length > 0) for (const thread of this.#options.threads) this.#unanswered.set(thread, APPLY_TRIES);
    for (const thread of this.#options.threads) if (this.#unanswered.has(thread)) this.#tell(thread, context);
    this.#finishWhenAllAnswered(context);
  }

  #tell(thread: string, context: ActorContext): void {
    const round = this.#round;
    const fields = JSON.stringify(this.#options.current(), [...this.#live]);
    context.ask<SettingsApplied, ApplySettings>(
      context.ref<ApplySettings>(settingsPath(thread)),
      (replyTo) => ({ kind: 'apply-settings', fields, replyTo }),
      APPLY_MAX_MS,
      (reply): Applied => ({ kind: 'applied', round, thread, ok: reply !== undefined }),
    );
  }

  #onApplied({ round, thread, ok }: Applied, context: ActorContext): void {
    const tries = this.#unanswered.get(thread);
    if (round !== this.#round || tries === undefined) return;
    if (ok || tries <= 1) {
      this.#unanswered.delete(thread);
      if (!ok) this.#late.push(thread);
      this.#finishWhenAllAnswered(context);
      return;
    }
    this.#unanswered.set(thread, tries - 1);
    context.schedule(APPLY_AGAIN_MS, { kind: 'again', round, thread } as Again);
  }

  #finishWhenAllAnswered(context: ActorContext): void {
    if (this.#unanswered.size > 0) return;
    const { remark } = this.#update!;
    if (this.#late.length === 0) {
      this.#answer('done', remark, context);
      return;
    }
    context.log('error', 'threads did not say that they have changed settings', { threads: this.#late.join(' ') });
    this.#answer('late', `saved, but ${this.#late.join(', ')} did not answer in time: ask for the settings later`, context);
  }

  #answer(outcome: SettingsOutcome, remark: string, context: ActorContext): void {
    const { message } = this.#update!;
    this.#update = null;
    message.replyTo.tell({ kind: 'settings-updated', outcome, remark });
    this.#next(context);
  }
}
