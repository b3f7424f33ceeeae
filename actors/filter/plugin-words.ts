/** What a plugin's worker and the root say to each other beside the exchange: birth data, control calls, and the one word of a failure. Types, and the layout of the pulse. */
import type { MessagePort } from 'node:worker_threads';
import type { ParkPolicy } from './filter-plugin.ts';
import type { ExchangeMemory } from './plugin-exchange.ts';

/** A version of a plugin as it was loaded: the text of its file, and what Node took it for; null: it did not say. */
export type PluginSource = { readonly text: string; readonly format: string | null };

/** `workerData` of a plugin's worker. */
export type PluginBirth = {
  readonly plugin: string;
  /** URL of its file. */
  readonly file: string;
  /** What is loaded in place of what the file holds now; null: that. */
  readonly source: PluginSource | null;
  /** From 1; one more with each worker of this plugin. */
  readonly generation: number;
  readonly exchange: ExchangeMemory;
  /** PULSE_WORDS words: the worker's own. */
  readonly pulse: SharedArrayBuffer;
  readonly control: MessagePort;
  /** Of buffers, which V8's own limit does not count. */
  readonly bufferBytesMax: number;
};

/** Moves with every call of the plugin; read by the supervisor at its ticks. */
export const PROGRESS = 0;
export const PULSE_WORDS = 4;

/** What a version says of itself when it has been loaded. */
export type PluginDescription = {
  readonly description: string;
  readonly whenParked: ParkPolicy | null;
};

export type PluginLoaded =
  | { readonly ok: true; readonly description: PluginDescription; readonly threadId: string | null; readonly source: PluginSource }
  | { readonly ok: false; readonly fault: string };

/** Control calls, by comlink. */
export type PluginControl = {
  /** Imports the file and has it start; afterwards it serves as soon as the exchange says so. */
  load(): Promise<PluginLoaded>;
  describe(): PluginDescription;
  health(): PluginHealth;
};

export type PluginHealth = { readonly batches: number; readonly judged: number; readonly heapBytes: number; readonly bufferBytes: number };

/** The worker's last word. */
export type PluginFailed = { readonly word: 'plugin-failed'; readonly fault: string };
