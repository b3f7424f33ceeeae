/**
 * The errors of the store worker: faults of the world, each with a code that is a promise and a text that is not.
 */

/** Every code that the store worker throws; `docs/errors.md` has a line for each. */
export const STORE_ERROR_CODES = ['MQ_STORE_TOO_MANY_QUEUES', 'MQ_STORE_UNFILED', 'MQ_STORE_OPEN', 'MQ_STORE_FENCED'] as const;

export type StoreErrorCode = (typeof STORE_ERROR_CODES)[number];

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  readonly fields: Readonly<Record<string, string | number | boolean>>;

  constructor(code: StoreErrorCode, text: string, fields: Readonly<Record<string, string | number | boolean>> = {}) {
    super(text);
    this.name = 'StoreError';
    this.code = code;
    this.fields = fields;
  }
}
