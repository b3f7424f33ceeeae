/** Faults of an embedded cluster: the table of this folder's errors. Each code is listed in docs/errors.md. */

/** An option of `startCluster` that cannot be used. Nothing was started. */
export class ClusterOptionError extends Error {
  readonly code = 'MQ_CLUSTER_OPTION';
  readonly option: string;
  readonly value: string;
  /** What would have been accepted. */
  readonly range: string;

  constructor(option: string, value: unknown, range: string) {
    const shown = String(value).slice(0, 200);
    super(`Cannot start a cluster with ${option}=${shown}: must be ${range}`);
    this.name = 'ClusterOptionError';
    this.option = option;
    this.value = shown;
    this.range = range;
  }
}

/** A cluster, or a part of it, that does not run: stopped, or ended by a fault, which is the cause then. */
export class ClusterStoppedError extends Error {
  readonly code = 'MQ_CLUSTER_STOPPED';

  constructor(what: string, cause?: Error) {
    super(`Cannot ${what}: the cluster has ended${cause === undefined ? '' : `: ${cause.message}`}`, { cause });
    this.name = 'ClusterStoppedError';
  }
}

/** An error of the cluster's own thread, as it came over: name, text, code and fields are those it had there. */
export type ErrorInWords = {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
};

const FIELDS_MAX = 16;

export function clusterErrorInWords(error: Error): ErrorInWords {
  const fields: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(error).slice(0, FIELDS_MAX)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') fields[name] = value;
  }
  return { name: error.name, message: error.message, stack: error.stack ?? '', fields };
}

/** An `Error` with the fields of the one that was thrown: classes do not travel between threads, codes do. */
export function clusterErrorFromWords(words: ErrorInWords): Error {
  const error = new Error(words.message);
  error.stack = words.stack;
  return Object.assign(error, words.fields, { name: words.name });
}
