/**
 * Faults that the runtime raises. `code` is a promise to callers, the text is not.
 */

export type RuntimeErrorCode =
  | 'MQ_RUNTIME_ASK_TIMEOUT'
  | 'MQ_RUNTIME_UNKNOWN_THREAD'
  | 'MQ_RUNTIME_BAD_PLACEMENT'
  | 'MQ_RUNTIME_BAD_PATH'
  | 'MQ_RUNTIME_BAD_SPEC'
  | 'MQ_RUNTIME_LIMIT'
  | 'MQ_RUNTIME_NOT_A_MESSAGE'
  | 'MQ_RUNTIME_RECORD_TOO_LARGE'
  | 'MQ_RUNTIME_RING_CORRUPT'
  | 'MQ_RUNTIME_ACTOR_FAILED'
  | 'MQ_RUNTIME_THREAD_START'
  | 'MQ_RUNTIME_THREAD_DIED'
  | 'MQ_RUNTIME_ESCALATION'
  | 'MQ_RUNTIME_STOPPED'
  | 'MQ_RUNTIME_CALL_TIMEOUT'
  | 'MQ_RUNTIME_JOB_REFUSED';

/** A fault of the runtime's world; `detail` holds the values at fault. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: RuntimeErrorCode;
  readonly detail: Readonly<Record<string, string | number | boolean>>;

  constructor(code: RuntimeErrorCode, text: string, detail: Readonly<Record<string, string | number | boolean>> = {}, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause });
    this.code = code;
    this.detail = detail;
  }
}

/** What was thrown, as an Error: JavaScript lets anything be thrown. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`Thrown value that is no Error: ${String(thrown)}`);
}
