/**
 * The errors of this room: bytes or text that are not what the field's formats say. Faults of the world, never of the code:
 * who reads a file or a frame decides what they mean there.
 */

/** A commit-log record that cannot be read. `at` is where it begins in the bytes given. */
export class MessageRecordError extends Error {
  readonly code = 'MQ_MODEL_BAD_RECORD';
  readonly at: number;

  constructor(reason: string, at: number) {
    super(`Cannot read the message record at byte ${at}: ${reason}`);
    this.name = 'MessageRecordError';
    this.at = at;
  }
}

/** A subscription expression or a message id that does not follow its grammar. */
export class MessageTextError extends Error {
  readonly code = 'MQ_MODEL_BAD_TEXT';

  constructor(message: string) {
    super(message);
    this.name = 'MessageTextError';
  }
}
